"""Standard errors of paired differences, against scores that are computed again without each image."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from qabwnas.data.splits import TensorSplit
from qabwnas.errors import FormatError
from qabwnas.report.paired import paired_difference, read_scores, write_scores
from qabwnas.train.tasks import Classification, Segmentation, Task


class Given(nn.Module):
    """A network whose logits are its input: it gives what the images say."""

    def forward(self, images: Tensor) -> Tensor:
        return images


def answers(generator: torch.Generator, n: int, shape: tuple[int, ...]) -> Tensor:
    return torch.rand(n, 3, *shape, generator=generator)


@pytest.mark.parametrize("make", [Classification, lambda splits: Segmentation(splits, 3)], ids=["accuracy", "mIoU"])
@given(seed=st.integers(0, 1000), n=st.integers(2, 9))
@settings(max_examples=20, deadline=None)
def test_the_error_is_the_jackknife_of_the_difference(make: type[Task], seed: int, n: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    task = make(None)  # type: ignore[arg-type]  # scores need no splits
    is_dense = isinstance(task, Segmentation)
    shape = (4, 5) if is_dense else ()
    labels = torch.randint(0, 3, (n, *shape), generator=generator)
    first, second = answers(generator, n, shape), answers(generator, n, shape)

    def score(logits: Tensor, chosen: list[int]) -> float:
        return task.score(Given(), TensorSplit(logits[chosen], labels[chosen], lambda images, _: images)).value

    everything = list(range(n))
    one, other = (task.score(Given(), TensorSplit(each, labels, lambda i, _: i)) for each in (first, second))
    assert one.leave_one_out is not None
    assert other.leave_one_out is not None
    rest = [everything[:i] + everything[i + 1 :] for i in everything]
    differences = np.array([score(first, chosen) - score(second, chosen) for chosen in rest])
    expected = math.sqrt((n - 1) / n * sum((differences - differences.mean()) ** 2))
    found = paired_difference(one.value, one.leave_one_out, other.value, other.leave_one_out)
    assert found.value == pytest.approx(score(first, everything) - score(second, everything))
    assert found.standard_error == pytest.approx(expected, abs=1e-9)


def test_equal_networks_differ_by_nothing_and_a_pair_has_a_smaller_error_than_its_scores() -> None:
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(0, 3, (500,), generator=generator)
    logits = nn.functional.one_hot(labels, 3).float() + 1.5 * answers(generator, 500, ())
    changed = torch.cat([answers(generator, 25, ()), logits[25:]])
    split = TensorSplit(logits, labels, lambda images, _: images)
    scores = [Classification(None).score(Given(), TensorSplit(x, labels, split.augment)) for x in (logits, changed)]  # type: ignore[arg-type]
    first, second = scores
    assert first.leave_one_out is not None
    assert second.leave_one_out is not None
    same = paired_difference(first.value, first.leave_one_out, first.value, first.leave_one_out)
    assert same == (0, 0)
    difference = paired_difference(second.value, second.leave_one_out, first.value, first.leave_one_out)
    assert difference.value < 0
    assert 0 < difference.standard_error < math.hypot(first.standard_error, second.standard_error)


def test_scores_read_back(tmp_path: Path) -> None:
    path = tmp_path / "paired.safetensors"
    scores = {"teacher INT8, retrained": np.arange(3.0), "size_bytes-1kB-abc": np.full(3, 0.5)}
    write_scores(path, scores)
    found = read_scores(path)
    assert {name: each.tolist() for name, each in found.items()} == {
        name: each.tolist() for name, each in scores.items()
    }
    path.write_bytes(path.read_bytes()[:20])
    with pytest.raises(FormatError, match="paired.safetensors: not the scores of a report"):
        read_scores(path)

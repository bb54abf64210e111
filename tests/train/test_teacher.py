"""A teacher learns with its auxiliary head, whose loss is weighted; it is scored while it learns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from qabwnas.data.splits import Split, Splits, TensorSplit
from qabwnas.data.transforms import random_shift
from qabwnas.nets.layers import build_auxiliary
from qabwnas.nets.network import build_network
from qabwnas.space import mbconv
from qabwnas.train import log
from qabwnas.train.sampling import seeded_generators
from qabwnas.train.settings import Training
from qabwnas.train.tasks import Classification, Score, Task
from qabwnas.train.teacher import BothHeads, PartlyFrozen, train_teacher, weighted_loss
from qabwnas.train.trainer import Progress
from tests.spaces import TINY


class Mean(Task):
    """The loss is the mean logit."""

    def __init__(self) -> None:
        pass

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:  # noqa: ARG002
        return logits.mean()

    def score(self, network: nn.Module, split: Split, *, workers: int = 0) -> Score:
        raise NotImplementedError


def test_it_is_scored_ten_times_which_changes_no_weight(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    generator = torch.Generator().manual_seed(0)
    split = TensorSplit(torch.rand(40, 1, 8, 6, generator=generator), torch.arange(40) % 3, random_shift)
    task = Classification(Splits(split, split, split, split))
    scores = []

    def score(*arguments: Any, **options: Any) -> Score:
        torch.rand(3)  # a score of users may draw random numbers
        found = Classification.score(task, *arguments, **options)
        scores.append(found.value)
        return found

    def weights(name: str) -> dict[str, Tensor]:
        with seeded_generators(0):
            network = build_network(TINY, [[mbconv(5, 2)], [mbconv(3, 3)]])
        settings, progress = Training(20, 8, 0.01), Progress(tmp_path / f"{name}.pt", "")
        train_teacher(network, task, settings, seed=1, name=name, progress=progress)
        return network.state_dict()

    monkeypatch.setattr(task, "score", score)
    scored = weights("scored")
    assert len(scores) == 10
    monkeypatch.setattr(log, "N_SCORES", 0)
    without = weights("without")
    assert len(scores) == 10
    assert scored.keys() == without.keys()
    assert all(torch.equal(scored[name], without[name]) for name in scored)


def test_the_auxiliary_loss_is_weighted() -> None:
    network = build_network(TINY, [[mbconv(5, 2)], [mbconv(3, 3)]]).eval()
    network.auxiliary = build_auxiliary(TINY, 0, 5).eval()
    x, labels = torch.rand(2, 1, 8, 6), torch.zeros(2)
    logits, auxiliary = BothHeads(network)(x)
    expected = logits.mean() + 0.4 * auxiliary.mean()
    torch.testing.assert_close(weighted_loss(Mean().loss, (logits, auxiliary), labels, 0.4), expected)
    torch.testing.assert_close(weighted_loss(Mean().loss, network(x), labels, 0.4), logits.mean())


def test_frozen_batch_norm_stays_frozen_where_data_parallel_training_replaces_it() -> None:
    norm = nn.BatchNorm2d(3)
    trained = PartlyFrozen(nn.Sequential(nn.Conv2d(1, 3, 1), norm), [norm])
    assert [name for name, parameter in trained.named_parameters() if parameter.requires_grad] == [
        "network.0.weight",
        "network.0.bias",
    ]
    trained.network.set_submodule("1", nn.BatchNorm2d(3))  # as convert_sync_batchnorm does
    assert [part.training for part in trained.train().network.modules()] == [True, True, False]

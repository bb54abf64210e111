"""Tasks of users' own code: made from settings, and one line for what their code does wrong."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn

from qabwnas.data.splits import Batch, Split
from qabwnas.errors import InputError
from qabwnas.train.own_task import make_task
from tests.pipeline import own_code
from tests.pipeline.own_code import Brightness

HERE = own_code.__name__


def test_a_task_computes_what_the_class_computes() -> None:
    own, plain = make_task(f"{HERE}.Brightness", {"n": 40}), Brightness(n=40)
    batch = own.splits.test.read(range(6))
    logits = torch.rand(6, 10)
    assert own.score_name == "accuracy"
    assert torch.equal(own.loss(logits, batch.labels), plain.loss(logits, batch.labels))
    network = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    ours, theirs = own.score(network, own.splits.test, workers=2), plain.score(network, plain.splits.test)
    assert ours == theirs
    assert ours.leave_one_out is not None
    assert theirs.leave_one_out is not None
    assert ours.leave_one_out.tolist() == theirs.leave_one_out.tolist()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Raises", rf"{HERE}.Raises: raised ValueError: no luck \(.*own_code.py, line \d+\)"),
        ("NoSplits", "NoSplits: its splits are NoneType; call super.* with Splits"),
        ("NoName", "NoName: score_name is '', not the name of its score"),
    ],
)
def test_a_task_that_cannot_be_made_is_named(name: str, message: str) -> None:
    with pytest.raises(InputError, match=f"{message}$"):
        make_task(f"{HERE}.{name}", {})


class Layout(Split):
    def __init__(self, images: Any, labels: Any) -> None:
        self.batch = Batch(images, labels)

    def __len__(self) -> int:
        return 1

    def read(self, indices: Any) -> Batch:  # noqa: ARG002
        return self.batch

    def draw(self, indices: Any, seed: int) -> Batch:  # noqa: ARG002
        return self.batch

    def digest(self) -> str:
        return ""


@pytest.mark.parametrize(
    ("split", "message"),
    [
        (5, "the validation split is int, not a Split"),
        (
            Layout(torch.rand(1, 8, 8), torch.zeros(1)),
            r"read gives no images of float32 \(n, channels, height, width\)",
        ),
        (Layout(torch.rand(1, 1, 8, 8).double(), torch.zeros(1)), "read gives no images of float32"),
        (Layout(torch.rand(1, 1, 8, 8), {"boxes": 1}), "read gives labels that are no tensor with one entry per image"),
        (Layout(torch.rand(1, 1, 8, 8), torch.tensor(1)), "read gives labels that are no tensor"),
    ],
)
def test_a_split_of_another_layout_is_named(split: Any, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    splits = replace(Brightness().splits, validation=split)
    monkeypatch.setattr(own_code, "divide_datasets", lambda *_, **__: splits)
    with pytest.raises(InputError, match=message):
        make_task(f"{HERE}.Brightness", {})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"value": 1.5},
            r"accuracy is 1.5, not a number of 0 … 1, where 1 is best; turn an error e into 1 / \(1 \+ e\)",
        ),
        ({"value": float("nan")}, "accuracy is nan, not a number of 0 … 1"),
        ({"value": 0.5, "error": float("inf")}, "the standard error is inf, not a number of 0 or more"),
        (
            {"value": 0.5, "without": [0.5, 0.5]},
            r"leave_one_out is float64 \(2,\), not an array of float64 \([0-9]+,\), or None",
        ),
        ({"value": 0.5, "without": [float("nan")] * 60}, "leave_one_out has values that are no finite numbers"),
        ({"value": 1}, "gives int, not a Score"),
        ({"value": None}, "gives NoneType, not a Score"),
    ],
)
def test_a_score_that_is_none_is_named(settings: dict[str, Any], message: str) -> None:
    task = make_task(f"{HERE}.Scored", settings)
    with pytest.raises(InputError, match=rf"^{HERE}.Scored.score: {message}"):
        task.score(nn.Identity(), task.splits.test)


def test_a_loss_of_another_shape_or_with_an_error_is_named() -> None:
    task = make_task(f"{HERE}.VectorLoss", {})
    with pytest.raises(InputError, match=r"VectorLoss.loss: gives a tensor of the shape \(2,\), not a tensor with a"):
        task.loss(torch.rand(2, 10), torch.zeros(2, dtype=torch.int64))
    with pytest.raises(InputError, match="VectorLoss.loss: raised IndexError: Target 99 is out of bounds"):
        task.loss(torch.rand(2, 10), torch.full((2,), 99))

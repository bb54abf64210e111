"""Tasks, heads and metrics as users write them, right and wrong, for the space of ``tiny``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import Dataset

from qabwnas.costs import CostMetric, OperatorCost
from qabwnas.quant.operators import GlobalAverage, Linear
from qabwnas.train import Classification, Score, Split, Task, divide_datasets


class Noise(Dataset[tuple[Tensor, int]]):
    """Images of noise, whose brightness is their class."""

    def __init__(self, n: int, side: int = 8) -> None:
        self.n, self.side = n, side

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        generator = torch.Generator().manual_seed(index)
        return torch.rand(1, self.side, self.side, generator=generator) + index % 10, index % 10


class Brightness(Classification):
    version = ""

    def __init__(self, n: int = 60, side: int = 8, root: Path | None = None, notes: str = "") -> None:
        super().__init__(divide_datasets(Noise(n, side), Noise(n, side), calibration=10, validation=10))
        self.root, self.notes = root, notes

    @classmethod
    def fingerprint(cls) -> str:
        return cls.version


class NoLoss(Task):
    score_name = "nothing"


class NoSplits(Classification):
    def __init__(self) -> None:
        pass


class NoName(Brightness):
    score_name = ""


class Raises(Brightness):
    def __init__(self) -> None:
        raise ValueError("no\nluck")


class VectorLoss(Brightness):
    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        return F.cross_entropy(logits, labels, reduction="none")


class Scored(Brightness):
    def __init__(self, value: Any, error: float = 0.0, without: list[float] | None = None) -> None:
        super().__init__()
        self.value, self.error = value, error
        self.without = None if without is None else np.array(without)

    def score(self, network: nn.Module, split: Split, *, workers: int = 0) -> Any:  # noqa: ARG002
        return Score(self.value, self.error, self.without) if isinstance(self.value, float) else self.value


class PlainClassifier(nn.Module):
    """The built-in classifier, as a head of one's own."""

    def __init__(self, in_channels: int, classes: int, scales: tuple[float, ...] = ()) -> None:
        super().__init__()
        self.average = GlobalAverage()
        self.linear = Linear(in_channels, classes)
        self.scales = scales

    def forward(self, x: Tensor) -> Any:
        return self.linear(self.average(x))


class FloatHead(PlainClassifier):
    def forward(self, x: Tensor) -> Any:
        return self.linear(F.dropout(F.gelu(self.average(x)), training=self.training))


class TwoOutputs(PlainClassifier):
    def forward(self, x: Tensor) -> Any:
        return self.linear(self.average(x)), x


class Branches(PlainClassifier):
    def forward(self, x: Tensor) -> Any:
        return self.linear(self.average(x)) if x.sum() > 0 else x


class FewerClasses(PlainClassifier):
    def __init__(self, in_channels: int, classes: int) -> None:
        super().__init__(in_channels, classes - 1)


def no_module(in_channels: int, classes: int) -> int:
    return in_channels * classes


BITOPS = CostMetric("own_bitops", "BitOps", "sum", OperatorCost.bitops)
PEAK = CostMetric("own_peak_bytes", "bytes", "max", OperatorCost.peak_activation_bytes)
TAKEN = CostMetric("macs", "MACs", "sum", OperatorCost.bitops)
NEGATIVE = CostMetric("minus", "", "sum", lambda operator, _: -operator.macs)
NOT_A_NUMBER = CostMetric("nan", "", "sum", lambda _, __: float("nan"))
MEAN = CostMetric("mean", "", "mean", OperatorCost.bitops)  # type: ignore[arg-type]
BROKEN = CostMetric("broken", "", "sum", lambda operator, _: operator.joules)  # type: ignore[attr-defined]


def scaled(factor: float) -> CostMetric:
    return CostMetric("scaled_macs", "", "sum", lambda operator, _: operator.macs * factor)

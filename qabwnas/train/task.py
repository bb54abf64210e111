"""Tasks: what networks are trained for and judged by. Only what implements :class:`Task` knows which task it is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from torch import Tensor, nn

from qabwnas.data.splits import Split, Splits


@dataclass(frozen=True)
class Score:
    """How good a network is on a split.

    Attributes:
        value: 0 … 1, higher is better.
        standard_error: of ``value``, from the split being a sample of images.
    """

    value: float
    standard_error: float


class Task(ABC):
    """A data set with its loss and its score.

    Attributes:
        splits: the data.
        score_name: what the score is called.
    """

    score_name: str

    def __init__(self, splits: Splits) -> None:
        self.splits = splits

    @abstractmethod
    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Return the loss of logits as a scalar."""

    @abstractmethod
    def score(self, network: nn.Module, split: Split, *, workers: int = 0) -> Score:
        """Return the score of a network, on the device that it is on; it is left in evaluation mode.

        ``workers`` processes read the images.
        """


def device_of(network: nn.Module) -> str:
    """Return the device of a network's first parameter or buffer; one that has none runs on the CPU."""
    for tensor in (*network.parameters(), *network.buffers()):
        return str(tensor.device)
    return "cpu"

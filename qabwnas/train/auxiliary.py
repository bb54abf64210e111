"""A teacher in training together with its auxiliary head."""

from __future__ import annotations

from torch import Tensor, nn

from qabwnas.nets.network import Network
from qabwnas.train.task import Task


class BothHeads(nn.Module):
    """Gives the logits of the head and those of the auxiliary head in one pass."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.network.auxiliary_forward(x)


def weighted_loss(task: Task, logits: Tensor | tuple[Tensor, Tensor], labels: Tensor, weight: float) -> Tensor:
    """Return the task's loss, plus ``weight`` times that of the auxiliary logits where there are some."""
    if isinstance(logits, Tensor):
        return task.loss(logits, labels)
    return task.loss(logits[0], labels) + weight * task.loss(logits[1], labels)

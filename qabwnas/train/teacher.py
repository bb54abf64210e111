"""Train a network from labels: the teacher, with its auxiliary head if it has one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from qabwnas.data.splits import Batch
from qabwnas.nets.network import Network
from qabwnas.train.feed import labelled_feed
from qabwnas.train.loop import train
from qabwnas.train.settings import Training
from qabwnas.train.tasks import Task
from qabwnas.train.trainer import CPU, Progress


def train_teacher(
    network: nn.Module,
    task: Task,
    settings: Training,
    *,
    seed: int,
    name: str,
    progress: Progress,
    auxiliary_weight: float = 0.0,
    device: torch.device = CPU,
    workers: int = 0,
) -> None:
    """Train ``network`` in place on the training split; raises as :func:`~qabwnas.train.loop.train`.

    If it has an auxiliary head, the head is trained too, and its loss is weighted by ``auxiliary_weight``. ``workers``
    processes read the images. The score on the validation split is shown from time to time.
    """
    trained = network
    if isinstance(network, Network) and network.auxiliary is not None:
        trained = BothHeads(network)

    def loss(forward: nn.Module, batch: Batch, _: int) -> Tensor:
        return weighted_loss(task, forward(batch.images), batch.labels, auxiliary_weight)

    def score() -> tuple[str, float]:
        with unchanged_modes(network):
            return task.score_name, task.score(network, task.splits.validation, workers=workers).value

    feed = labelled_feed(task.splits.train, settings.batch, seed, device=device, workers=workers)
    train(trained, loss, feed, settings, seed=seed, name=name, progress=progress, device=device, score=score)


@contextmanager
def unchanged_modes(network: nn.Module) -> Iterator[None]:
    """Restore which modules are in training mode after the ``with`` block."""
    before = {module: module.training for module in network.modules()}
    try:
        yield
    finally:
        for module, training in before.items():
            module.training = training


class BothHeads(nn.Module):
    """Gives the logits of the head and of the auxiliary head in one pass."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.network.auxiliary_forward(x)


def weighted_loss(task: Task, logits: Tensor | tuple[Tensor, Tensor], labels: Tensor, weight: float) -> Tensor:
    """Return the task's loss, plus ``weight`` times the loss of the auxiliary logits if there are some."""
    if isinstance(logits, Tensor):
        return task.loss(logits, labels)
    return task.loss(logits[0], labels) + weight * task.loss(logits[1], labels)

"""Train a network from its labels: the teacher."""

from __future__ import annotations

from torch import Tensor, nn

from qabwnas.data.splits import Split
from qabwnas.train.loop import Progress, train
from qabwnas.train.order import Order
from qabwnas.train.settings import Training
from qabwnas.train.task import Task


def train_teacher(
    network: nn.Module, split: Split, task: Task, settings: Training, *, seed: int, name: str, progress: Progress
) -> None:
    """Train ``network`` in place on augmented images of ``split``; raises as :func:`~qabwnas.train.loop.train`."""
    order = Order(len(split), settings.batch, seed)

    def loss_at(step: int) -> Tensor:
        chosen = order(step)
        return task.loss(network(task.augment(split.images[chosen])), split.labels[chosen])

    train(network, loss_at, settings, seed=seed, name=name, progress=progress)

"""Train a network from its labels: the teacher."""

from __future__ import annotations

from torch import Tensor, nn

from qabwnas.train.loop import Progress, train
from qabwnas.train.order import Order
from qabwnas.train.seeds import derive_seed
from qabwnas.train.settings import Training
from qabwnas.train.task import Task


def train_teacher(
    network: nn.Module, task: Task, settings: Training, *, seed: int, name: str, progress: Progress
) -> None:
    """Train ``network`` in place on the training split; raises as :func:`~qabwnas.train.loop.train`."""
    split = task.splits.train
    order = Order(len(split), settings.batch, seed)

    def loss_at(step: int) -> Tensor:
        batch = split.draw(order(step).tolist(), derive_seed(seed, "step", step))
        return task.loss(network(batch.images), batch.labels)

    train(network, loss_at, settings, seed=seed, name=name, progress=progress)

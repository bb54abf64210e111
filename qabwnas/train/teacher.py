"""Train a network from its labels: the teacher."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from qabwnas.data.splits import Batch
from qabwnas.train.feed import CPU, labelled_feed
from qabwnas.train.loop import Progress, train
from qabwnas.train.settings import Training
from qabwnas.train.task import Task


def train_teacher(
    network: nn.Module,
    task: Task,
    settings: Training,
    *,
    seed: int,
    name: str,
    progress: Progress,
    device: torch.device = CPU,
    workers: int = 0,
) -> None:
    """Train ``network`` in place on the training split; raises as :func:`~qabwnas.train.loop.train`.

    ``workers`` processes read the images.
    """

    def loss(forward: nn.Module, batch: Batch, _: int) -> Tensor:
        return task.loss(forward(batch.images), batch.labels)

    feed = labelled_feed(task.splits.train, settings.batch, seed, device=device, workers=workers)
    train(network, loss, feed, settings, seed=seed, name=name, progress=progress, device=device)

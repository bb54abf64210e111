"""Train a network from its labels: the teacher."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from qabwnas.data.splits import Batch
from qabwnas.nets.network import Network
from qabwnas.train.auxiliary import BothHeads, weighted_loss
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
    auxiliary_weight: float = 0.0,
    device: torch.device = CPU,
    workers: int = 0,
) -> None:
    """Train ``network`` in place on the training split; raises as :func:`~qabwnas.train.loop.train`.

    If it has an auxiliary head, this is trained with it; its loss counts ``auxiliary_weight``. ``workers`` processes
    read the images.
    """
    trained = network
    if isinstance(network, Network) and network.auxiliary is not None:
        trained = BothHeads(network)

    def loss(forward: nn.Module, batch: Batch, _: int) -> Tensor:
        return weighted_loss(task, forward(batch.images), batch.labels, auxiliary_weight)

    feed = labelled_feed(task.splits.train, settings.batch_size, seed, device=device, workers=workers)
    train(trained, loss, feed, settings, seed=seed, name=name, progress=progress, device=device)

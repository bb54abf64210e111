"""Train a network from its labels: the teacher."""

from __future__ import annotations

from torch import Tensor

from qabwnas.nets.network import Network
from qabwnas.train.auxiliary import BothHeads, weighted_loss
from qabwnas.train.loop import Progress, train
from qabwnas.train.order import Order
from qabwnas.train.seeds import derive_seed
from qabwnas.train.settings import Training
from qabwnas.train.task import Task


def train_teacher(
    network: Network,
    task: Task,
    settings: Training,
    *,
    seed: int,
    name: str,
    progress: Progress,
    auxiliary_weight: float = 0.0,
) -> None:
    """Train ``network`` in place on the training split; raises as :func:`~qabwnas.train.loop.train`.

    If it has an auxiliary head, this is trained with it; its loss counts ``auxiliary_weight``.
    """
    trained = network if network.auxiliary is None else BothHeads(network)
    split = task.splits.train
    order = Order(len(split), settings.batch, seed)

    def loss_at(step: int) -> Tensor:
        batch = split.draw(order(step).tolist(), derive_seed(seed, "step", step))
        return weighted_loss(task, trained(batch.images), batch.labels, auxiliary_weight)

    train(trained, loss_at, settings, seed=seed, name=name, progress=progress)

"""Train a found network as a whole, in float or with the rounding of its bit widths."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from qabwnas.train.loop import Progress, train
from qabwnas.train.order import Order
from qabwnas.train.seeds import derive_seed
from qabwnas.train.settings import Training
from qabwnas.train.task import Task, device_of


def retrain(
    network: nn.Module,
    teacher: nn.Module,
    task: Task,
    settings: Training,
    *,
    distillation: float,
    seed: int,
    name: str,
    progress: Progress,
) -> None:
    """Train ``network`` in place on the labels and on the teacher's answers.

    The loss is ``(1 − distillation)`` times the task's loss, plus ``distillation`` (0 … 1) times the Kullback–Leibler
    divergence of the network's class probabilities from the teacher's (Hinton et al. 2015, at temperature 1): its mean
    over images, and over the pixels of logits that have some. Everything is on the device that ``network`` is on.
    Raises as :func:`~qabwnas.train.loop.train`.
    """
    split = task.splits.train
    order = Order(len(split), settings.batch, seed)
    device = device_of(network)
    teacher.eval()

    def loss_at(step: int) -> Tensor:
        batch = split.draw(order(step).tolist(), derive_seed(seed, "step", step)).to(device)
        logits = network(batch.images)
        loss = task.loss(logits, batch.labels)
        if not distillation:
            return loss
        with torch.no_grad():
            taught = F.log_softmax(teacher(batch.images), dim=1)
        divergence = F.kl_div(F.log_softmax(logits, dim=1), taught, reduction="none", log_target=True).sum(dim=1).mean()
        return (1 - distillation) * loss + distillation * divergence

    train(network, loss_at, settings, seed=seed, name=name, progress=progress)

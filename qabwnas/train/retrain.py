"""Train a network that a search found, as a whole, in float or with the rounding of its bit widths."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from qabwnas.data.splits import Batch
from qabwnas.train.feed import labelled_feed, micro_batches
from qabwnas.train.label_loss import label_loss
from qabwnas.train.loop import train
from qabwnas.train.settings import Training
from qabwnas.train.tasks import Task
from qabwnas.train.trainer import CPU, Progress


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
    device: torch.device = CPU,
    workers: int = 0,
) -> None:
    """Train ``network`` in place on the labels and on the teacher's predictions.

    The loss is ``(1 − distillation)`` times the task's loss, plus ``distillation`` (0 … 1) times the Kullback–Leibler
    divergence of the network's class probabilities from the teacher's (Hinton et al. 2015, at temperature 1): its mean
    over images, and over pixels if logits have them.
    Raises as :func:`~qabwnas.train.loop.train` and :func:`~qabwnas.train.label_loss.label_loss`.
    """
    teacher.eval().to(device)
    of_labels = label_loss(task, settings.label_smoothing)

    def loss_of(forward: nn.Module, batch: Batch, _: int) -> Tensor:
        logits = forward(batch.images)
        loss = of_labels(logits, batch.labels)
        if not distillation:
            return loss
        with torch.no_grad():
            target = F.log_softmax(teacher(batch.images), dim=1)
        divergence = F.kl_div(F.log_softmax(logits, dim=1), target, reduction="none", log_target=True).sum(dim=1).mean()
        return (1 - distillation) * loss + distillation * divergence

    feed = labelled_feed(task.splits.train, settings.batch, seed, device=device, workers=workers)
    train(
        network, loss_of, feed, settings, seed=seed, name=name, progress=progress, device=device, divide=micro_batches
    )

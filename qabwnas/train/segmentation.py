"""The task of naming a class for every pixel."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from qabwnas.data.splits import IGNORED, Split, Splits
from qabwnas.train.feed import read_batches
from qabwnas.train.task import Score, Task, device_of

BATCH = 4


class Segmentation(Task):
    """Cross-entropy and mean intersection over union, at the labels' resolution.

    Logits ``(n, n_classes, h, w)`` of any resolution are scaled up bilinearly.
    """

    score_name = "mIoU"

    def __init__(self, splits: Splits, n_classes: int) -> None:
        super().__init__(splits)
        self._n_classes = n_classes

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        return F.cross_entropy(_scaled(logits, labels), labels, ignore_index=IGNORED)

    @torch.inference_mode()
    def score(self, network: nn.Module, split: Split, *, workers: int = 0) -> Score:
        """Return the mean over classes of intersection over union, each counted over all pixels of the split.

        Classes that neither labels nor answers have are left out, as the data set's own evaluation does. The standard
        error is the jackknife's over images (Efron and Stein 1981).
        """
        network.eval()
        device = device_of(network)
        counts = []
        for batch in read_batches(split, BATCH, workers=workers):
            logits = network(batch.images.to(device))
            answers = _scaled(logits, batch.labels).argmax(dim=1)
            labels = batch.labels.to(device)
            counts += [self._confusion(a, b) for a, b in zip(answers, labels, strict=True)]
        confusion = torch.stack(counts).cpu()
        return Score(_mean_iou(confusion.sum(0)), _jackknife_error(confusion))

    def _confusion(self, answers: Tensor, labels: Tensor) -> Tensor:
        """Count the pixels of each (label, answer), int64 ``(n_classes, n_classes)``."""
        n = self._n_classes
        counted = labels != IGNORED
        return torch.bincount(labels[counted] * n + answers[counted], minlength=n * n).reshape(n, n)


def _scaled(logits: Tensor, labels: Tensor) -> Tensor:
    if logits.shape[2:] == labels.shape[1:]:
        return logits
    return F.interpolate(logits, size=labels.shape[1:], mode="bilinear", align_corners=False)


def _mean_iou(confusion: Tensor) -> float:
    right = confusion.diagonal().double()
    union = confusion.sum(0) + confusion.sum(1) - confusion.diagonal()
    there = union > 0
    return float((right[there] / union[there]).mean())


def _jackknife_error(confusions: Tensor) -> float:
    """Return the standard error of the mean IoU, given the confusion of every image, ``(n, n_classes, n_classes)``."""
    n = len(confusions)
    total = confusions.sum(0)
    without = torch.tensor([_mean_iou(total - one) for one in confusions], dtype=torch.float64)
    return math.sqrt((n - 1) / n * float((without - without.mean()).square().sum()))

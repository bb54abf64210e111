"""Tasks: what networks are trained for and evaluated by. Only a :class:`Task` knows which task it is.

A task of a user's own is a class derived from :class:`Task` (or from :class:`Classification` or :class:`Segmentation`,
which have a loss and a score); :mod:`~qabwnas.train.own_task` makes and checks it.
"""

from __future__ import annotations

import inspect
import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from qabwnas.data.batches import read_batches
from qabwnas.data.splits import IGNORED, Split, Splits

CLASSIFICATION_BATCH = 256
SEGMENTATION_BATCH = 4


@dataclass(frozen=True)
class Score:
    """How good a network is on a split.

    Attributes:
        value: 0 … 1, higher is better.
        standard_error: of ``value``, because the split is a sample of images.
        leave_one_out: the score without each of the images, float64 ``(n_images,)``, in the order of the split. From
            these, differences of networks get their standard errors. ``None`` if the task does not give them.
    """

    value: float
    standard_error: float
    leave_one_out: NDArray[np.float64] | None = field(default=None, compare=False, repr=False)


class Task(ABC):
    """A data set with its loss and its score.

    Images are float32 ``(n, channels, height, width)``, in the size of the space's input for evaluation. Labels are
    any tensor with one entry per image that :meth:`loss` and :meth:`score` understand.

    Attributes:
        splits: the data.
        score_name: the name of the score.
    """

    score_name: str

    def __init__(self, splits: Splits) -> None:
        self.splits = splits

    @classmethod
    def fingerprint(cls) -> str:
        """Return a text that changes when the class gives other data, losses or scores for the same settings.

        A run whose task has another fingerprint than before is made again. The default is empty.
        """
        return ""

    @abstractmethod
    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Return the loss of a network's output as a scalar, a mean over images; ``labels`` are on its device.

        A keyword ``label_smoothing``, 0 by default, makes smoothing possible: the share of each label that is spread
        over all classes.
        """

    def can_smooth_labels(self) -> bool:
        """Return whether :meth:`loss` has the keyword ``label_smoothing``."""
        return "label_smoothing" in inspect.signature(self.loss).parameters

    @abstractmethod
    def score(self, network: nn.Module, split: Split, *, workers: int = 0) -> Score:
        """Return the score of a network, computed on the network's device; leave the network in evaluation mode.

        ``workers`` processes read the images (:func:`~qabwnas.data.batches.read_batches`).
        """


class Classification(Task):
    """One class per image: cross-entropy and accuracy."""

    score_name = "accuracy"

    def loss(self, logits: Tensor, labels: Tensor, *, label_smoothing: float = 0.0) -> Tensor:
        return F.cross_entropy(logits, labels, label_smoothing=label_smoothing)

    @torch.inference_mode()
    def score(self, network: nn.Module, split: Split, *, workers: int = 0) -> Score:
        """Return the share of images whose label has the highest logit, with the standard error of a binomial."""
        network.eval()
        device = device_of(network)
        n = len(split)
        is_right = torch.cat(
            [
                network(batch.images.to(device)).argmax(dim=1).cpu() == batch.labels
                for batch in read_batches(split, CLASSIFICATION_BATCH, workers=workers)
            ]
        ).numpy()
        n_right = int(is_right.sum())
        without = (n_right - is_right.astype(np.float64)) / (n - 1) if n > 1 else None
        share = n_right / n
        return Score(share, math.sqrt(share * (1 - share) / n), without)


class Segmentation(Task):
    """One class per pixel: cross-entropy and mean intersection over union, at the labels' resolution.

    Logits ``(n, n_classes, h, w)`` of any resolution are scaled up bilinearly.
    """

    score_name = "mIoU"

    def __init__(self, splits: Splits, n_classes: int) -> None:
        super().__init__(splits)
        self._n_classes = n_classes

    def loss(self, logits: Tensor, labels: Tensor, *, label_smoothing: float = 0.0) -> Tensor:
        scaled = _scaled(logits, labels)
        return F.cross_entropy(scaled, labels, ignore_index=IGNORED, label_smoothing=label_smoothing)

    @torch.inference_mode()
    def score(self, network: nn.Module, split: Split, *, workers: int = 0) -> Score:
        """Return the mean over classes of intersection over union, each counted over all pixels of the split.

        Classes that occur neither in labels nor in answers are left out, as in the data set's own evaluation. The
        standard error is the jackknife's over images (Efron and Stein 1981), and 0 for a single image.
        """
        network.eval()
        device = device_of(network)
        counts = []
        for batch in read_batches(split, SEGMENTATION_BATCH, workers=workers):
            logits = network(batch.images.to(device))
            answers = _scaled(logits, batch.labels).argmax(dim=1)
            labels = batch.labels.to(device)
            counts += [self._confusion(a, b) for a, b in zip(answers, labels, strict=True)]
        confusion = torch.stack(counts).cpu()
        iou = _mean_iou(confusion.sum(0))
        if len(confusion) == 1:
            return Score(iou, 0.0)
        without = _leave_one_out(confusion)
        return Score(iou, _jackknife_error(without), without)

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
    occurs = union > 0
    return float((right[occurs] / union[occurs]).mean())


def _leave_one_out(confusions: Tensor) -> NDArray[np.float64]:
    """Return the mean IoU without each image, given the confusion of every image, ``(n, n_classes, n_classes)``."""
    total = confusions.sum(0)
    return np.array([_mean_iou(total - one) for one in confusions])


def _jackknife_error(without: NDArray[np.float64]) -> float:
    """Return the standard error of a score, given the score without each image."""
    n = len(without)
    return math.sqrt((n - 1) / n * float(np.square(without - without.mean()).sum()))


def device_of(network: nn.Module) -> str:
    """Return the device of a network's first parameter or buffer; a network without any runs on the CPU."""
    for tensor in (*network.parameters(), *network.buffers()):
        return str(tensor.device)
    return "cpu"

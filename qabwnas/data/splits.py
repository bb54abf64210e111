"""A data set that is divided once and for all into train, calibration, validation and test."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

BATCH = 256


@dataclass(frozen=True)
class Split:
    """Images with their labels.

    Attributes:
        images: float32 ``(n, channels, height, width)``.
        labels: int64, ``(n,)`` classes, or ``(n, height, width)`` a class a pixel.
    """

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.images)

    def batches(self, size: int = BATCH) -> list[Split]:
        """Return the split in its order in parts of ``size`` or fewer, as views."""
        return [
            Split(images, labels)
            for images, labels in zip(torch.split(self.images, size), torch.split(self.labels, size), strict=True)
        ]


@dataclass(frozen=True)
class Splits:
    """The four disjoint parts of a data set.

    ``train`` trains; ``calibration`` gives batch-norm statistics and quantisation ranges; ``validation`` is what
    candidates are ranked by; ``test`` is looked at by reports only, never by a choice.
    """

    train: Split
    calibration: Split
    validation: Split
    test: Split

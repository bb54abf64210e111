"""A data set that is divided once and for all into train, calibration, validation and test."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from qabwnas.quant.tensor_digest import tensors_digest

IGNORED = 255
"""The label of pixels that count neither in a loss nor in a score."""


@dataclass(frozen=True)
class Batch:
    """Images with their labels.

    Attributes:
        images: float32 ``(n, channels, height, width)``.
        labels: int64, ``(n,)`` classes, or ``(n, height, width)`` a class a pixel, ``IGNORED`` where there is none.
    """

    images: Tensor
    labels: Tensor

    def to(self, device: torch.device | str) -> Batch:
        """Return the batch on a device."""
        return Batch(self.images.to(device, non_blocking=True), self.labels.to(device, non_blocking=True))


class Split(ABC):
    """Images that are numbered from 0, with their labels; in memory or on disk. Can be pickled."""

    @abstractmethod
    def __len__(self) -> int:
        """Return how many images there are."""

    @abstractmethod
    def read(self, indices: Sequence[int]) -> Batch:
        """Return images as networks are evaluated on them.

        Raises:
            QabwnasError: a file is gone or damaged; the message names it.
        """

    @abstractmethod
    def draw(self, indices: Sequence[int], seed: int) -> Batch:
        """Return a random variant of each image, as networks are trained on them.

        A function of ``indices`` and ``seed`` alone, whatever was drawn before. Raises as :meth:`read`.
        """

    @abstractmethod
    def digest(self) -> str:
        """Return 64 hexadecimal digits that tell this split from others: by values in memory, or by names and sizes."""


class TensorSplit(Split):
    """A split in memory.

    ``augment`` makes a random variant of a batch of images, of the same shape, with draws from the generator alone.
    """

    def __init__(self, images: Tensor, labels: Tensor, augment: Callable[[Tensor, torch.Generator], Tensor]) -> None:
        self.images = images
        self.labels = labels
        self._augment = augment

    def __len__(self) -> int:
        return len(self.images)

    def read(self, indices: Sequence[int]) -> Batch:
        chosen = torch.as_tensor(indices)
        return Batch(self.images[chosen], self.labels[chosen])

    def draw(self, indices: Sequence[int], seed: int) -> Batch:
        batch = self.read(indices)
        return Batch(self._augment(batch.images, torch.Generator().manual_seed(seed)), batch.labels)

    def digest(self) -> str:
        return tensors_digest({"images": self.images, "labels": self.labels})


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

"""A data set that is divided once into train, calibration, validation and test."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from qabwnas.quant.tensor_digest import tensors_digest

IGNORED = 255
"""The label of pixels that count in no loss and in no score."""


@dataclass(frozen=True)
class Batch:
    """Images with their labels.

    Attributes:
        images: float32 ``(n, channels, height, width)``.
        labels: int64: ``(n,)``, one class per image; or ``(n, height, width)``, one class or ``IGNORED`` per pixel.
    """

    images: Tensor
    labels: Tensor

    def to(self, device: torch.device | str) -> Batch:
        """Return the batch on a device."""
        return Batch(self.images.to(device, non_blocking=True), self.labels.to(device, non_blocking=True))


class Split(ABC):
    """Images with labels, in memory or on disk, numbered from 0. Can be pickled."""

    @abstractmethod
    def __len__(self) -> int:
        """Return how many images there are."""

    @abstractmethod
    def read(self, indices: Sequence[int]) -> Batch:
        """Return images as they are used for evaluation.

        Raises:
            QabwnasError: a file is missing or damaged; the message names it.
        """

    @abstractmethod
    def draw(self, indices: Sequence[int], seed: int) -> Batch:
        """Return a random variant of each image, as used for training.

        The result depends on ``indices`` and ``seed`` only, not on earlier calls. Raises the errors of :meth:`read`.
        """

    @abstractmethod
    def digest(self) -> str:
        """Return 64 hexadecimal digits that identify this split: a hash of its values, or of file names and sizes."""


class TensorSplit(Split):
    """A split in memory.

    ``augment`` returns a random variant of a batch of images, of the same shape; it draws from the generator only.
    """

    def __init__(self, images: Tensor, labels: Tensor, augment: Callable[[Tensor, torch.Generator], Tensor]) -> None:
        self.images = images
        self.labels = labels
        self.augment = augment

    def __len__(self) -> int:
        return len(self.images)

    def read(self, indices: Sequence[int]) -> Batch:
        chosen = torch.as_tensor(indices)
        return Batch(self.images[chosen], self.labels[chosen])

    def draw(self, indices: Sequence[int], seed: int) -> Batch:
        batch = self.read(indices)
        return Batch(self.augment(batch.images, torch.Generator().manual_seed(seed)), batch.labels)

    def digest(self) -> str:
        return tensors_digest({"images": self.images, "labels": self.labels})


@dataclass(frozen=True)
class Splits:
    """The four disjoint parts of a data set.

    ``train`` is for training, ``calibration`` for batch-norm statistics and quantisation ranges, ``validation`` for
    ranking candidates. ``test`` is for reports only; no choice depends on it.
    """

    train: Split
    calibration: Split
    validation: Split
    test: Split


def stratified_order(labels: NDArray[np.int64], generator: np.random.Generator) -> NDArray[np.int64]:
    """Return a random order of images in which every long stretch has each label in its proportion.

    The images of each label are shuffled and spread evenly over the unit interval, with a random offset. Sorting these
    positions gives the order.
    """
    places = np.empty(len(labels))
    for label in np.unique(labels):
        members = generator.permutation(np.flatnonzero(labels == label))
        places[members] = (np.arange(len(members)) + generator.random()) / len(members)
    return np.argsort(places, kind="stable").astype(np.int64)

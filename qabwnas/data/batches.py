"""Batches of a split: in its order, or made step by step; read in this process or by worker processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from qabwnas.data.processes import TIMEOUT_S, map_in_processes
from qabwnas.data.splits import Batch, Split

LARGEST_BATCH = 256
BATCH_ELEMENTS = 2**21
"""How many elements the images of one batch may have; inside a network they become some thirty times as many."""


def batch_size(split: Split) -> int:
    """Return how many images of a non-empty split a whole network can take at once.

    It depends on the shape of the images alone: at most 256, and one for images of 1024×2048 pixels.
    """
    return min(max(BATCH_ELEMENTS // split.read([0]).images.numel(), 1), LARGEST_BATCH)


def read_batches(
    split: Split,
    size: int,
    indices: range | None = None,
    *,
    workers: int = 0,
    timeout_s: float = TIMEOUT_S,
) -> Iterator[Batch]:
    """Yield the images ``indices`` of a split (default: all) in their order, in batches of ``size`` or fewer.

    Raises as :func:`load_batches`.
    """
    indices = range(len(split)) if indices is None else indices
    return load_batches(_Read(split, size, indices), range(-(-len(indices) // size)), workers, timeout_s)


class ImageBatches:
    """The images ``indices`` of a split in their order, batch by batch on a device; every iteration reads them again.

    Without ``size``, a batch has :func:`batch_size` images. ``workers`` processes read them; with 0 this process does.
    """

    def __init__(
        self,
        split: Split,
        device: torch.device | str = "cpu",
        *,
        size: int | None = None,
        indices: range | None = None,
        workers: int = 0,
    ) -> None:
        self._split = split
        self._device = device
        self._size = size
        self._indices = range(len(split)) if indices is None else indices
        self._workers = workers

    def __iter__(self) -> Iterator[Tensor]:
        """Yield batches ``(n, channels, height, width)``; raises as :func:`load_batches`."""
        if self._indices:
            size = self._size or batch_size(self._split)
            for batch in read_batches(self._split, size, self._indices, workers=self._workers):
                yield batch.images.to(self._device)


def load_batches(
    make: Callable[[int], Batch], numbers: Sequence[int], workers: int, timeout_s: float = TIMEOUT_S
) -> Iterator[Batch]:
    """Yield ``make(number)`` for every number, in order; ``workers`` processes make them, or this one with 0 workers.

    Raises:
        QabwnasError: as ``make``, with the same message for any number of workers; or a worker died, or gave no batch
            for ``timeout_s`` seconds.
    """
    if not workers:
        return map(make, numbers)
    sent = map_in_processes(_AsArrays(make), numbers, workers=workers, timeout_s=timeout_s)
    return (Batch(torch.from_numpy(images), torch.from_numpy(labels)) for images, labels in sent)


class _Read:
    def __init__(self, split: Split, size: int, indices: range) -> None:
        self._split = split
        self._size = size
        self._indices = indices

    def __call__(self, number: int) -> Batch:
        return self._split.read(self._indices[number * self._size : (number + 1) * self._size])


class _AsArrays:
    """Makes batches in a worker process, as arrays: tensors would be sent through shared memory."""

    def __init__(self, make: Callable[[int], Batch]) -> None:
        self._make = make

    def __call__(self, number: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        torch.set_num_threads(1)
        batch = self._make(number)
        return batch.images.numpy(), batch.labels.numpy()

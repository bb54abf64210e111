"""Batches of a split: drawn for training, step by step, or read in order; by worker processes where reading is slow."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from qabwnas.data.processes import TIMEOUT_S, map_in_processes
from qabwnas.data.splits import Batch, Split
from qabwnas.train.order import Order
from qabwnas.train.parallel import n_processes, own_seed, rank
from qabwnas.train.seeds import derive_seed

BATCH = 256
CPU = torch.device("cpu")

T = TypeVar("T")
Feed = Callable[[int, int], Iterable[T]]
"""What the losses of the steps ``first … last − 1`` are computed from, step by step: a function of the step alone."""


class _Drawn:
    def __init__(self, split: Split, order: Callable[[int], Tensor], seed: int) -> None:
        self._split = split
        self._order = order
        self._seed = seed

    def __call__(self, step: int) -> Batch:
        return self._split.draw(self._order(step).tolist(), derive_seed(self._seed, "step", step))


class _Read:
    def __init__(self, split: Split, size: int) -> None:
        self._split = split
        self._size = size

    def __call__(self, number: int) -> Batch:
        first = number * self._size
        return self._split.read(range(first, min(first + self._size, len(self._split))))


class _Sent:
    """Makes batches in a process that reads, as arrays: tensors would be sent through shared memory."""

    def __init__(self, make: Callable[[int], Batch]) -> None:
        self._make = make

    def __call__(self, number: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        torch.set_num_threads(1)
        batch = self._make(number)
        return batch.images.numpy(), batch.labels.numpy()


def drawn_batches(
    split: Split,
    order: Callable[[int], Tensor],
    seed: int,
    first: int,
    last: int,
    *,
    workers: int = 0,
    timeout_s: float = TIMEOUT_S,
) -> Iterator[Batch]:
    """Give the batch of every step ``first … last − 1``: random variants of the images that ``order`` names.

    A step's batch depends on the seed and the step alone, so that it is the same for any number of ``workers``
    (processes; 0 reads here).

    Raises:
        QabwnasError: as :meth:`~qabwnas.data.splits.Split.draw`, with the same message for any number of workers; or a
            worker died, or gave nothing for ``timeout_s`` seconds.
    """
    return _load(_Drawn(split, order, seed), range(first, last), workers, timeout_s)


def labelled_feed(split: Split, batch: int, seed: int, *, device: torch.device = CPU, workers: int = 0) -> Feed[Batch]:
    """Return a feed of random variants of images with their labels, ``batch`` a step, shuffled anew every epoch.

    Of several processes that train together, each gets its part of the batch. The images of a step are those that one
    process would take; their random variants are other ones.

    Raises:
        InputError: a batch cannot be divided evenly among the processes.
    """
    order = Order(len(split), batch, seed, rank=rank(), n_processes=n_processes())
    return lambda first, last: (
        drawn.to(device) for drawn in drawn_batches(split, order, own_seed(seed), first, last, workers=workers)
    )


def read_batches(split: Split, size: int, *, workers: int = 0, timeout_s: float = TIMEOUT_S) -> Iterator[Batch]:
    """Give the images of a split in their order, in batches of ``size`` or fewer, as they are evaluated.

    Raises as :func:`drawn_batches`.
    """
    return _load(_Read(split, size), range(-(-len(split) // size)), workers, timeout_s)


def images(split: Split, size: int = BATCH) -> list[Tensor]:
    """Return all images of a split in their order, in batches of ``size`` or fewer."""
    return [batch.images for batch in read_batches(split, size)]


def _load(make: Callable[[int], Batch], numbers: Sequence[int], workers: int, timeout_s: float) -> Iterator[Batch]:
    if not workers:
        return map(make, numbers)
    sent = map_in_processes(_Sent(make), numbers, workers=workers, timeout_s=timeout_s)
    return (Batch(torch.from_numpy(images), torch.from_numpy(labels)) for images, labels in sent)

"""Batches of a split: drawn for training, step by step, or read in order; by worker processes where reading is slow."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar, cast

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from qabwnas.data.splits import Batch, Split
from qabwnas.train.order import Order
from qabwnas.train.parallel import n_processes, own_seed, rank
from qabwnas.train.seeds import derive_seed

BATCH = 256
CPU = torch.device("cpu")

T = TypeVar("T")
Feed = Callable[[int, int], Iterable[T]]
"""What the losses of the steps ``first … last − 1`` are computed from, step by step: a function of the step alone."""


class _Batches(Dataset[Batch]):
    """The batches of a split, numbered: those of :class:`_Drawn` or :class:`_Read`."""

    def __init__(self, split: Split, make: Callable[[Split, int], Batch]) -> None:
        self._split = split
        self._make = make

    def __getitem__(self, number: int) -> Batch:
        return self._make(self._split, number)


class _Drawn:
    def __init__(self, order: Callable[[int], Tensor], seed: int) -> None:
        self._order = order
        self._seed = seed

    def __call__(self, split: Split, step: int) -> Batch:
        return split.draw(self._order(step).tolist(), derive_seed(self._seed, "step", step))


class _Read:
    def __init__(self, size: int) -> None:
        self._size = size

    def __call__(self, split: Split, number: int) -> Batch:
        return split.read(range(number * self._size, min((number + 1) * self._size, len(split))))


def drawn_batches(
    split: Split, order: Callable[[int], Tensor], seed: int, first: int, last: int, *, workers: int = 0
) -> Iterator[Batch]:
    """Give the batch of every step ``first … last − 1``: random variants of the images that ``order`` names.

    A step's batch depends on the seed and the step alone, so that it is the same for any number of ``workers``
    (processes; 0 reads here). Raises as :meth:`~qabwnas.data.splits.Split.draw`.
    """
    return _load(split, _Drawn(order, seed), range(first, last), workers)


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


def read_batches(split: Split, size: int, *, workers: int = 0) -> Iterator[Batch]:
    """Give the images of a split in their order, in batches of ``size`` or fewer, as they are evaluated."""
    return _load(split, _Read(size), range(-(-len(split) // size)), workers)


def images(split: Split, size: int = BATCH) -> list[Tensor]:
    """Return all images of a split in their order, in batches of ``size`` or fewer."""
    return [batch.images for batch in read_batches(split, size)]


def _load(split: Split, make: Callable[[Split, int], Batch], numbers: Sequence[int], workers: int) -> Iterator[Batch]:
    if not workers:
        return (make(split, number) for number in numbers)
    loader = DataLoader(
        _Batches(split, make),
        batch_size=None,
        sampler=numbers,
        num_workers=workers,
        multiprocessing_context="spawn",  # a fork after any torch operation hangs
    )
    return cast(Iterator[Batch], iter(loader))

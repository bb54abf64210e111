"""Feeds: what the losses of a step are computed from. Labelled images, or the teacher's feature maps."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeVar

import torch
from torch import Tensor

from qabwnas.data.batches import load_batches
from qabwnas.data.processes import TIMEOUT_S
from qabwnas.data.splits import Batch, Split
from qabwnas.nets.network import Network
from qabwnas.train.parallel import n_processes, process_seed, rank
from qabwnas.train.sampling import ImageOrder, derive_seed
from qabwnas.train.settings import Training
from qabwnas.train.trainer import CPU, mixed_precision

T = TypeVar("T")
Feed = Callable[[int, int], Iterable[T]]
"""Gives the input of the losses of the steps ``first … last − 1``, step by step; a function of the step alone."""
Maps = Mapping[int, Tensor]
"""Feature maps of a batch, ``(n, channels, height, width)`` each: 0 is the stem's, ``b + 1`` block ``b``'s."""


def random_batches(
    split: Split,
    order: Callable[[int], Tensor],
    seed: int,
    first: int,
    last: int,
    *,
    workers: int = 0,
    timeout_s: float = TIMEOUT_S,
) -> Iterator[Batch]:
    """Yield the batch of every step ``first … last − 1``: random variants of the images ``order(step)``.

    The batch of a step depends on the seed and the step alone, so it is the same for any number of ``workers``
    (processes; with 0 this process reads).

    Raises:
        QabwnasError: as :meth:`~qabwnas.data.splits.Split.draw` and :func:`~qabwnas.data.batches.load_batches`.
    """
    return load_batches(_RandomBatch(split, order, seed), range(first, last), workers, timeout_s)


class _RandomBatch:
    def __init__(self, split: Split, order: Callable[[int], Tensor], seed: int) -> None:
        self._split = split
        self._order = order
        self._seed = seed

    def __call__(self, step: int) -> Batch:
        return self._split.draw(self._order(step).tolist(), derive_seed(self._seed, "step", step))


def labelled_feed(split: Split, batch: int, seed: int, *, device: torch.device = CPU, workers: int = 0) -> Feed[Batch]:
    """Return a feed of random variants of images with their labels, ``batch`` per step, shuffled again every epoch.

    If several processes train together, each gets its part of the batch. The images of a step are the same as with one
    process; their random variants differ.

    Raises:
        InputError: a batch cannot be divided evenly among the processes.
    """
    order = ImageOrder(len(split), batch, seed, rank=rank(), n_processes=n_processes())
    return lambda first, last: (
        batch.to(device) for batch in random_batches(split, order, process_seed(seed), first, last, workers=workers)
    )


def micro_batches(batch: Batch, n: int) -> list[tuple[Batch, float]]:
    """Return a batch in at most ``n`` parts, each with its share of the images. Parts differ by at most one image."""
    parts = zip(batch.images.tensor_split(n), batch.labels.tensor_split(n), strict=True)
    return [(Batch(images, labels), len(images) / len(batch.images)) for images, labels in parts if len(images)]


def teacher_map_feed(
    teacher: Network,
    split: Split,
    settings: Training,
    n_blocks: int,
    *,
    seed: int,
    device: torch.device = CPU,
    workers: int = 0,
) -> Feed[Maps]:
    """Return a feed of the teacher's maps up to the output of its first ``n_blocks`` blocks, in evaluation mode.

    Several processes share the batch, and InputError is raised, as in :func:`labelled_feed`.
    """
    teacher.eval().to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    order = ImageOrder(len(split), settings.batch, seed, rank=rank(), n_processes=n_processes())

    def feed(first: int, last: int) -> Iterator[Maps]:
        for batch in random_batches(split, order, process_seed(seed), first, last, workers=workers):
            with torch.no_grad(), mixed_precision(settings, device):
                maps = [teacher.stem(batch.images.to(device, non_blocking=True))]
                for block in teacher.blocks[:n_blocks]:
                    maps.append(block(maps[-1]))
            yield dict(enumerate(maps))

    return feed


def cached_map_feed(inputs: Tensor, targets: Tensor, batch: int, seed: int) -> Feed[Maps]:
    """Return a feed of ``batch`` images per step of a block's input and target maps that are in memory.

    Several processes share the batch, and InputError is raised, as in :func:`labelled_feed`.
    """
    order = ImageOrder(len(inputs), batch, seed, rank=rank(), n_processes=n_processes())

    def feed(first: int, last: int) -> Iterator[Maps]:
        for step in range(first, last):
            chosen = order(step)
            yield {0: inputs[chosen], 1: targets[chosen]}

    return feed

"""Everything random in a training, as a function of seed and step: the order of images and the paths of a supernet.

Seeds are derived by name, so that no random draw depends on how many came before it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor

from qabwnas.errors import InputError


def derive_seed(seed: int, *names: str | int) -> int:
    """Return a seed of 63 bits for one purpose: equal seeds and names give equal results, others unrelated ones."""
    text = "/".join(str(part) for part in (seed, *names))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def permutation(n: int, seed: int) -> torch.Tensor:
    """Return a random order of ``0 … n − 1``, int64 ``(n,)``, that depends on ``n`` and ``seed`` alone."""
    return torch.randperm(n, generator=torch.Generator().manual_seed(seed))


@contextmanager
def seeded_generators(seed: int) -> Iterator[None]:
    """Seed torch's generators, on all devices, inside the ``with`` block; restore them afterwards."""
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        torch.manual_seed(seed)
        yield


class ImageOrder:
    """Batches without replacement: every epoch is a new shuffle, cut into whole batches; the rest is left out.

    The batch of a step depends on the seed and the step alone, so a resumed training needs no stored order. If there
    are fewer images than a batch should have, every batch holds all of them. If several processes train together, each
    takes the part of the batch that belongs to its ``rank``.

    Raises:
        InputError: a batch cannot be divided evenly, so that the mean over processes would not be the mean over images.
    """

    def __init__(self, n_images: int, batch: int, seed: int, *, rank: int = 0, n_processes: int = 1) -> None:
        self.batch = min(batch, n_images)
        if self.batch % n_processes:
            raise InputError(f"a batch of {self.batch} images cannot be divided evenly among {n_processes} processes")
        self._part = slice(rank, None, n_processes)
        self._n_images = n_images
        self._seed = seed
        self._epoch = -1
        self._shuffled: Tensor

    def __call__(self, step: int) -> Tensor:
        """Return the indices of a step's images, int64 ``(batch / n_processes,)``; O(1) except for an epoch's first."""
        epoch, place = divmod(step, self._n_images // self.batch)
        if epoch != self._epoch:
            self._shuffled = permutation(self._n_images, derive_seed(self._seed, "epoch", epoch))
            self._epoch = epoch
        return self._shuffled[place * self.batch : (place + 1) * self.batch][self._part]


def uniform_path(radices: Sequence[int], step: int, seed: int) -> tuple[int, ...]:
    """Return one operation per layer, each drawn independently and uniformly (Guo et al., ECCV 2020)."""
    generator = torch.Generator().manual_seed(derive_seed(seed, "path", step))
    return tuple(int(torch.randint(radix, (), generator=generator)) for radix in radices)


def fair_path(radices: Sequence[int], step: int, seed: int) -> tuple[int, ...]:
    """Return one operation per layer so that every layer takes each of its operations once per round.

    A layer of ``n`` operations has rounds of ``n`` steps, each in a new random order (FairNAS, Chu et al., ICCV 2021).
    In contrast to FairNAS, the weights are updated after every step, not after every round: a step then costs the same
    as with uniform sampling.
    """
    path = []
    for layer, radix in enumerate(radices):
        round_, place = divmod(step, radix)
        path.append(int(permutation(radix, derive_seed(seed, "round", layer, round_))[place]))
    return tuple(path)


PATHS = {"uniform": uniform_path, "fair": fair_path}
SAMPLINGS = tuple(PATHS)

"""The order in which a training sees its images, as a function of the step."""

from __future__ import annotations

from torch import Tensor

from qabwnas.errors import InputError
from qabwnas.train.seeds import derive_seed, permutation


class Order:
    """Batches without replacement: every epoch is a new shuffle, cut into whole batches; the rest is left out.

    A step's batch depends on the seed and the step alone, so that a resumed training needs no stored order. Where
    there are fewer images than a batch should have, every batch holds them all. Of several processes that train
    together, each takes its ``rank``'s part of the batch.

    Raises:
        InputError: a batch cannot be divided evenly, so that the mean over processes would not be that over images.
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
        """Return the indices of a step's images, int64 ``(batch / n_processes,)``; O(1) but for an epoch's first."""
        epoch, place = divmod(step, self._n_images // self.batch)
        if epoch != self._epoch:
            self._shuffled = permutation(self._n_images, derive_seed(self._seed, "epoch", epoch))
            self._epoch = epoch
        return self._shuffled[place * self.batch : (place + 1) * self.batch][self._part]

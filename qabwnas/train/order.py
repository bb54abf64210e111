"""The order in which a training sees its images, as a function of the step."""

from __future__ import annotations

from torch import Tensor

from qabwnas.train.seeds import derive_seed, permutation


class Order:
    """Batches without replacement: every epoch is a new shuffle, cut into whole batches; the rest is left out.

    A step's batch depends on the seed and the step alone, so that a resumed training needs no stored order. Where
    there are fewer images than a batch should have, every batch holds them all.
    """

    def __init__(self, n_images: int, batch: int, seed: int) -> None:
        self.batch = min(batch, n_images)
        self._n_images = n_images
        self._seed = seed
        self._epoch = -1
        self._shuffled: Tensor

    def __call__(self, step: int) -> Tensor:
        """Return the indices of the images of a step, int64 ``(batch,)``; O(1) but for an epoch's first call."""
        epoch, place = divmod(step, self._n_images // self.batch)
        if epoch != self._epoch:
            self._shuffled = permutation(self._n_images, derive_seed(self._seed, "epoch", epoch))
            self._epoch = epoch
        return self._shuffled[place * self.batch : (place + 1) * self.batch]

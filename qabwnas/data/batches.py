"""All images of a split, in batches that a whole network can take: read when they are wanted, and not kept."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from qabwnas.data.splits import Split

LARGEST_BATCH = 256
BATCH_ELEMENTS = 2**21
"""How many elements the images of one batch may have; inside a network they become some thirty times as many."""


class ImageBatches:
    """The images of a split in their order, read anew each time that they are gone through, batch by batch.

    How many make a batch depends on their shape alone: at most 256, and one where an image has 1024×2048 pixels.
    """

    def __init__(self, split: Split, device: torch.device | str = "cpu") -> None:
        self._split = split
        self._device = device

    def __iter__(self) -> Iterator[Tensor]:
        """Yield batches ``(n, channels, height, width)`` on the device; raises as :meth:`Split.read`."""
        n = len(self._split)
        if not n:
            return
        size = min(max(BATCH_ELEMENTS // self._split.read([0]).images.numel(), 1), LARGEST_BATCH)
        for first in range(0, n, size):
            yield self._split.read(range(first, min(first + size, n))).images.to(self._device)

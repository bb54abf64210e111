"""The power of the teacher's signal: the variance of every channel behind every block, over the validation split.

It is what errors are divided by, so it has to be known before the first chunk is measured; it is found out once for all
blocks, in two passes of the teacher, none of whose maps are kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor

from qabwnas.data.batches import ImageBatches
from qabwnas.data.splits import Split
from qabwnas.errors import InputError
from qabwnas.nets.network import Network
from qabwnas.quant.nsr import checked_variances
from qabwnas.quant.statistics import channel_squares, channel_sums


@torch.inference_mode()
def signal_variances(teacher: Network, block_names: Sequence[str], validation: Split) -> list[Tensor]:
    """Return the variances of the teacher's channels behind every block, float64 ``(channels,)``, in main memory.

    The teacher is left in evaluation mode.

    Raises:
        InputError: the split has fewer than two images, or a channel of a block is constant or not finite.
    """
    if len(validation) < 2:
        raise InputError(f"the validation split has {len(validation)} images, and a standard error needs two")
    teacher.eval()
    images = ImageBatches(validation, next(teacher.parameters()).device)
    mean = _channel_means(teacher, images, lambda _, maps: channel_sums(maps))
    squares = _channel_means(teacher, images, lambda b, maps: channel_squares(maps, mean[b]))
    variances = []
    for name, variance in zip(block_names, squares, strict=True):
        try:
            variances.append(checked_variances(variance).cpu())
        except InputError as error:
            raise InputError(f"{name}: {error}") from error
    return variances


def _channel_means(teacher: Network, batches: Iterable[Tensor], total: Callable[[int, Tensor], Tensor]) -> list[Tensor]:
    """Return means over all images and pixels, given what sums up over a batch of a block's outputs."""
    sums: list[list[Tensor]] = [[] for _ in teacher.blocks]
    n_pixels = [0 for _ in teacher.blocks]
    for images in batches:
        for b, maps in enumerate(teacher.features(images)[1:]):
            # The layout decides the order of sums: as candidates are measured.
            maps = maps.contiguous(memory_format=torch.channels_last)
            sums[b].append(total(b, maps))
            n_pixels[b] += maps.numel() // maps.shape[1]
    return [torch.stack(of_block).sum(0) / n for of_block, n in zip(sums, n_pixels, strict=True)]

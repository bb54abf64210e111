"""The power of the teacher's signal: the variance of every channel behind every block, over the validation split.

It is what errors are divided by, so it has to be known before the first chunk is measured; it is found out once for all
blocks, in one pass of the teacher, none of whose maps are kept.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from qabwnas.data.batches import ImageBatches
from qabwnas.data.splits import Split
from qabwnas.errors import InputError
from qabwnas.nets.network import Network
from qabwnas.quant.nsr import checked_variances
from qabwnas.quant.statistics import ChannelStatistics


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
    statistics = [ChannelStatistics() for _ in teacher.blocks]
    for batch in images:
        for of_block, maps in zip(statistics, teacher.features(batch)[1:], strict=True):
            # The layout decides the order of sums: as candidates are measured.
            of_block.add(maps.contiguous(memory_format=torch.channels_last))
    variances = []
    for name, of_block in zip(block_names, statistics, strict=True):
        try:
            variances.append(checked_variances(of_block.variance).cpu())
        except InputError as error:
            raise InputError(f"{name}: {error}") from error
    return variances

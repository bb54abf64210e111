"""The variance of every channel of the teacher after every block, over the validation split.

Errors are divided by it, and it determines which channels count at all. So it must be known before blocks are trained
and before the first chunk is measured. One pass of the teacher gives it for all blocks; no maps are kept.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from qabwnas.data.batches import ImageBatches
from qabwnas.data.splits import Split
from qabwnas.errors import InputError
from qabwnas.nets.network import Network
from qabwnas.quant.nsr import TargetVariance
from qabwnas.quant.statistics import ChannelStatistics

WITHOUT_SIGNAL = "without_signal"


@torch.inference_mode()
def measure_target_variances(teacher: Network, block_names: Sequence[str], validation: Split) -> list[TargetVariance]:
    """Return the variances of the teacher's channels after every block, in main memory.

    The teacher is left in evaluation mode.

    Raises:
        InputError: the split has fewer than two images; or a block's feature map is not finite, or constant in all
            channels.
    """
    if len(validation) < 2:
        raise InputError(f"the validation split has {len(validation)} images, and a standard error needs two")
    teacher.eval()
    images = ImageBatches(validation, next(teacher.parameters()).device)
    statistics = [ChannelStatistics() for _ in teacher.blocks]
    for batch in images:
        for of_block, maps in zip(statistics, teacher.features(batch)[1:], strict=True):
            # The layout determines the order of sums: use the layout in which candidates are measured.
            of_block.add(maps.contiguous(memory_format=torch.channels_last))
    variances = []
    for name, of_block in zip(block_names, statistics, strict=True):
        try:
            variances.append(TargetVariance.of(of_block.variance.cpu()))
        except InputError as error:
            raise InputError(f"{name}: {error}") from error
    return variances


def inactive_channels(
    block_names: Sequence[str], variances: Sequence[TargetVariance]
) -> dict[str, dict[str, list[int]]]:
    """Return the entry of a LUT's provenance for channels that are left out of its NSRs; empty if there are none."""
    inactive = {name: of_block.inactive for name, of_block in zip(block_names, variances, strict=True)}
    inactive = {name: channels for name, channels in inactive.items() if channels}
    return {WITHOUT_SIGNAL: inactive} if inactive else {}

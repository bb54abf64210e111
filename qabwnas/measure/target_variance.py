"""The power of the teacher's signal: the variance of every channel behind every block, over the validation split.

It is what errors are divided by, and says which channels carry a signal at all, so it has to be known before blocks are
trained and before the first chunk is measured. It is found out once for all blocks, in one pass of the teacher, none of
whose maps are kept.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from qabwnas.data.batches import ImageBatches
from qabwnas.data.splits import Split
from qabwnas.errors import InputError
from qabwnas.nets.network import Network
from qabwnas.quant.nsr import Signal
from qabwnas.quant.statistics import ChannelStatistics

WITHOUT_SIGNAL = "without_signal"


@torch.inference_mode()
def signal_variances(teacher: Network, block_names: Sequence[str], validation: Split) -> list[Signal]:
    """Return the variances of the teacher's channels behind every block, in main memory.

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
            # The layout decides the order of sums: as candidates are measured.
            of_block.add(maps.contiguous(memory_format=torch.channels_last))
    signals = []
    for name, of_block in zip(block_names, statistics, strict=True):
        try:
            signals.append(Signal.of(of_block.variance.cpu()))
        except InputError as error:
            raise InputError(f"{name}: {error}") from error
    return signals


def without_signal(block_names: Sequence[str], signals: Sequence[Signal]) -> dict[str, dict[str, list[int]]]:
    """Return what a LUT's provenance says of channels that are left out of its NSRs; nothing where there are none."""
    silent = {name: signal.silent for name, signal in zip(block_names, signals, strict=True) if signal.silent}
    return {WITHOUT_SIGNAL: silent} if silent else {}

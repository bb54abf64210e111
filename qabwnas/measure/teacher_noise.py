"""What quantisation alone does to the teacher: the NSR of its own blocks, measured as candidates are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from qabwnas.data.batches import ImageBatches
from qabwnas.data.splits import Split
from qabwnas.measure.target_variance import signal_variances
from qabwnas.nets.network import Network
from qabwnas.quant.apply import freeze, observe
from qabwnas.quant.nsr import NsrEstimate, image_ratios
from qabwnas.quant.operators import entered
from qabwnas.space import BitWidths


@torch.inference_mode()
def teacher_nsrs(
    teacher: Network,
    block_names: Sequence[str],
    calibration: Split,
    validation: Split,
    bit_widths: Iterable[BitWidths],
) -> dict[BitWidths, list[float]]:
    """Return the NSR of every block of the teacher at all of the given bit widths.

    The calibration split passes through the teacher once, the validation split three times; the feature maps of one
    batch of images are in memory. The teacher is left in evaluation mode.

    Raises:
        InputError: as :func:`~qabwnas.measure.target_variance.signal_variances`; or a value is not finite on the
            calibration split, which has no images, perhaps.
    """
    device = next(teacher.parameters()).device
    signals = [signal.to(device) for signal in signal_variances(teacher, block_names, validation)]
    observed = [observe(entered(block)) for block in teacher.blocks]
    for images in ImageBatches(calibration, device):
        for block, x in zip(observed, _maps(teacher, images)[:-1], strict=True):
            block(x)
    frozen = {widths: [freeze(block, widths) for block in observed] for widths in bit_widths}
    ratios: dict[BitWidths, list[list[Tensor]]] = {widths: [[] for _ in observed] for widths in frozen}
    for images in ImageBatches(validation, device):
        maps = _maps(teacher, images)
        for widths, blocks in frozen.items():
            for b, block in enumerate(blocks):
                ratios[widths][b].append(image_ratios(block(maps[b]), maps[b + 1], signals[b]))
    return {widths: [_nsr(of_block) for of_block in of_widths] for widths, of_widths in ratios.items()}


def _maps(teacher: Network, images: Tensor) -> list[Tensor]:
    """Return the input of the first block and the output of all, in the layout that candidates are measured in."""
    return [maps.contiguous(memory_format=torch.channels_last) for maps in teacher.features(images)]


def _nsr(ratios: Sequence[Tensor]) -> float:
    return NsrEstimate.of_ratios(torch.cat(list(ratios)).cpu().numpy()).value

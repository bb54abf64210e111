"""The effect of quantisation alone: the NSR of the teacher's own blocks, measured in the same way as candidates."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from qabwnas.data.batches import ImageBatches
from qabwnas.data.splits import Split
from qabwnas.measure.target_variance import measure_target_variances
from qabwnas.nets.network import Network
from qabwnas.quant.nsr import NsrEstimate, image_nsrs
from qabwnas.quant.operators import with_input
from qabwnas.quant.ptq import PAPER, PtqSettings, convert, prepare
from qabwnas.space import BitWidths


@torch.inference_mode()
def teacher_nsrs(
    teacher: Network,
    block_names: Sequence[str],
    calibration: Split,
    validation: Split,
    bit_widths: Iterable[BitWidths],
    settings: PtqSettings = PAPER,
) -> dict[BitWidths, list[float]]:
    """Return the NSR of every block of the teacher at each of the given bit widths, with ranges by ``settings``.

    The calibration split passes through the teacher once, the validation split twice; the feature maps of one batch of
    images are in memory. The teacher is left in evaluation mode.

    Raises:
        InputError: as :func:`~qabwnas.measure.target_variance.measure_target_variances`; or a value is not finite on
            the calibration split, or this split has no images.
    """
    device = next(teacher.parameters()).device
    variances = [variance.to(device) for variance in measure_target_variances(teacher, block_names, validation)]
    prepared = [prepare(with_input(block), settings) for block in teacher.blocks]
    for images in ImageBatches(calibration, device):
        for block, x in zip(prepared, _maps(teacher, images)[:-1], strict=True):
            block(x)
    converted = {widths: [convert(block, widths) for block in prepared] for widths in bit_widths}
    nsrs: dict[BitWidths, list[list[Tensor]]] = {widths: [[] for _ in prepared] for widths in converted}
    for images in ImageBatches(validation, device):
        maps = _maps(teacher, images)
        for widths, blocks in converted.items():
            for b, block in enumerate(blocks):
                nsrs[widths][b].append(image_nsrs(block(maps[b]), maps[b + 1], variances[b]))
    return {widths: [_nsr(of_block) for of_block in of_widths] for widths, of_widths in nsrs.items()}


def _maps(teacher: Network, images: Tensor) -> list[Tensor]:
    """Return the input of the first block and the outputs of all blocks, in the layout of measured candidates."""
    return [maps.contiguous(memory_format=torch.channels_last) for maps in teacher.features(images)]


def _nsr(nsrs: Sequence[Tensor]) -> float:
    return NsrEstimate.of_images(torch.cat(list(nsrs)).cpu().numpy()).value

"""One candidate measured alone, in the slow and obvious way; tests check the population of LUTs against it."""

from __future__ import annotations

import torch
from torch import nn

from qabwnas.measure.calibration import recalibrate
from qabwnas.measure.maps import BlockMaps
from qabwnas.measure.settings import PAPER_SETTINGS, MeasureSettings
from qabwnas.nets.quantise import convert_block
from qabwnas.nets.supernet import SupernetBlock, extract
from qabwnas.quant.nsr import NsrEstimate
from qabwnas.quant.operators import Input
from qabwnas.quant.ptq import convert, prepare
from qabwnas.space import BlockWidths


@torch.inference_mode()
def measure_candidate(
    block: SupernetBlock,
    code: int,
    widths: BlockWidths,
    maps: BlockMaps,
    settings: MeasureSettings = PAPER_SETTINGS,
) -> NsrEstimate:
    """Return the NSR of candidate ``code`` relative to the teacher, at bit widths of the block or of each layer.

    The candidate is extracted from the supernet. Its batch-norm statistics and activation ranges come from the
    calibration split in float; then it runs quantised over the validation split, on the teacher's own feature map.

    Raises:
        InputError: ``code`` is no candidate, or a value is not finite.
    """
    entry, candidate = prepare(Input(), settings.ptq), prepare(extract(block, code), settings.ptq)
    if settings.recalibrated:
        recalibrate(nn.Sequential(entry, *candidate), maps.calibration)
    else:
        for batch in maps.calibration:
            candidate(entry(batch))
    converted = convert_block(nn.Sequential(entry, candidate), widths, convert)
    return NsrEstimate.of_images(maps.meter.image_nsrs(converted(batch) for batch in maps.validation))

"""One candidate measured by itself, the slow and obvious way; the population of LUTs is held to the same result."""

from __future__ import annotations

import torch
from torch import nn

from qabwnas.measure.batch_norm import recalibrate, recalibrate_layer
from qabwnas.measure.maps import BlockMaps
from qabwnas.nets.quantise import convert_block
from qabwnas.nets.subnet import extract
from qabwnas.nets.supernet import SupernetBlock
from qabwnas.quant.apply import freeze, observe
from qabwnas.quant.nsr import NsrEstimate
from qabwnas.quant.operators import Input
from qabwnas.space import BlockWidths


@torch.inference_mode()
def measure_candidate(block: SupernetBlock, code: int, widths: BlockWidths, maps: BlockMaps) -> NsrEstimate:
    """Return the NSR of candidate ``code`` against the teacher's outputs, at bit widths of the block or of each layer.

    The candidate is taken out of the supernet; its batch-norm statistics and activation ranges come from the
    calibration split in float; then it runs quantised over the validation split, on the teacher's own feature map.

    Raises:
        InputError: ``code`` is no candidate, or a value is not finite.
    """
    candidate = observe(extract(block, code))
    entry = observe(Input())
    recalibrate(candidate, recalibrate_layer(entry, maps.calibration))
    frozen = convert_block(nn.Sequential(entry, candidate), widths, freeze)
    return NsrEstimate.of_ratios(maps.meter.ratios(frozen(batch) for batch in maps.validation))

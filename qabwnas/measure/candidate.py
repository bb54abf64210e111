"""One candidate measured by itself, the slow and obvious way; the population of LUTs is held to the same result."""

from __future__ import annotations

import torch
from torch import nn

from qabwnas.measure.batch_norm import recalibrate
from qabwnas.measure.maps import BlockMaps
from qabwnas.nets.subnet import extract
from qabwnas.nets.supernet import SupernetBlock
from qabwnas.quant.apply import freeze, observe
from qabwnas.quant.nsr import NsrEstimate
from qabwnas.quant.operators import Input
from qabwnas.space import BitWidths


@torch.inference_mode()
def measure_candidate(block: SupernetBlock, code: int, widths: BitWidths, maps: BlockMaps) -> NsrEstimate:
    """Return the NSR of candidate ``code`` at the given bit widths against the teacher's outputs.

    The candidate is taken out of the supernet; its batch-norm statistics and activation ranges come from the
    calibration split in float; then it runs quantised over the validation split, on the teacher's own feature map.

    Raises:
        InputError: ``code`` is no candidate, or a value is not finite.
    """
    candidate = observe(nn.Sequential(Input(), *extract(block, code)))
    recalibrate(candidate, maps.calibration)
    frozen = freeze(candidate, widths)
    return NsrEstimate.of_ratios(maps.meter.ratios(frozen(batch) for batch in maps.validation))

"""The NSR of all candidates of a block, each shared prefix of layers computed once.

Up to a layer, a candidate's batch-norm statistics, activation ranges, float output on the calibration split and
quantised output on the validation split depend on nothing behind that layer. Candidates that begin alike therefore
share them: the tree of prefixes is walked depth first, and costs one run of each of its edges instead of one run of
each layer of each candidate. Statistics and ranges come from the float path, so all bit widths share those too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from qabwnas.measure.batch_norm import recalibrate_layer
from qabwnas.measure.maps import BlockMaps
from qabwnas.nets.supernet import SupernetBlock
from qabwnas.quant.apply import freeze, observe
from qabwnas.quant.fold import fold_batch_norm
from qabwnas.quant.nsr import NsrMeter
from qabwnas.quant.operators import Input
from qabwnas.space import BitWidths

Batches = list[Tensor]


@torch.inference_mode()
def walk_candidates(block: SupernetBlock, widths: Sequence[BitWidths], maps: BlockMaps) -> Iterator[list[float]]:
    """Yield the NSR of every candidate at each of ``widths``, in the order of the candidates' codes.

    Equal in every bit to :func:`~qabwnas.measure.candidate.measure_candidate`. Keeps, for every layer on the current
    path, one set of calibration maps and one of validation maps for each of ``widths``.

    Raises:
        InputError: a value is not finite; it concerns the first candidate that has not been yielded yet.
    """
    calibration, validation = _run(Input(), widths, maps.calibration, [maps.validation] * len(widths))
    yield from _walk(list(block.layers), widths, calibration, validation, maps.meter)


def _walk(
    layers: Sequence[nn.Module],
    widths: Sequence[BitWidths],
    calibration: Batches,
    validation: Sequence[Batches],
    meter: NsrMeter,
) -> Iterator[list[float]]:
    if not layers:
        yield [meter(outputs) for outputs in validation]
        return
    for operation in layers[0].children():
        outputs = _run(operation, widths, calibration, validation)
        yield from _walk(layers[1:], widths, *outputs, meter)


def _run(
    operation: nn.Module, widths: Sequence[BitWidths], calibration: Batches, validation: Sequence[Batches]
) -> tuple[Batches, list[Batches]]:
    """Return the operation's float outputs on the calibration split, and its quantised ones at each bit width."""
    observed = observe(operation)
    outputs = recalibrate_layer(observed, calibration)
    fold_batch_norm(observed)  # once for all bit widths
    frozen = (freeze(observed, w) for w in widths)
    return outputs, [[run(x) for x in inputs] for run, inputs in zip(frozen, validation, strict=True)]

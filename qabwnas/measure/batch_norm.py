"""Batch-norm statistics of a candidate, recomputed on calibration data.

While the supernet trains, the running statistics of an operation mix those of all paths that lead to it. Each
candidate therefore gets its own before it is measured (DNA, Li et al., CVPR 2020; Guo et al., ECCV 2020).
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from qabwnas.nets.mbconv import MBConv
from qabwnas.quant.operators import Convolution
from qabwnas.quant.statistics import channel_statistics


def recalibrate(candidate: nn.Sequential, batches: Sequence[Tensor]) -> list[Tensor]:
    """Set all batch-norm statistics of a candidate, in place, and return its outputs, one a batch.

    The statistics are exact means and population variances over all batches together, whose inputs come from layers
    that have been recalibrated themselves. Output slots see every batch once, so observers are filled on the way.
    All batches are kept in memory at one operator's width.
    """
    for layer in candidate:
        batches = recalibrate_layer(layer, batches)
    return list(batches)


def recalibrate_layer(layer: nn.Module, batches: Sequence[Tensor]) -> list[Tensor]:
    """Do the same for one layer of a candidate, given the outputs of the layer before it."""
    if not isinstance(layer, MBConv):
        return [layer(batch) for batch in batches]
    outputs = list(batches)
    for convolution in layer.convolutions:
        assert isinstance(convolution, Convolution)
        outputs = _recalibrate_convolution(convolution, outputs)
    if layer.add is not None:
        outputs = [layer.add(x, y) for x, y in zip(batches, outputs, strict=True)]
    return outputs


def _recalibrate_convolution(convolution: Convolution, batches: list[Tensor]) -> list[Tensor]:
    responses = [convolution.conv(batch) for batch in batches]
    norm = convolution.norm
    assert isinstance(norm, nn.BatchNorm2d)
    assert norm.running_mean is not None
    assert norm.running_var is not None
    mean, variance = channel_statistics(responses)
    norm.running_mean.copy_(mean)
    norm.running_var.copy_(variance)
    return [convolution.finish(response) for response in responses]

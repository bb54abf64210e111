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
    maps = list(batches)
    for convolution in layer.convolutions:
        assert isinstance(convolution, Convolution)
        _recalibrate_convolution(convolution, maps)
    if layer.add is not None:
        for i, x in enumerate(batches):
            maps[i] = layer.add(x, maps[i])
    return maps


def _recalibrate_convolution(convolution: Convolution, maps: list[Tensor]) -> None:
    """Replace inputs by outputs, batch by batch: a wide layer's maps need not be there twice."""
    for i in range(len(maps)):
        maps[i] = convolution.respond(maps[i])
    norm = convolution.norm
    assert isinstance(norm, nn.BatchNorm2d)
    assert norm.running_mean is not None
    assert norm.running_var is not None
    mean, variance = channel_statistics(maps)
    norm.running_mean.copy_(mean)
    norm.running_var.copy_(variance)
    for i in range(len(maps)):
        maps[i] = convolution.finish(maps[i])

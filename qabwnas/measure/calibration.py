"""Calibration of candidates in float: batch-norm statistics and activation ranges from the calibration split.

While the supernet trains, the running statistics of an operation mix those of all paths that lead to it. Each candidate
therefore gets its own before it is measured (DNA, Li et al., CVPR 2020; Guo et al., ECCV 2020). Statistics and ranges
of an operation depend on the operations before it and on nothing else. So they are computed once per prefix of a
block's rows, and used for all bit widths and for every chunk of the validation split.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from qabwnas.nets.layers import MBConv
from qabwnas.quant.operators import Convolution
from qabwnas.quant.ptq import prepare_in_place, shallow_copy
from qabwnas.quant.statistics import channel_statistics

Prefix = tuple[int, ...]
"""The operation of every layer so far, including the block's entry."""
PrefixStatistics = dict[Prefix, dict[str, Tensor]]
"""Prefix → the buffers of its last operation, by name, in main memory: a few thousand numbers each."""


def recalibrate(candidate: nn.Sequential, batches: Sequence[Tensor]) -> list[Tensor]:
    """Set all batch-norm statistics of a candidate, in place, and return its outputs, one per batch.

    The statistics are exact means and population variances over all batches together, whose inputs come from layers
    that have been recalibrated themselves. Output slots get every batch once, so observers are filled in the same pass.
    All batches are kept in memory at the width of one operator.
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
    """Replace inputs by outputs, batch by batch, so that the maps of a wide layer are not in memory twice."""
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


@torch.inference_mode()
def prefix_statistics(
    layers: Sequence[Sequence[nn.Module]], tree: dict[int, Any], calibration: Sequence[Tensor]
) -> PrefixStatistics:
    """Return the statistics of every prefix in a tree of operations, given the block's inputs in batches.

    ``layers[l][o]`` is operation ``o`` after the first ``l`` choices. For every layer on the current path, the outputs
    of all batches stay in memory; nothing waits for the device before the end. Time: one float run of each edge.
    """
    found: PrefixStatistics = {}
    _descend((), layers, tree, calibration, found)
    return {prefix: {name: value.cpu() for name, value in buffers.items()} for prefix, buffers in found.items()}


def _descend(
    prefix: Prefix,
    layers: Sequence[Sequence[nn.Module]],
    tree: dict[int, Any],
    maps: Sequence[Tensor],
    found: PrefixStatistics,
) -> None:
    for operation, below in tree.items():
        module = prepare_in_place(shallow_copy(layers[len(prefix)][operation]))
        outputs = recalibrate_layer(module, maps)
        longer = (*prefix, operation)
        found[longer] = dict(module.named_buffers())
        if below:
            _descend(longer, layers, below, outputs, found)


def restore(prepared: nn.Module, statistics: dict[str, Tensor]) -> None:
    """Copy stored statistics into a prepared operation."""
    for name, buffer in prepared.named_buffers():
        buffer.copy_(statistics[name])

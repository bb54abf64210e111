"""Calibration of candidates in float: batch-norm statistics and activation ranges from the calibration split.

While the supernet trains, the running statistics of an operation mix those of all paths that lead to it. Each candidate
therefore gets its own before it is measured (DNA, Li et al., CVPR 2020; Guo et al., ECCV 2020). Statistics and ranges
of an operation depend on the operations before it and on nothing else. So they are computed once per prefix of a
block's rows, and used for all bit widths and for every chunk of the validation split.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from qabwnas.nets.layers import MBConv
from qabwnas.quant.operators import Convolution
from qabwnas.quant.ptq import PAPER, PtqSettings, operators_of, prepare_in_place, shallow_copy
from qabwnas.quant.statistics import channel_statistics

Prefix = tuple[int, ...]
"""The operation of every layer so far, including the block's entry."""


@dataclass(frozen=True)
class OperationStatistics:
    """What calibration found for one operation after the operations before it, in main memory.

    Attributes:
        buffers: of its batch norms, by name: a few thousand numbers.
        observers: per operator, by name, the observer of its output, and that of its input if biases are corrected. An
            observer keeps the grids that it gave, so each is computed once. A histogram takes 32 kB, and a prefix has
            about three operators.
    """

    buffers: dict[str, Tensor]
    observers: dict[str, tuple[nn.Module, nn.Module | None]]

    @classmethod
    def of(cls, calibrated: nn.Module) -> OperationStatistics:
        """Return the statistics of a prepared operation that has seen the calibration data."""
        observers = {name: (operator.output, operator.input_mean) for name, operator in operators_of(calibrated)}
        norms = (part for part in calibrated.named_modules() if isinstance(part[1], nn.BatchNorm2d))
        return cls({f"{name}.{own}": buffer for name, norm in norms for own, buffer in norm.named_buffers()}, observers)

    def cpu(self) -> OperationStatistics:
        """Move everything to main memory."""
        for output, input_mean in self.observers.values():
            output.cpu()
            if input_mean is not None:
                input_mean.cpu()
        return replace(self, buffers={name: buffer.cpu() for name, buffer in self.buffers.items()})

    def restore(self, operation: nn.Module) -> None:
        """Put the statistics into a copy of the operation, which is then prepared and calibrated."""
        for name, buffer in self.buffers.items():
            operation.get_buffer(name).copy_(buffer)
        for name, operator in operators_of(operation):
            operator.output, operator.input_mean = self.observers[name]
        operation.eval()


PrefixStatistics = dict[Prefix, OperationStatistics]
"""Prefix → the statistics of its last operation."""


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
    layers: Sequence[Sequence[nn.Module]],
    tree: dict[int, Any],
    calibration: Sequence[Tensor],
    settings: PtqSettings = PAPER,
    *,
    recalibrated: bool = True,
) -> PrefixStatistics:
    """Return the statistics of every prefix in a tree of operations, given the block's inputs in batches.

    ``layers[l][o]`` is operation ``o`` after the first ``l`` choices. Without ``recalibrated``, batch norms keep the
    statistics that they have. For every layer on the current path, the outputs of all batches stay in memory; nothing
    waits for the device before the end, unless observers do. Time: one float run of each edge.
    """
    found: PrefixStatistics = {}
    _descend((), layers, tree, calibration, settings, recalibrated, found)
    return {prefix: statistics.cpu() for prefix, statistics in found.items()}


def _descend(
    prefix: Prefix,
    layers: Sequence[Sequence[nn.Module]],
    tree: dict[int, Any],
    maps: Sequence[Tensor],
    settings: PtqSettings,
    recalibrated: bool,
    found: PrefixStatistics,
) -> None:
    for operation, below in tree.items():
        module = prepare_in_place(shallow_copy(layers[len(prefix)][operation]), settings)
        outputs = recalibrate_layer(module, maps) if recalibrated else [module(x) for x in maps]
        longer = (*prefix, operation)
        found[longer] = OperationStatistics.of(module)
        if below:
            _descend(longer, layers, below, outputs, settings, recalibrated, found)

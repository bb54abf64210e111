"""Calibration of candidates in float: batch-norm statistics and activation ranges from the calibration split.

While the supernet trains, the running statistics of an operation mix those of all paths that lead to it. Each candidate
therefore gets its own before it is measured (DNA, Li et al., CVPR 2020; Guo et al., ECCV 2020). Statistics and ranges
of an operation depend on the operations before it and on nothing else. So they are computed once per prefix of a
block's rows, and used for all bit widths and for every chunk of the validation split.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, fx, nn

from qabwnas.quant.batch_norm import check_batch_norms
from qabwnas.quant.data_flow import OperatorGraph
from qabwnas.quant.operators import Convolution
from qabwnas.quant.ptq import PAPER, PtqSettings, operators_of, prepare_in_place, shallow_copy
from qabwnas.quant.statistics import channel_statistics

Prefix = tuple[int, ...]
"""The operation of every layer so far, including the block's entry."""


@dataclass(frozen=True)
class OperationStatistics:
    """What calibration found for one operation after the operations before it.

    Attributes:
        buffers: of its batch norms, by name: a few thousand numbers, on the device. From main memory, every copy into
            an operation would wait for all work in progress.
        observers: per operator, by name, the observer of its output, and that of its input if biases are corrected. In
            the end they are in main memory, where reading a range does not wait. An observer keeps the grids that it
            gave, so each is computed once. A histogram takes 32 kB, and a prefix has about three operators.
    """

    buffers: dict[str, Tensor]
    observers: dict[str, tuple[nn.Module, nn.Module | None]]

    @classmethod
    def of(cls, calibrated: nn.Module) -> OperationStatistics:
        """Return the statistics of a prepared operation that has seen the calibration data."""
        observers = {name: (operator.output, operator.input_mean) for name, operator in operators_of(calibrated)}
        norms = (part for part in calibrated.named_modules() if isinstance(part[1], nn.BatchNorm2d))
        return cls({f"{name}.{own}": buffer for name, norm in norms for own, buffer in norm.named_buffers()}, observers)

    def fetch_observers(self) -> None:
        """Move the observers to main memory."""
        for output, input_mean in self.observers.values():
            output.cpu()
            if input_mean is not None:
                input_mean.cpu()

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

    Raises:
        InputError: the statistics of a batch norm cannot be computed; see
            :func:`~qabwnas.quant.batch_norm.check_batch_norms`.
    """
    for layer in candidate:
        batches = recalibrate_layer(layer, batches, layer_graph(layer))
    return list(batches)


def layer_graph(layer: nn.Module) -> OperatorGraph:
    """Return the operators that a layer calls; raises as :func:`recalibrate`."""
    graph = OperatorGraph.of(layer)
    check_batch_norms(layer, graph)
    return graph


def recalibrate_layer(layer: nn.Module, batches: Sequence[Tensor], graph: OperatorGraph) -> list[Tensor]:
    """Do the same for one layer of a candidate, given the outputs of the layer before it and its :func:`layer_graph`.

    One operator after the other runs on all batches. A map is dropped as soon as nothing reads it any more.
    """
    last_reader = {read: node for node in graph.nodes for read in node.all_input_nodes}
    maps: dict[fx.Node, list[Any]] = {}
    for node in graph.nodes:
        if node.op == "placeholder":
            maps[node] = list(batches)
            continue
        if node.op == "output":
            break
        part = graph.part(layer, node) if node.op == "call_module" else None
        call = part.respond if isinstance(part, Convolution) else part or _function(node)
        read_last = [maps[read] for read in node.all_input_nodes if last_reader[read] is node]
        written = []
        for i in range(len(batches)):
            arguments, options = _arguments(node, maps, i)
            written.append(call(*arguments, **options))
            for each in read_last:
                each[i] = None  # so that the maps of a wide layer are not in memory twice
        if isinstance(part, Convolution):
            _finish(part, written)
        maps[node] = written
    [output] = node.all_input_nodes
    return maps[output]


def _function(node: fx.Node) -> Callable[..., Any]:
    return getattr(Tensor, node.target) if isinstance(node.target, str) else node.target


def _arguments(node: fx.Node, maps: dict[fx.Node, list[Any]], i: int) -> tuple[Any, Any]:
    """Return the positional and the named arguments of a node for batch ``i``."""
    return cast("tuple[Any, Any]", fx.map_arg((node.args, node.kwargs), lambda read: maps[read][i]))


def _finish(convolution: Convolution, maps: list[Tensor]) -> None:
    """Set the statistics of a convolution's batch norm, if it has one, and replace its responses by its outputs."""
    norm = convolution.norm
    if isinstance(norm, nn.BatchNorm2d):
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
    graphs = [[layer_graph(operation) for operation in operations] for operations in layers]
    _descend((), layers, graphs, tree, calibration, settings, recalibrated, found)
    for statistics in found.values():
        statistics.fetch_observers()
    return found


def _descend(
    prefix: Prefix,
    layers: Sequence[Sequence[nn.Module]],
    graphs: Sequence[Sequence[OperatorGraph]],
    tree: dict[int, Any],
    maps: Sequence[Tensor],
    settings: PtqSettings,
    recalibrated: bool,
    found: PrefixStatistics,
) -> None:
    for operation, below in tree.items():
        module = prepare_in_place(shallow_copy(layers[len(prefix)][operation]), settings)
        if recalibrated:
            outputs = recalibrate_layer(module, maps, graphs[len(prefix)][operation])
        else:
            outputs = [module(x) for x in maps]
        longer = (*prefix, operation)
        found[longer] = OperationStatistics.of(module)
        if below:
            _descend(longer, layers, graphs, below, outputs, settings, recalibrated, found)

"""Which grid every operator reads: the output grid of its predecessor, found from the data flow of the module.

An integer run-time adds biases in units of S_x · S_w (:mod:`qabwnas.quant.weights`), so a layer has to know the grid of
the tensor that it reads, with scale S_x. The module is traced symbolically, with operators as leaves (torch.fx, Reed et
al., MLSys 2022); operations that only move or select values, such as flattening and max pooling, keep the grid.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import fx, nn
from torch.nn import functional as F

from qabwnas.quant.activations import FakeQuantise
from qabwnas.quant.affine import Affine
from qabwnas.quant.operators import Operator, Unquantised

# These only return values of their input, or zeros, which every grid holds.
MOVING_MODULES = (nn.Identity, nn.Dropout, nn.Dropout2d, nn.Flatten, nn.MaxPool2d, nn.ReLU, nn.ZeroPad2d)
MOVING_FUNCTIONS = (torch.flatten, torch.relu, F.relu, F.max_pool2d)
MOVING_METHODS = ("flatten", "view", "reshape", "expand", "expand_as", "contiguous", "clone", "permute", "transpose")

INPUT, ITSELF = "<input>", "<itself>"
"""Names of writers: the module's input, and the module itself if it is an operator."""


@dataclass(frozen=True)
class DataFlow:
    """The data flow of a module, and of every copy of it.

    Attributes:
        reads: the name of every operator, in the order of execution, → the name of the operator whose grid it reads.
            :data:`INPUT` stands for the grid of the module's input, ``None`` for values on no known grid.
        output: the name of the operator whose grid the module's output is on.
    """

    reads: Mapping[str, str | None]
    output: str | None

    @classmethod
    def of(cls, module: nn.Module) -> DataFlow:
        """Trace a module. Time: about a millisecond for three operators."""
        traced = OperatorGraph.of(module)
        reads: dict[str, str | None] = {}
        written: dict[fx.Node, str | None] = {}
        for node in traced.nodes:
            source = node.args[0] if node.args else None
            read = written.get(source) if isinstance(source, fx.Node) else None
            if node.op == "placeholder":
                written[node] = INPUT
            elif node.op == "output":
                return cls(reads, read)
            elif node.op != "call_module":
                written[node] = read if node.target in _moving(node) else None
            elif isinstance(part := traced.part(module, node), Operator):
                name = traced.name(node)
                reads[name], written[node] = read, name or ITSELF
            else:
                written[node] = read if isinstance(part, MOVING_MODULES) else None
        raise AssertionError("a graph ends with its output")

    def connect(self, module: nn.Module, entry: Affine | None = None) -> Affine | None:
        """Tell every operator of a converted or trainable module which grid it reads; return the grid of the output.

        ``entry`` is the grid of the module's input; ``None`` stands for values on no known grid.
        """
        grids: dict[str | None, Affine | None] = {INPUT: entry}
        for name, read in self.reads.items():
            operator = module.get_submodule(name)
            assert isinstance(operator, Operator)
            if operator.weights is not None:
                operator.weights = operator.weights.reading(grids.get(read))
            grids[name or ITSELF] = operator.output.grid if isinstance(operator.output, FakeQuantise) else None
        return grids.get(self.output)


@dataclass(frozen=True)
class OperatorGraph:
    """What a module, and every copy of it, calls: operators, and what lies between them, in order of execution."""

    nodes: tuple[fx.Node, ...]

    @classmethod
    def of(cls, module: nn.Module) -> OperatorGraph:
        """Trace a module. Time: about a millisecond for three operators."""
        root = nn.Sequential(module)  # as a child, a single operator is a leaf too
        return cls(tuple(_Tracer().trace(root).nodes))

    def name(self, node: fx.Node) -> str:
        """Return the place in the module of what a node calls; empty for the module itself."""
        return str(node.target).removeprefix("0").removeprefix(".")

    def part(self, module: nn.Module, node: fx.Node) -> nn.Module:
        """Return the part of ``module`` that a node calls."""
        return module.get_submodule(self.name(node))

    def step_without_operator(self, module: nn.Module) -> str | None:
        """Return the name of the first step that is no operator and does not only move or select values, which needs no
        rounding; ``None`` if there is none."""
        for node in self.nodes:
            if node.op == "call_module":
                part = self.part(module, node)
                if not isinstance(part, (Operator, *MOVING_MODULES)):
                    return f"{self.name(node)} ({type(part).__name__})"
            elif node.op not in ("placeholder", "output") and node.target not in _moving(node):
                return getattr(node.target, "__name__", str(node.target))
        return None


def trace_operators(module: nn.Module) -> fx.GraphModule:
    """Return a module's graph of operators and layers of torch, which computes with the same submodules.

    Raises what the code of the module raises if torch.fx cannot follow it.
    """
    return fx.GraphModule(module, _Tracer().trace(module))


class _Tracer(fx.Tracer):
    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return isinstance(m, (Operator, Unquantised)) or super().is_leaf_module(m, module_qualified_name)


def _moving(node: fx.Node) -> tuple[Any, ...]:
    return MOVING_METHODS if node.op == "call_method" else MOVING_FUNCTIONS

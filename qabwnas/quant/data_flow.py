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
        root = nn.Sequential(module)  # as a child, a single operator is a leaf too
        reads: dict[str, str | None] = {}
        written: dict[fx.Node, str | None] = {}
        for node in _Tracer().trace(root).nodes:
            source = node.args[0] if node.args else None
            read = written.get(source) if isinstance(source, fx.Node) else None
            if node.op == "placeholder":
                written[node] = INPUT
            elif node.op == "output":
                return cls(reads, read)
            elif node.op != "call_module":
                written[node] = read if node.target in _moving(node) else None
            elif isinstance(part := root.get_submodule(str(node.target)), Operator):
                name = str(node.target).removeprefix("0").removeprefix(".")
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


class _Tracer(fx.Tracer):
    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return isinstance(m, (Operator, Unquantised)) or super().is_leaf_module(m, module_qualified_name)


def _moving(node: fx.Node) -> tuple[Any, ...]:
    return MOVING_METHODS if node.op == "call_method" else MOVING_FUNCTIONS

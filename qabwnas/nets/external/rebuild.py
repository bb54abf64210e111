"""Traced parts of networks, rebuilt from operators if this does not change what they compute.

These have an operator: convolutions with the batch norm and the ReLU or ReLU6 after them, linear layers on vectors,
sums, concatenations of channels, and global averages. Max pooling, ReLU and reshaping stay as they are: their outputs
are on the grid of their input, so nothing is rounded. A part with anything else is not rebuilt.
"""

from __future__ import annotations

import copy
import math
import operator
from collections.abc import Sequence
from typing import Any

import torch
from torch import fx, nn
from torch.nn import functional as F

from qabwnas.nets.external.shapes import ValueShapes
from qabwnas.nets.external.user_module import class_name, torch_class
from qabwnas.quant.operators import Activation, Add, Concatenate, Convolution, GlobalAverage, Linear

Kinds = tuple[Any, ...]  # classes of modules, functions, and names of methods

RELU: Kinds = (nn.ReLU, F.relu, torch.relu, "relu")
RELU6: Kinds = (nn.ReLU6, F.relu6)
ADD: Kinds = (operator.add, torch.add, "add")
ADD_IN_PLACE: Kinds = (operator.iadd, "add_")
CONCATENATE: Kinds = (torch.cat, torch.concat)
AVERAGE: Kinds = (nn.AdaptiveAvgPool2d, F.adaptive_avg_pool2d)
FLATTEN: Kinds = (nn.Flatten, torch.flatten, "flatten")
EXPAND: Kinds = ("expand_as",)
MAXIMUM: Kinds = (nn.MaxPool2d,)
NO_EFFECT: Kinds = (nn.Dropout, nn.Dropout2d, nn.Identity, "clone", "contiguous")  # in evaluation mode


class NoOperatorError(Exception):
    """Something in a part has no operator; the message names it and its module."""


def to_operators(part: fx.GraphModule, values: ValueShapes) -> fx.GraphModule:
    """Return the part, rebuilt from operators.

    The operators hold copies of the part's weights; a convolution or linear layer without bias and batch norm gets a
    bias of zeros.

    Raises:
        NoOperatorError: this is impossible, or would change what the part computes.
    """
    return _Rebuild(part, values).run()


class _Rebuild:
    def __init__(self, part: fx.GraphModule, values: ValueShapes) -> None:
        self._part = part
        self._shapes = values.shapes
        self._overwriting = values.overwriting
        self._modules = nn.Module()
        self._graph = fx.Graph()
        self._made: dict[fx.Node, fx.Node] = {}

    def run(self) -> fx.GraphModule:
        for node in self._part.graph.nodes:
            if node.op == "placeholder":
                self._made[node] = self._graph.placeholder("x")
            elif node.op == "output":
                self._graph.output(self._made[node.args[0]])
            elif node not in self._made and node.op != "get_attr" and not self._convert(node):  # its reader handles it
                raise NoOperatorError(f"{self._described(node)} has no operator")
        return fx.GraphModule(self._modules, self._graph)

    def _described(self, node: fx.Node) -> str:
        if node.op == "call_module":
            return f"{node.target} ({class_name(self._module(node))})"
        what = node.target if isinstance(node.target, str) else node.target.__name__
        inside = node.meta.get("module")
        return f"{what} in {inside}" if inside else what

    def _convert(self, node: fx.Node) -> bool:
        """Add the equivalent of ``node``, and of the nodes that are fused with it, to the new graph; return success."""
        if node.name in self._overwriting:
            raise NoOperatorError(f"{self._described(node)} overwrites what is read again later")
        if any(x.op == "get_attr" for x in node.all_input_nodes):
            return False
        if self._is(node, (nn.Conv2d,)):
            return self._convolution(node)
        if self._is(node, (nn.Linear,)):
            return self._linear(node)
        if self._is(node, (*ADD, *ADD_IN_PLACE)):
            return self._add(node)
        if self._is(node, CONCATENATE):
            return self._concatenate(node)
        if self._is(node, AVERAGE) and self._shapes[node.name][2:] == (1, 1):
            return self._emit(node, GlobalAverage(), node.all_input_nodes)
        if self._is(node, RELU) and (len(node.all_input_nodes[0].users) == 1 or not self._in_place(node)):
            return self._emit(node, nn.ReLU(), node.all_input_nodes)
        if self._is(node, FLATTEN) and self._is_flat(node):
            return self._emit(node, nn.Flatten(), node.all_input_nodes)
        if self._is(node, EXPAND):
            self._made[node] = self._graph.call_method("expand_as", tuple(self._made[x] for x in node.all_input_nodes))
            return True
        if self._is(node, MAXIMUM) and node.name in self._shapes:
            return self._emit(node, copy.deepcopy(self._module(node)), node.all_input_nodes)
        if self._is(node, NO_EFFECT):
            self._made[node] = self._made[node.all_input_nodes[0]]
            return True
        return False

    def _convolution(self, node: fx.Node) -> bool:
        conv = copy.deepcopy(self._module(node))
        assert isinstance(conv, nn.Conv2d)
        if conv.padding_mode != "zeros":
            raise NoOperatorError(f"{self._described(node)} pads with {conv.padding_mode!r}")
        chain = [node]
        norm: nn.BatchNorm2d | nn.Identity = nn.Identity()
        follower = self._follower(node, (nn.BatchNorm2d,))
        if follower is not None:
            norm = self._norm(follower)
            chain.append(follower)
        if conv.bias is None and isinstance(norm, nn.Identity):
            conv.bias = nn.Parameter(conv.weight.new_zeros(conv.out_channels))
        activation: Activation = "none"
        if follower := self._follower(chain[-1], RELU):
            activation = "relu"
        elif follower := self._follower(chain[-1], RELU6):
            activation = "relu6"
        if follower is not None:
            chain.append(follower)
        convolution = Convolution(conv.in_channels, conv.out_channels, norm=False, activation=activation)
        convolution.conv, convolution.norm = conv, norm
        self._emit(node, convolution, node.all_input_nodes)
        for fused in chain:
            self._made[fused] = self._made[node]
        return True

    def _norm(self, node: fx.Node) -> nn.BatchNorm2d:
        norm = copy.deepcopy(self._module(node))
        assert isinstance(norm, nn.BatchNorm2d)
        if norm.running_mean is None or norm.running_var is None:
            raise NoOperatorError(f"{self._described(node)} has no running statistics")
        if not norm.affine:
            norm.affine = True
            norm.weight = nn.Parameter(torch.ones_like(norm.running_mean))
            norm.bias = nn.Parameter(torch.zeros_like(norm.running_mean))
        return norm

    def _linear(self, node: fx.Node) -> bool:
        layer = copy.deepcopy(self._module(node))
        assert isinstance(layer, nn.Linear)
        if len(self._shapes[node.name]) != 2:
            raise NoOperatorError(f"{self._described(node)} reads no vectors")
        if layer.bias is None:
            layer.bias = nn.Parameter(layer.weight.new_zeros(layer.out_features))
        linear = Linear(layer.in_features, layer.out_features)
        linear.linear = layer
        return self._emit(node, linear, node.all_input_nodes)

    def _add(self, node: fx.Node) -> bool:
        terms = [term for term in node.args if isinstance(term, fx.Node)]
        if len(terms) != 2 or len(node.args) != 2 or node.kwargs:
            return False
        x, y = terms
        if self._is(node, ADD_IN_PLACE) and len(x.users) > 1:
            return False
        if not self._shapes.get(x.name) == self._shapes.get(y.name) == self._shapes[node.name]:
            return False
        return self._emit(node, Add(), terms)

    def _concatenate(self, node: fx.Node) -> bool:
        maps = node.args[0] if node.args else None
        dim = node.args[1] if len(node.args) > 1 else node.kwargs.get("dim", 0)
        if dim != 1 or not isinstance(maps, (list, tuple)):
            return False
        return self._emit(node, Concatenate(), [x for x in maps if isinstance(x, fx.Node)])

    def _emit(self, node: fx.Node, module: nn.Module, inputs: Sequence[fx.Node]) -> bool:
        self._modules.add_module(node.name, module)
        self._made[node] = self._graph.call_module(node.name, tuple(self._made[x] for x in inputs))
        return True

    def _module(self, node: fx.Node) -> nn.Module:
        return self._part.get_submodule(str(node.target))

    def _is(self, node: fx.Node, kinds: Kinds) -> bool:
        if node.op == "call_module":
            return torch_class(self._module(node)) in kinds
        return node.op in ("call_function", "call_method") and node.target in kinds

    def _follower(self, node: fx.Node, kinds: Kinds) -> fx.Node | None:
        """Return the only node that reads the output of ``node``, if there is one and it is of these kinds."""
        users = list(node.users)
        return users[0] if len(users) == 1 and self._is(users[0], kinds) else None

    def _is_flat(self, node: fx.Node) -> bool:
        n, *sides = self._shapes[node.all_input_nodes[0].name]
        return self._shapes[node.name] == (n, math.prod(sides))

    def _in_place(self, node: fx.Node) -> bool:
        if node.op == "call_module":
            return bool(getattr(self._module(node), "inplace", False))
        return bool(node.kwargs.get("inplace", len(node.args) > 1 and node.args[1]))

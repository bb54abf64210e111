"""Traced parts of networks, rebuilt of operators where that changes nothing of what they compute.

Convolutions with the batch norm and the ReLU or ReLU6 behind them, linear layers on vectors, sums, concatenations of
channels and global averages have an operator. Maxima, ReLU and reshaping follow on them as they are: they give numbers
of the grid that they are given, so that nothing is rounded. A part with anything else is not converted.
"""

from __future__ import annotations

import copy
import operator
from collections.abc import Sequence
from typing import Any

import torch
from torch import fx, nn
from torch.nn import functional as F

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
NOTHING: Kinds = (nn.Dropout, nn.Dropout2d, nn.Identity, "clone", "contiguous")  # in evaluation mode

Sides = tuple[int, ...]


def to_operators(part: fx.GraphModule, shapes: dict[str, Sides]) -> fx.GraphModule | None:
    """Return the part made of operators, or ``None`` where that cannot be.

    ``shapes`` are those of its values, by node. The operators hold copies of the part's weights; a convolution or
    linear layer that has neither bias nor batch norm gets a bias of zeros.
    """
    return _Converter(part, shapes).run()


class _Converter:
    def __init__(self, part: fx.GraphModule, shapes: dict[str, Sides]) -> None:
        self._part = part
        self._shapes = shapes
        self._modules = nn.Module()
        self._graph = fx.Graph()
        self._made: dict[fx.Node, fx.Node] = {}

    def run(self) -> fx.GraphModule | None:
        for node in self._part.graph.nodes:
            if node.op == "placeholder":
                self._made[node] = self._graph.placeholder("x")
            elif node.op == "output":
                self._graph.output(self._made[node.args[0]])
            elif node not in self._made and not self._convert(node):
                return None
        return fx.GraphModule(self._modules, self._graph)

    def _convert(self, node: fx.Node) -> bool:
        """Put what does the same as ``node``, and as those behind it that are fused with it, into the new graph."""
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
        if self._is(node, FLATTEN) and len(self._shapes[node.name]) == 2:
            return self._emit(node, nn.Flatten(), node.all_input_nodes)
        if self._is(node, EXPAND):
            self._made[node] = self._graph.call_method("expand_as", tuple(self._made[x] for x in node.all_input_nodes))
            return True
        if self._is(node, MAXIMUM) and node.name in self._shapes:
            return self._emit(node, copy.deepcopy(self._module(node)), node.all_input_nodes)
        if self._is(node, NOTHING):
            self._made[node] = self._made[node.all_input_nodes[0]]
            return True
        return False

    def _convolution(self, node: fx.Node) -> bool:
        conv = copy.deepcopy(self._module(node))
        assert isinstance(conv, nn.Conv2d)
        if conv.padding_mode != "zeros":
            return False
        chain = [node]
        norm: nn.BatchNorm2d | nn.Identity = nn.Identity()
        follower = self._follower(node, (nn.BatchNorm2d,))
        if follower is not None and conv.bias is None:
            found = copy.deepcopy(self._module(follower))
            assert isinstance(found, nn.BatchNorm2d)
            if not (found.affine and found.track_running_stats):
                return False
            norm = found
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

    def _linear(self, node: fx.Node) -> bool:
        layer = copy.deepcopy(self._module(node))
        assert isinstance(layer, nn.Linear)
        if len(self._shapes[node.name]) != 2:
            return False
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
            return isinstance(self._module(node), tuple(kind for kind in kinds if isinstance(kind, type)))
        return node.op in ("call_function", "call_method") and node.target in kinds

    def _follower(self, node: fx.Node, kinds: Kinds) -> fx.Node | None:
        """Return the one node that reads what ``node`` gives, if it is of these kinds."""
        users = list(node.users)
        return users[0] if len(users) == 1 and self._is(users[0], kinds) else None

    def _in_place(self, node: fx.Node) -> bool:
        if node.op == "call_module":
            return bool(getattr(self._module(node), "inplace", False))
        return bool(node.kwargs.get("inplace", len(node.args) > 1 and node.args[1]))

"""Traced parts of networks, rebuilt from operators if this does not change what they compute.

These have an operator: convolutions with the zeros around their input, the batch norm and the ReLU or ReLU6 after them;
linear layers on vectors; sums; concatenations of channels; average pooling and global averages; hard sigmoid, and
products with its gates (squeeze-and-excitation). Max pooling, ReLU, padding with zeros and reshaping stay as they are:
their outputs are on the grid of their input, so nothing is rounded. A part with anything else is not rebuilt.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NoReturn

import torch
from torch import fx, nn
from torch.nn import functional as F

from qabwnas.nets.external import layers
from qabwnas.nets.external.layers import Kinds, Layers, NoOperatorError, Sides, zeros_of
from qabwnas.nets.external.shapes import ValueShapes
from qabwnas.nets.external.tracer import SIZES
from qabwnas.quant.convolutions import PaddedConv2d
from qabwnas.quant.operators import (
    Add,
    AveragePool,
    Concatenate,
    Convolution,
    GlobalAverage,
    HardSigmoid,
    Linear,
    Multiply,
)

REASONS: tuple[tuple[Kinds, str], ...] = (
    (
        (nn.MultiheadAttention, nn.TransformerEncoderLayer, nn.TransformerEncoder, F.scaled_dot_product_attention,
         F.multi_head_attention_forward, nn.Softmax, F.softmax, torch.softmax, "softmax", torch.matmul, torch.bmm),
        "attention multiplies activations with each other, and operators multiply them with weights",
    ),
    (
        (nn.LayerNorm, F.layer_norm, nn.GroupNorm, F.group_norm, nn.InstanceNorm2d, F.instance_norm),
        "it normalises by statistics of each image, which cannot be folded into weights",
    ),
    (
        (nn.RNN, nn.LSTM, nn.GRU, nn.RNNCell, nn.LSTMCell, nn.GRUCell),
        "a recurrent layer has a state, whose ranges change from step to step",
    ),
    (
        (nn.GELU, F.gelu, nn.SiLU, F.silu, nn.Hardswish, F.hardswish, nn.Sigmoid, torch.sigmoid, "sigmoid", nn.Tanh,
         torch.tanh, "tanh"),
        "integer run-times approximate it, each in its own way",
    ),
)  # fmt: skip
"""Why layers that users often have stay float; attention comes first."""


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
        self._layers = Layers(part)
        self._source = part.graph
        self._shapes = values.shapes
        self._overwriting = values.overwriting
        self._modules = nn.Module()
        self._graph = fx.Graph()
        self._made: dict[fx.Node, fx.Node] = {}
        self._zeros: dict[fx.Node, Sides] = {}  # of paddings that become a part of the convolutions after them

    def run(self) -> fx.GraphModule:
        for node in self._source.nodes:
            if node.op == "placeholder":
                self._made[node] = self._graph.placeholder("x")
            elif node.op == "output":
                self._graph.output(self._made[node.args[0]])
            elif node.op == "get_attr" or isinstance(node.meta.get("known"), SIZES):
                continue  # its reader handles it
            elif node not in self._made and not self._convert(node):
                self._refuse(node)
        return fx.GraphModule(self._modules, self._graph)

    def _refuse(self, node: fx.Node) -> NoReturn:
        """Raise for a node without operator, or for attention in its part, whose reshaping comes before it."""
        for other, reasons in ((node, REASONS), *((other, REASONS[:1]) for other in self._source.nodes)):
            for kinds, reason in reasons:
                if self._is(other, kinds):
                    raise NoOperatorError(f"{self._layers.described(other)} has no operator: {reason}")
        raise NoOperatorError(f"{self._layers.described(node)} has no operator")

    def _convert(self, node: fx.Node) -> bool:
        """Add the equivalent of ``node``, and of the nodes that are fused with it, to the new graph; return success."""
        if node.name in self._overwriting:
            raise NoOperatorError(f"{self._layers.described(node)} overwrites what is read again later")
        if self._is(node, layers.CONVOLUTION):
            return self._convolution(node)
        if self._is(node, layers.LINEAR):
            return self._linear(node)
        if any(x.op == "get_attr" for x in node.all_input_nodes):
            return False
        if self._is(node, layers.PAD):
            return self._pad(node)
        if self._is(node, (*layers.ADD, *layers.ADD_IN_PLACE)):
            return self._add(node)
        if self._is(node, layers.MULTIPLY):
            return self._multiply(node)
        if self._is(node, layers.CONCATENATE):
            return self._concatenate(node)
        if self._is(node, layers.MEAN):
            return self._mean(node)
        inputs = node.all_input_nodes[:1]  # the others are sizes
        if self._is(node, layers.GLOBAL_AVERAGE) and self._shapes[node.name][2:] == (1, 1):
            return self._emit(node, GlobalAverage(), inputs)
        if self._is(node, layers.AVERAGE):
            return self._emit(node, AveragePool(self._layers.average(node)), inputs)
        if self._is(node, layers.MAXIMUM) and node.name in self._shapes:
            return self._emit(node, self._layers.maximum(node), inputs)
        if self._layers.activation(node) == "relu" and (len(inputs[0].users) == 1 or not self._in_place(node)):
            return self._emit(node, nn.ReLU(), inputs)
        if self._is(node, layers.HARD_SIGMOID) and (len(inputs[0].users) == 1 or not self._in_place(node)):
            return self._emit(node, HardSigmoid(), inputs)
        if self._is(node, layers.FLATTEN) and self._is_flat(node):
            return self._emit(node, nn.Flatten(), inputs)
        if self._is(node, layers.EXPAND):
            self._made[node] = self._graph.call_method("expand_as", tuple(self._made[x] for x in node.all_input_nodes))
            return True
        if self._is(node, layers.NO_EFFECT):
            self._made[node] = self._made[inputs[0]]
            return True
        return False

    def _convolution(self, node: fx.Node) -> bool:
        conv = self._layers.convolution(node)
        x = node.all_input_nodes[0]
        chain = [node]
        norm: nn.BatchNorm2d | nn.Identity = nn.Identity()
        follower = self._only_reader(node)
        if follower is not None and self._is(follower, layers.NORM):
            norm = self._layers.norm(follower)
            chain.append(follower)
        if conv.bias is None and isinstance(norm, nn.Identity):
            conv.bias = nn.Parameter(conv.weight.new_zeros(conv.out_channels))
        follower = self._only_reader(chain[-1])
        activation = "none" if follower is None else self._layers.activation(follower)
        if follower is not None and activation != "none":
            chain.append(follower)
        convolution = Convolution(conv.in_channels, conv.out_channels, norm=False, activation=activation)
        convolution.conv, convolution.norm = _padded(conv, self._zeros.get(x, (0, 0, 0, 0))), norm
        self._emit(node, convolution, [x])
        for fused in chain:
            self._made[fused] = self._made[node]
        return True

    def _pad(self, node: fx.Node) -> bool:
        zeros = self._layers.zeros(node)
        x = node.all_input_nodes[0]
        if all(self._is(reader, layers.CONVOLUTION) for reader in node.users):
            self._zeros[node] = zeros
            self._made[node] = self._made[x]
            return True
        return self._emit(node, nn.ZeroPad2d(zeros), [x])

    def _linear(self, node: fx.Node) -> bool:
        if len(self._shapes[node.name]) != 2:
            raise NoOperatorError(f"{self._layers.described(node)} reads no vectors")
        layer = self._layers.linear(node)
        if layer.bias is None:
            layer.bias = nn.Parameter(layer.weight.new_zeros(layer.out_features))
        linear = Linear(layer.in_features, layer.out_features)
        linear.linear = layer
        return self._emit(node, linear, node.all_input_nodes[:1])

    def _add(self, node: fx.Node) -> bool:
        terms = [term for term in node.args if isinstance(term, fx.Node)]
        if len(terms) != 2 or len(node.args) != 2 or node.kwargs:
            return False
        x, y = terms
        if self._is(node, layers.ADD_IN_PLACE) and len(x.users) > 1:
            return False
        if not self._shapes.get(x.name) == self._shapes.get(y.name) == self._shapes[node.name]:
            return False
        return self._emit(node, Add(), terms)

    def _multiply(self, node: fx.Node) -> bool:
        """Rebuild the product of a map and a gate (n, channels, 1, 1); there is no operator for other products."""
        factors = [factor for factor in node.args if isinstance(factor, fx.Node)]
        if len(factors) != 2 or len(node.args) != 2 or node.kwargs:
            return False
        shape = self._shapes[node.name]
        x, gate = sorted(factors, key=lambda factor: self._shapes.get(factor.name) != shape)
        if self._shapes.get(x.name) != shape or self._shapes.get(gate.name) != (*shape[:2], 1, 1):
            return False
        return self._emit(node, Multiply(), [x, gate])

    def _concatenate(self, node: fx.Node) -> bool:
        maps = node.args[0] if node.args else None
        dim = node.args[1] if len(node.args) > 1 else node.kwargs.get("dim", 0)
        if dim != 1 or not isinstance(maps, (list, tuple)):
            return False
        return self._emit(node, Concatenate(), [x for x in maps if isinstance(x, fx.Node)])

    def _mean(self, node: fx.Node) -> bool:
        """Make a global average of a mean over the pixels of maps."""
        x, given = node.all_input_nodes[0], self._layers.arguments(node)
        dims, n = given.get("dim"), len(self._shapes[x.name])
        if n != 4 or not isinstance(dims, (list, tuple)) or {d % n for d in dims} != {2, 3}:
            return False
        self._emit(node, GlobalAverage(), [x])
        if not given.get("keepdim", False):
            self._made[node] = self._graph.call_function(torch.flatten, (self._made[node], 1))
        return True

    def _emit(self, node: fx.Node, module: nn.Module, inputs: Sequence[fx.Node]) -> bool:
        self._modules.add_module(node.name, module)
        self._made[node] = self._graph.call_module(node.name, tuple(self._made[x] for x in inputs))
        return True

    def _is(self, node: fx.Node, kinds: Kinds) -> bool:
        return self._layers.is_of(node, kinds)

    def _only_reader(self, node: fx.Node) -> fx.Node | None:
        """Return the only node that reads a node's output, past those without effect; ``None`` if there are several."""
        while len(node.users) == 1:
            [node] = node.users
            if not self._is(node, layers.NO_EFFECT):
                return node
        return None

    def _is_flat(self, node: fx.Node) -> bool:
        n, *sides = self._shapes[node.all_input_nodes[0].name]
        return self._shapes[node.name] == (n, math.prod(sides))

    def _in_place(self, node: fx.Node) -> bool:
        if node.op == "call_module":
            return bool(getattr(self._layers.module(node), "inplace", False))
        return bool(node.kwargs.get("inplace", False))


def _padded(conv: nn.Conv2d, zeros: Sides) -> nn.Conv2d:
    """Return a convolution that also adds these zeros, around its input before its own padding."""
    left, right, top, bottom = (a + b for a, b in zip(zeros, zeros_of(conv), strict=True))
    if (left, top) != (right, bottom):
        return PaddedConv2d(conv, (left, right, top, bottom))
    conv.padding = (top, left)
    return conv

"""Export quantised networks as ONNX graphs; QuantizeLinear and DequantizeLinear nodes have exactly the networks' grids.

A network that is built of :mod:`qabwnas.quant.operators` and converted by :func:`qabwnas.quant.ptq.convert` is exported
operator by operator, without tracing: activations as unsigned 8-bit integers, weights as signed 8-bit integers with one
scale per channel, biases as 32-bit integers with the scale S_x · S_w. Weights and activations of fewer bits keep their
grids inside the 8-bit containers. Parts at ``FLOAT`` become float nodes. Parts that stay float because they do not
consist of operators are exported by torch (:mod:`qabwnas.deploy.float_parts`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import singledispatch
from typing import Any

import numpy as np
import onnx
import torch
from torch import Tensor, fx, nn
from torch.nn import functional as F

from qabwnas.deploy.float_parts import export_float_parts
from qabwnas.deploy.graph import INPUT, OUTPUT, Graph, Value
from qabwnas.errors import InputError
from qabwnas.nets.external.layers import zeros_of
from qabwnas.nets.layers import DeepLabV3
from qabwnas.nets.network import Network
from qabwnas.quant.activations import FakeQuantise
from qabwnas.quant.affine import Affine
from qabwnas.quant.convolutions import PaddedConv2d
from qabwnas.quant.data_flow import OperatorGraph
from qabwnas.quant.operators import (
    Add,
    AveragePool,
    Concatenate,
    Convolution,
    GlobalAverage,
    HardSigmoid,
    Input,
    Linear,
    Multiply,
    Operator,
    Unquantised,
)
from qabwnas.quant.ptq import weighted_layer
from qabwnas.quant.weights import LARGEST_BIAS, bias_unit, channel_grid

CONTAINER_BITS = 8


@torch.no_grad()
def onnx_model(module: nn.Module, shape: tuple[int, ...]) -> onnx.ModelProto:
    """Return a frozen network or block as an ONNX model with one input and one output, for batches of any size.

    ``shape`` is that of one input without the batch. Parts that stay float are named in the model's metadata
    (:func:`~qabwnas.deploy.graph.float_parts`). The model has the lowest opset that these parts can be written in.

    Raises:
        InputError: a part of the module is no operator, or has bit widths of 9 to 16 or asymmetric weights, which
            8-bit containers cannot hold; or torch cannot export a part that stays float. The message names its path in
            the module.
    """
    graph = Graph(export_float_parts(module, shape))
    value = emit(module, graph, "", Value(INPUT))
    if value.grid is None:
        graph.node("Identity", [value.name], OUTPUT)
    else:
        graph.real(value, OUTPUT)
    n_sides = module(torch.zeros(1, *shape)).ndim - 1
    return graph.model(shape, OUTPUT, n_sides)


@torch.no_grad()
def part_model(part: nn.Sequential, shape: tuple[int, ...], *, from_floats: bool = False) -> onnx.ModelProto:
    """Return a frozen part, which begins with an :class:`Input`, as it runs inside a network.

    Input and output of a quantised part are integers, as between its neighbours: nothing is converted from floats or to
    floats. ``from_floats`` is for the first part, which gets an image. Raises as :func:`onnx_model`.
    """
    graph = Graph()
    entry, *rest = part.named_children()
    grid = part[0].output.grid if isinstance(part[0].output, FakeQuantise) else None
    if grid is None or from_floats:
        x = emit(entry[1], graph, entry[0], Value(INPUT))
    else:
        x = graph.on_grid(entry[0], INPUT, grid)
    for name, module in rest:
        x = emit(module, graph, name, x)
    n_sides = part(torch.zeros(1, *shape)).ndim - 1
    quantised = grid is not None
    return graph.model(shape, x.name, n_sides, integers=(quantised and not from_floats, quantised))


@singledispatch
def emit(module: nn.Module, graph: Graph, path: str, *inputs: Value) -> Value:
    """Add a module with the name ``path`` to the graph, and return its output for these inputs.

    A module without an own function here, such as that of an operation or a rebuilt part of a teacher, is followed to
    the operators that it calls.
    """
    return _emit_called(module, graph, path, *inputs)


def _below(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


@emit.register(nn.Identity)
@emit.register(nn.Dropout2d)
def _(module: nn.Module, graph: Graph, path: str, x: Value) -> Value:  # noqa: ARG001 - nothing to write
    return x


@emit.register
def _(module: nn.Sequential, graph: Graph, path: str, x: Value) -> Value:
    for name, part in module.named_children():
        x = emit(part, graph, _below(path, name), x)
    return x


@emit.register
def _(module: Network, graph: Graph, path: str, x: Value) -> Value:
    x = emit(module.stem, graph, _below(path, "stem"), x)
    for b, block in enumerate(module.blocks):
        x = emit(block, graph, _below(path, f"blocks.{b}"), x)
    return emit(module.head, graph, _below(path, "head"), x)


@emit.register
def _(module: DeepLabV3, graph: Graph, path: str, x: Value) -> Value:
    maps = [emit(branch, graph, _below(path, f"branches.{i}"), x) for i, branch in enumerate(module.branches)]
    pooled = emit(module.pool, graph, _below(path, "pool"), x)
    pooled = _expanded(graph, _below(path, "pooled"), pooled, maps[0])
    y = emit(module.concatenate, graph, _below(path, "concatenate"), pooled, *maps)
    y = emit(module.bottleneck, graph, _below(path, "bottleneck"), y)
    return emit(module.classifier, graph, _below(path, "classifier"), y)


@emit.register
def _(module: Unquantised, graph: Graph, path: str, x: Value) -> Value:  # noqa: ARG001 - it was exported before
    return graph.include(path, x)


@emit.register
def _(module: nn.Flatten, graph: Graph, path: str, x: Value) -> Value:  # noqa: ARG001 - all sides but the batch
    return _moved("Flatten", graph, path, x)


@emit.register
def _(module: nn.MaxPool2d, graph: Graph, path: str, x: Value) -> Value:
    return _moved("MaxPool", graph, path, x, **_windows(module), dilations=_both(module.dilation))


@emit.register
def _(module: nn.ReLU, graph: Graph, path: str, x: Value) -> Value:  # noqa: ARG001 - it has no settings
    if x.grid is None:
        return Value(graph.node("Relu", [x.name], path))
    return replace(x, name=graph.node("Clip", [x.name, x.zero], path))  # the integers of 0 and above


@emit.register
def _(module: nn.ZeroPad2d, graph: Graph, path: str, x: Value) -> Value:
    left, right, top, bottom = module.padding
    pads = graph.constant(f"{path}.pads", np.array([0, 0, top, left, 0, 0, bottom, right]))
    return replace(x, name=graph.node("Pad", [x.name, pads, *([x.zero] if x.zero else [])], path))


@emit.register
def _(module: Input, graph: Graph, path: str, x: Value) -> Value:
    return _written(module, graph, path, graph.real(x))


@emit.register
def _(module: GlobalAverage, graph: Graph, path: str, x: Value) -> Value:
    return _join(module, "GlobalAveragePool", graph, path, [x])


@emit.register
def _(module: AveragePool, graph: Graph, path: str, x: Value) -> Value:
    pool = module.pool
    # Without padding both are the same, but run-times would also count pixels beyond the map (ceil_mode) as zeros.
    counts_zeros = int(pool.count_include_pad and any(_both(pool.padding)))
    return _join(module, "AveragePool", graph, path, [x], **_windows(pool), count_include_pad=counts_zeros)


@emit.register
def _(module: Add, graph: Graph, path: str, *terms: Value) -> Value:
    return _join(module, "Add", graph, path, terms)


@emit.register
def _(module: Concatenate, graph: Graph, path: str, *maps: Value) -> Value:
    return _join(module, "Concat", graph, path, maps, axis=1)


@emit.register
def _(module: Linear, graph: Graph, path: str, x: Value) -> Value:
    flat = _moved("Flatten", graph, f"{path}.flat", x)
    y = graph.node("Gemm", [graph.real(flat), *_weights(module, graph, path, x)], f"{path}.values", transB=1)
    return _written(module, graph, path, y)


@emit.register
def _(module: Convolution, graph: Graph, path: str, x: Value) -> Value:
    conv = module.conv
    left, right, top, bottom = conv.zeros if isinstance(conv, PaddedConv2d) else zeros_of(conv)
    y = graph.node(
        "Conv",
        [graph.real(x), *_weights(module, graph, path, x)],
        f"{path}.values",
        kernel_shape=list(conv.kernel_size),
        strides=list(conv.stride),
        dilations=list(conv.dilation),
        pads=[top, left, bottom, right],
        group=conv.groups,
    )
    if isinstance(module.output, nn.Identity):
        y = _activated(module.activation, graph, path, y)
    # The grid was calibrated after the activation and ends where it does, so quantising also applies the activation.
    return _written(module, graph, path, y)


@emit.register
def _(module: HardSigmoid, graph: Graph, path: str, x: Value) -> Value:
    return _join(module, "HardSigmoid", graph, path, [x], alpha=1 / 6, beta=0.5)


@emit.register
def _(module: Multiply, graph: Graph, path: str, *factors: Value) -> Value:
    return _join(module, "Mul", graph, path, factors)


def _emit_called(module: nn.Module, graph: Graph, path: str, x: Value) -> Value:
    """Add what a module calls, in the order of execution."""
    traced = OperatorGraph.of(module)
    values: dict[fx.Node, Value] = {}
    for node in traced.nodes:
        inputs = [values[read] for read in node.args if isinstance(read, fx.Node)]
        place = traced.name(node) if node.op == "call_module" else ""
        if node.op == "placeholder":
            values[node] = x
        elif node.op == "output":
            return inputs[0]
        elif place:
            values[node] = emit(traced.part(module, node), graph, _below(path, place), *inputs)
        elif node.target == "expand_as":
            values[node] = _expanded(graph, _below(path, node.name), *inputs)
        elif node.target in (torch.relu, F.relu):
            values[node] = emit(nn.ReLU(), graph, _below(path, node.name), *inputs)
        elif node.target in (torch.flatten, "flatten") and node.args[1:] in ((1,), (1, -1)):
            values[node] = _moved("Flatten", graph, _below(path, node.name), *inputs)
        else:  # the module itself is what torch.fx does not look into, or a function
            what = type(module).__name__ if node.op == "call_module" else getattr(node.target, "__name__", node.target)
            raise InputError(f"{path}: a {what} cannot be exported; it is not one of the operators")
    raise AssertionError("a graph ends with its output")


def _activated(activation: nn.Module, graph: Graph, path: str, y: str) -> str:
    if isinstance(activation, nn.Identity):
        return y
    if isinstance(activation, nn.ReLU):
        return graph.node("Relu", [y], f"{path}.relu")
    ends = [graph.constant(f"{path}.{name}", np.array(end, dtype=np.float32)) for name, end in (("from", 0), ("to", 6))]
    return graph.node("Clip", [y, *ends], f"{path}.relu6")


def _moved(kind: str, graph: Graph, path: str, x: Value, **attributes: Any) -> Value:
    """Add a node that only moves or selects values, and so works on the integers themselves."""
    return replace(x, name=graph.node(kind, [x.name], path, **attributes))


def _expanded(graph: Graph, path: str, x: Value, y: Value) -> Value:
    """Return ``x`` in the shape of ``y``; it stays quantised, so that the next operator is one integer kernel."""
    shape = graph.node("Shape", [y.name], f"{path}.shape")
    return replace(x, name=graph.node("Expand", [x.name, shape], path))


def _windows(pool: nn.MaxPool2d | nn.AvgPool2d) -> dict[str, Any]:
    rows, columns = _both(pool.padding)
    return {
        "kernel_shape": _both(pool.kernel_size),
        "strides": _both(pool.stride),
        "pads": [rows, columns, rows, columns],
        "ceil_mode": int(pool.ceil_mode),
    }


def _both(sides: int | tuple[int, ...]) -> list[int]:
    return [sides, sides] if isinstance(sides, int) else list(sides)


def _join(operator: Operator, kind: str, graph: Graph, path: str, values: Sequence[Value], **attributes: Any) -> Value:
    """Add an operator without weights."""
    y = graph.node(kind, [graph.real(value) for value in values], f"{path}.values", **attributes)
    return _written(operator, graph, path, y)


def _written(operator: Operator, graph: Graph, path: str, y: str) -> Value:
    """Add the quantisation of an operator's result, if its output slot has a grid."""
    if isinstance(operator.output, nn.Identity):
        return Value(y)
    assert isinstance(operator.output, FakeQuantise), "only modules that convert() made are exported"
    return graph.quantised(path, y, operator.output.grid)


def _weights(operator: Operator, graph: Graph, path: str, x: Value) -> list[str]:
    """Return the names of the real weights and biases."""
    layer = weighted_layer(operator)
    assert layer is not None
    assert layer.bias is not None, "folding gives every convolution a bias"
    weight, bias = layer.weight, layer.bias
    if operator.weights is None:
        return [graph.constant(f"{path}.weight", weight.numpy()), graph.constant(f"{path}.bias", bias.numpy())]
    bits = operator.weights.bits
    if bits > CONTAINER_BITS:
        raise InputError(f"{path}: weights of more than {CONTAINER_BITS} bits cannot be exported")
    assert x.grid is not None, "an operator with quantised weights reads a quantised tensor"
    grid = _wide_enough(channel_grid(weight, bits), x.grid, bias)
    unit = bias_unit(grid, x.grid)
    return [
        _real_constant(graph, f"{path}.weight", grid.quantise(weight).char(), grid.scale, f"{bits} bits"),
        _real_constant(graph, f"{path}.bias", torch.round(bias.double() / unit).int(), unit.float(), ""),
    ]


def _wide_enough(grid: Affine, of_x: Affine, bias: Tensor) -> Affine:
    """Return the grids of the weights, wider in channels whose bias would not fit 32 bits with the scale S_x · S_w.

    Weights that are so much smaller than their bias hardly change the sum: the rounding error of a wider grid is below
    2^-30 of the bias for each weight and step of the input.
    """
    fitting = bias.double().abs() / (of_x.scale.double() * LARGEST_BIAS)
    return replace(grid, scale=torch.maximum(grid.scale.double(), fitting).float())


def _real_constant(graph: Graph, name: str, integers: Tensor, scale: Tensor, note: str) -> str:
    stored = graph.constant(name, integers.numpy(), note)
    scale_name = graph.constant(f"{name}_scale", scale.numpy())
    # The zero points are all 0 and optional in ONNX, but without them ONNX Runtime's linear layer takes a wrong shape.
    zero = graph.constant(f"{name}_zero", torch.zeros_like(scale, dtype=integers.dtype).numpy())
    return graph.node("DequantizeLinear", [stored, scale_name, zero], f"{name}.real", axis=0)

"""The layers of a traced part as modules of torch, whether a module or a function computes them."""

from __future__ import annotations

import copy
import functools
import math
import operator
from typing import Any, cast

import torch
from torch import fx, nn
from torch.nn import functional as F

from qabwnas.nets.external.user_module import class_name, torch_class
from qabwnas.quant.operators import Activation

Kinds = tuple[Any, ...]  # classes of modules, functions, and names of methods
Sides = tuple[int, int, int, int]
"""Pixels at the left, right, top and bottom, as :func:`torch.nn.functional.pad` counts them."""

CONVOLUTION: Kinds = (nn.Conv2d, F.conv2d)
NORM: Kinds = (nn.BatchNorm2d,)
LINEAR: Kinds = (nn.Linear, F.linear)
RELU: Kinds = (nn.ReLU, F.relu, torch.relu, "relu")
RELU6: Kinds = (nn.ReLU6, F.relu6)
CLAMP: Kinds = (nn.Hardtanh, F.hardtanh, torch.clamp, torch.clip, "clamp", "clip")
ADD: Kinds = (operator.add, torch.add, "add")
ADD_IN_PLACE: Kinds = (operator.iadd, "add_")
MULTIPLY: Kinds = (operator.mul, torch.mul, "mul")
HARD_SIGMOID: Kinds = (nn.Hardsigmoid, F.hardsigmoid)
CONCATENATE: Kinds = (torch.cat, torch.concat)
GLOBAL_AVERAGE: Kinds = (nn.AdaptiveAvgPool2d, F.adaptive_avg_pool2d)
MEAN: Kinds = (torch.mean, "mean")
AVERAGE: Kinds = (nn.AvgPool2d, F.avg_pool2d)
MAXIMUM: Kinds = (nn.MaxPool2d, F.max_pool2d, torch.max_pool2d)
PAD: Kinds = (nn.ZeroPad2d, nn.ConstantPad2d, F.pad)
FLATTEN: Kinds = (nn.Flatten, torch.flatten, torch.reshape, "flatten", "reshape")
EXPAND: Kinds = ("expand_as",)
NO_EFFECT: Kinds = (nn.Dropout, nn.Dropout2d, nn.Identity, "clone", "contiguous")  # in evaluation mode

ARGUMENTS: dict[Any, tuple[str, ...]] = {
    F.conv2d: ("input", "weight", "bias", "stride", "padding", "dilation", "groups"),
    F.linear: ("input", "weight", "bias"),
    F.hardtanh: ("input", "min_val", "max_val", "inplace"),
    F.avg_pool2d: (
        "input", "kernel_size", "stride", "padding", "ceil_mode", "count_include_pad", "divisor_override",
    ),
    F.max_pool2d: ("input", "kernel_size", "stride", "padding", "dilation", "ceil_mode", "return_indices"),
    torch.max_pool2d: ("input", "kernel_size", "stride", "padding", "dilation", "ceil_mode"),
    F.pad: ("input", "pad", "mode", "value"),
    **dict.fromkeys((torch.clamp, torch.clip, "clamp", "clip"), ("input", "min", "max")),
    **dict.fromkeys((torch.mean, "mean"), ("input", "dim", "keepdim")),
}  # fmt: skip
"""The names of the arguments of functions and methods, in their order."""


class NoOperatorError(Exception):
    """Something in a part has no operator; the message names it and its module."""


class Layers:
    """Reads the layers of one traced part."""

    def __init__(self, part: fx.GraphModule) -> None:
        self._part = part

    def is_of(self, node: fx.Node, kinds: Kinds) -> bool:
        """Return whether a node computes what one of these modules, functions or methods does, and nothing else."""
        if node.op == "call_module":
            return torch_class(self.module(node)) in kinds
        return node.op in ("call_function", "call_method") and node.target in kinds

    def module(self, node: fx.Node) -> nn.Module:
        """Return the module that a node calls."""
        return self._part.get_submodule(str(node.target))

    def described(self, node: fx.Node) -> str:
        """Return how messages name a node: the module that it calls, or the function and the module that calls it."""
        if node.op == "call_module":
            return f"{node.target} ({class_name(self.module(node))})"
        what = node.target if isinstance(node.target, str) else getattr(node.target, "__name__", str(node.target))
        if node.target is F.max_pool2d:
            what = "max_pool2d"  # the name of torch's function is fn, because a decorator makes it
        inside = node.meta.get("module")
        return f"{what} in {inside}" if inside else str(what)

    def arguments(self, node: fx.Node) -> dict[str, Any]:
        """Return the arguments of a function or method by name.

        Raises:
            NoOperatorError: one of them, other than a tensor of weights, is computed by the part.
        """
        given = dict(zip(ARGUMENTS[node.target], node.args, strict=False)) | node.kwargs
        for name, value in given.items():
            symbols: list[fx.Node] = []
            fx.node.map_arg(value, symbols.append)
            if name != "input" and any(symbol.op != "get_attr" for symbol in symbols):
                raise NoOperatorError(f"{self.described(node)} has no operator: its {name} is computed for each input")
        return given

    def convolution(self, node: fx.Node) -> nn.Conv2d:
        """Return a copy of a convolution, with its padding as numbers of zeros.

        Raises:
            NoOperatorError: its padding is no zeros; or as :meth:`arguments`.
        """
        if node.op == "call_module":
            conv = cast(nn.Conv2d, copy.deepcopy(self.module(node)))
            if conv.padding_mode != "zeros":
                raise NoOperatorError(f"{self.described(node)} pads with {conv.padding_mode!r}")
            return conv
        given = self.arguments(node)
        weight, bias = self._parameter(given["weight"]), self._parameter(given.get("bias"))
        assert weight is not None
        groups = given.get("groups", 1)
        conv = nn.Conv2d(
            weight.shape[1] * groups,
            len(weight),
            (weight.shape[2], weight.shape[3]),
            **{name: _plain(given[name]) for name in ("stride", "padding", "dilation") if name in given},
            groups=groups,
            bias=bias is not None,
        )
        conv.weight, conv.bias = weight, bias
        return conv

    def linear(self, node: fx.Node) -> nn.Linear:
        """Return a copy of a linear layer; raises as :meth:`arguments`."""
        if node.op == "call_module":
            return cast(nn.Linear, copy.deepcopy(self.module(node)))
        given = self.arguments(node)
        weight, bias = self._parameter(given["weight"]), self._parameter(given.get("bias"))
        assert weight is not None
        layer = nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None)
        layer.weight, layer.bias = weight, bias  # type: ignore[assignment]  # torch's class says that it has a bias
        return layer

    def norm(self, node: fx.Node) -> nn.BatchNorm2d:
        """Return a copy of a batch norm, with factors and summands.

        Raises:
            NoOperatorError: it has no running statistics.
        """
        norm = cast(nn.BatchNorm2d, copy.deepcopy(self.module(node)))
        if norm.running_mean is None or norm.running_var is None:
            raise NoOperatorError(f"{self.described(node)} has no running statistics")
        if not norm.affine:
            norm.affine = True
            norm.weight = nn.Parameter(torch.ones_like(norm.running_mean))
            norm.bias = nn.Parameter(torch.zeros_like(norm.running_mean))
        return norm

    def maximum(self, node: fx.Node) -> nn.MaxPool2d:
        """Return a max pooling; raises as :meth:`arguments`."""
        if node.op == "call_module":
            return cast(nn.MaxPool2d, copy.deepcopy(self.module(node)))
        return nn.MaxPool2d(**_options(self.arguments(node)))

    def average(self, node: fx.Node) -> nn.AvgPool2d:
        """Return an average pooling.

        Raises:
            NoOperatorError: it divides by another number than that of the pixels; or as :meth:`arguments`.
        """
        if node.op == "call_module":
            pool = cast(nn.AvgPool2d, copy.deepcopy(self.module(node)))
        else:
            pool = nn.AvgPool2d(**_options(self.arguments(node)))
        if pool.divisor_override is not None:
            raise NoOperatorError(f"{self.described(node)} has no operator: it has a divisor of its own")
        if pool.ceil_mode and pool.padding not in (0, (0, 0)):
            raise NoOperatorError(
                f"{self.described(node)} has no operator: run-times count its last windows differently"
            )
        return pool

    def zeros(self, node: fx.Node) -> Sides:
        """Return how many zeros a padding adds to each side of a map.

        Raises:
            NoOperatorError: it adds other values, pads channels or images, or removes pixels; or as :meth:`arguments`.
        """
        if node.op == "call_module":
            module = self.module(node)
            assert isinstance(module, nn.ConstantPad2d)
            sides, value, mode = tuple(module.padding), module.value, "constant"
        else:
            given = self.arguments(node)
            sides, value, mode = tuple(given["pad"]), given.get("value") or 0, given.get("mode", "constant")
        if mode != "constant" or value != 0:
            raise NoOperatorError(f"{self.described(node)} pads with {value if mode == 'constant' else repr(mode)}")
        if any(sides[4:]) or min(sides) < 0:
            raise NoOperatorError(f"{self.described(node)} has no operator: it pads by {sides}")
        left, right, top, bottom = (*sides[:4], 0, 0)[:4]
        return left, right, top, bottom

    def activation(self, node: fx.Node) -> Activation:
        """Return which activation a node is: ``none`` if it is none of those that an operator can have."""
        if self.is_of(node, RELU):
            return "relu"
        if self.is_of(node, RELU6):
            return "relu6"
        if self.is_of(node, CLAMP):
            low: float | None
            high: float | None
            if node.op == "call_module":
                module = cast(nn.Hardtanh, self.module(node))
                low, high = module.min_val, module.max_val
            else:
                given = self.arguments(node)
                names = ("min_val", "max_val") if node.target is F.hardtanh else ("min", "max")
                low, high = (given.get(name) for name in names)
            if low == 0:
                return "relu6" if high == 6 else "relu" if high in (None, math.inf) else "none"
        return "none"

    def _parameter(self, node: fx.Node | None) -> nn.Parameter | None:
        """Return a copy of the parameter or buffer that a node reads."""
        if node is None:
            return None
        found = functools.reduce(getattr, str(node.target).split("."), self._part)
        assert isinstance(found, torch.Tensor)
        return nn.Parameter(found.detach().clone())


def zeros_of(conv: nn.Conv2d) -> Sides:
    """Return how many zeros a convolution adds to each side of a map."""
    if conv.padding == "valid":
        return 0, 0, 0, 0
    if conv.padding == "same":
        totals = [d * (k - 1) for d, k in zip(conv.dilation, conv.kernel_size, strict=True)]
        (top, bottom), (left, right) = ((total // 2, total - total // 2) for total in totals)
        return left, right, top, bottom
    rows, columns = cast(tuple[int, int], conv.padding)
    return columns, columns, rows, rows


def _options(given: dict[str, Any]) -> dict[str, Any]:
    return {name: _plain(value) for name, value in given.items() if name != "input"}


def _plain(value: Any) -> Any:
    """Return a tuple in place of torch.fx's lists."""
    return tuple(value) if isinstance(value, (list, tuple)) else value

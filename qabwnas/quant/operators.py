"""The operators that networks are made of; an integer run-time executes each of them as one kernel.

An operator reads quantised tensors, computes in wider arithmetic, and writes one tensor. Its ``output`` slot is the
place where that tensor is rounded to the integer grid: the identity in a float network, an observer during calibration,
fake quantisation afterwards (:mod:`qabwnas.quant.ptq`). A network that consists of these modules alone is therefore
rounded at the same places as the integer network. Reshaping and broadcasting only move values and need no rounding.
"""

from __future__ import annotations

import math
from typing import Literal, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from qabwnas.quant.convolutions import DepthwiseConv2d, PaddedConv2d, PointwiseConv2d
from qabwnas.quant.weights import RoundedWeights

Activation = Literal["relu6", "relu", "none"]


class Operator(nn.Module):
    """Base of all operators: the ``output`` slot, and the rounding of weights and bias, if they are rounded.

    ``input_mean`` observes the input of the layer with weights during calibration, if biases are to be corrected.
    """

    def __init__(self) -> None:
        super().__init__()
        self.output: nn.Module = nn.Identity()
        self.input_mean: nn.Module | None = None
        self.weights: RoundedWeights | None = None

    def write(self, values: Tensor) -> Tensor:
        """Pass the computed values through the output slot."""
        return cast(Tensor, self.output(values))

    def read(self, x: Tensor) -> Tensor:
        """Return the input of the layer with weights, and let ``input_mean`` observe it."""
        if self.input_mean is not None:
            self.input_mean(x)
        return x


class Input(Operator):
    """The entry of a part of a network, which rounds the input to the part's activation bits."""

    def forward(self, x: Tensor) -> Tensor:
        return self.write(x)


class Convolution(Operator):
    """A same-padded convolution with batch norm, which can be folded into it, and ReLU6, ReLU or no activation.

    Folding (:mod:`qabwnas.quant.batch_norm`) makes ``norm`` the identity and gives ``conv`` a bias; with ``norm=False``
    this is the case from the start. ``kernel`` is odd.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int = 1,
        *,
        stride: int = 1,
        dilation: int = 1,
        groups: int = 1,
        norm: bool = True,
        activation: Activation = "relu6",
    ) -> None:
        super().__init__()
        padding = dilation * (kernel - 1) // 2
        make: type[nn.Conv2d] = nn.Conv2d
        if groups == in_channels == out_channels:
            make = DepthwiseConv2d
        elif kernel == groups == 1:
            make = PointwiseConv2d
        self.conv = make(
            in_channels, out_channels, kernel, stride, padding, dilation=dilation, groups=groups, bias=not norm
        )
        self.norm = nn.BatchNorm2d(out_channels) if norm else nn.Identity()
        self.activation = _activation(activation)

    def forward(self, x: Tensor) -> Tensor:
        return self.finish(self.respond(x))

    def respond(self, x: Tensor) -> Tensor:
        """Return the response of the convolution alone, with its rounded weights and bias if it has some."""
        if self.weights is None:
            return cast(Tensor, self.conv(self.read(x)))
        return convolve(self.conv, x, *self.weights(self.conv))

    @property
    def bounds(self) -> tuple[float, float]:
        """The smallest and the largest value that the activation can give."""
        if isinstance(self.activation, nn.ReLU6):
            return 0.0, 6.0
        return (0.0 if isinstance(self.activation, nn.ReLU) else -math.inf), math.inf

    def finish(self, response: Tensor) -> Tensor:
        """Return the output for the response. It is a separate method so that batch norm can be recalibrated.

        May overwrite the response.
        """
        return self.write(self.activation(self.norm(response)))


def convolve(conv: nn.Conv2d, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Return the response of ``conv`` with these weights and this bias in place of its own."""
    if isinstance(conv, DepthwiseConv2d | PaddedConv2d | PointwiseConv2d):
        return conv.convolve(x, weight, bias)
    return F.conv2d(x, weight, bias, conv.stride, conv.padding, conv.dilation, conv.groups)


def _activation(kind: Activation) -> nn.Module:
    if kind == "none":
        return nn.Identity()
    return nn.ReLU6(inplace=True) if kind == "relu6" else nn.ReLU(inplace=True)


class Linear(Operator):
    """A linear layer over the flattened input."""

    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__()
        self.linear = nn.Linear(in_features, out_features)

    def forward(self, x: Tensor) -> Tensor:
        if self.weights is None:
            return self.write(self.linear(self.read(x.flatten(1))))
        return self.write(F.linear(x.flatten(1), *self.weights(self.linear)))


class Add(Operator):
    """The sum at the end of a residual connection."""

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return self.write(x + y)


class Multiply(Operator):
    """The product of a feature map and a gate ``(n, channels, 1, 1)``, which is broadcast."""

    def forward(self, x: Tensor, gate: Tensor) -> Tensor:
        return self.write(x * gate)


class HardSigmoid(Operator):
    """min(max(x + 3, 0), 6) / 6: a sigmoid in three linear pieces (Howard et al., ICCV 2019)."""

    def forward(self, x: Tensor) -> Tensor:
        return self.write(F.hardsigmoid(x))


class Concatenate(Operator):
    """Feature maps concatenated along the channels, on one scale."""

    def forward(self, *maps: Tensor) -> Tensor:
        return self.write(torch.cat(maps, dim=1))


class GlobalAverage(Operator):
    """The mean of every channel, ``(n, channels, 1, 1)``."""

    def forward(self, x: Tensor) -> Tensor:
        return self.write(F.adaptive_avg_pool2d(x, 1))


class AveragePool(Operator):
    """The mean over windows of every channel, with the geometry of ``pool``."""

    def __init__(self, pool: nn.AvgPool2d) -> None:
        super().__init__()
        self.pool = pool

    def forward(self, x: Tensor) -> Tensor:
        return self.write(self.pool(x))


class Unquantised(nn.Module):
    """A part of a network that does not consist of operators: it stays float at any bit widths, and so does its input.

    ``reason`` says why it does not.
    """

    def __init__(self, part: nn.Module, reason: str = "") -> None:
        super().__init__()
        self.part = part
        self.reason = reason

    def forward(self, x: Tensor) -> Tensor:
        return cast(Tensor, self.part(x))


def with_input(part: nn.Module) -> nn.Module:
    """Return a part of a network with an :class:`Input` in front, unless it is :class:`Unquantised`."""
    return part if isinstance(part, Unquantised) else nn.Sequential(Input(), part)

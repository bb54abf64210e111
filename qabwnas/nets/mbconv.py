"""The operations of a layer as modules: MBConv (Sandler et al., CVPR 2018) and skip."""

from __future__ import annotations

from collections import OrderedDict
from typing import cast

from torch import Tensor, nn

from qabwnas.quant.operators import Add, Convolution
from qabwnas.space import Layer, Operation


class MBConv(nn.Module):
    """An inverted residual: 1×1 expansion (absent at expansion 1), k×k depth-wise convolution, linear 1×1 projection.

    Each has batch norm, all but the projection ReLU6. Where input and output have one shape they are added.
    """

    def __init__(
        self, in_channels: int, out_channels: int, kernel: int, expansion: int, stride: int, dilation: int
    ) -> None:
        super().__init__()
        inner = in_channels * expansion
        parts: OrderedDict[str, nn.Module] = OrderedDict()
        if expansion != 1:
            parts["expand"] = Convolution(in_channels, inner)
        parts["depthwise"] = Convolution(inner, inner, kernel, stride=stride, dilation=dilation, groups=inner)
        parts["project"] = Convolution(inner, out_channels, activation="none")
        self.convolutions = nn.Sequential(parts)
        self.add = Add() if stride == 1 and in_channels == out_channels else None

    def forward(self, x: Tensor) -> Tensor:
        y = cast(Tensor, self.convolutions(x))
        return y if self.add is None else cast(Tensor, self.add(x, y))


class Skip(nn.Identity):
    """The operation that leaves its layer out."""


def build_operation(layer: Layer, operation: Operation) -> nn.Module:
    """Return a module with fresh weights for ``operation`` in ``layer``."""
    if operation.is_skip:
        return Skip()
    return MBConv(
        layer.in_channels,
        layer.out_channels,
        operation.kernel,
        operation.expansion,
        layer.stride,
        layer.dilation,
    )

"""Depth-wise separable convolutions that are fast on CPUs once they are quantised (``csrc/layers/separable.hpp``).

The map between a depth-wise convolution and the point-wise one behind it is the largest of a layer. Both round what
they write, so that a few of its pixels at a time are enough, and it never is in memory.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from qabwnas.quant import compiled
from qabwnas.quant.affine import carry
from qabwnas.quant.depthwise import DepthwiseConv2d, kernel_of, response_sides
from qabwnas.quant.operators import Convolution
from qabwnas.quant.pointwise import PointwiseConv2d


class Convolutions(nn.Sequential):
    """Convolutions one after the other, equal in every bit to the same in an ``nn.Sequential``."""

    def forward(self, x: Tensor) -> Tensor:
        rest = list(self)
        while rest:
            together = _together(rest[0], rest[1], x) if len(rest) > 1 else None
            x, rest = (rest[0](x), rest[1:]) if together is None else (together, rest[2:])
        return x


def _together(first: nn.Module, second: nn.Module, x: Tensor) -> Tensor | None:
    """Return the output of the second of two convolutions, if one kernel computes both."""
    if not (isinstance(first, Convolution) and isinstance(second, Convolution)):
        return None
    depthwise, pointwise, between, after = first.conv, second.conv, first.rounding, second.rounding
    if between is None or after is None or first.weights is None or second.weights is None:
        return None
    if not (isinstance(depthwise, DepthwiseConv2d) and isinstance(pointwise, PointwiseConv2d) and depthwise.serves(x)):
        return None
    weight, bias = first.weights(depthwise, x)
    of_second = second.weights.bias(cast(Tensor, pointwise.bias), pointwise.weight, between.grid)
    sides = response_sides(x, weight, *depthwise.geometry())
    y = torch.empty((len(x), pointwise.out_channels, *sides), memory_format=torch.channels_last)
    compiled.KERNELS.separable(
        compiled.channels_last(x),
        kernel_of(weight),
        bias.detach().numpy(),
        between.numbers,
        pointwise.weight.detach().flatten(1).contiguous().numpy(),
        of_second.detach().numpy(),
        after.numbers,
        compiled.channels_last(y),
        *depthwise.geometry(),
        torch.get_num_threads(),
    )
    return carry(y, after.grid)

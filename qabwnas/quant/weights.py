"""Weights and biases as an integer run-time holds them: one grid per channel, and units of its accumulator.

A run-time adds up products of integers in units of S_x · S_w, where S_x is the scale of the tensor that is read and S_w
the scale of the output channel's weights. A bias is a 32-bit number of these units (Jacob et al., CVPR 2018, Section
2.4).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor, nn

from qabwnas.errors import InputError
from qabwnas.quant.affine import NARROWEST, Affine

LARGEST_BIAS = 2**30
"""Half of the range of 32 bits; the other half is left for the accumulated products."""


@dataclass(frozen=True)
class RoundedWeights:
    """The weights and the bias that an operator with rounded weights computes with.

    Attributes:
        bits: of the weights.
        grid_read: the grid of the tensor that the operator reads, from
            :meth:`qabwnas.quant.data_flow.DataFlow.connect`; ``None`` if it is not known.
    """

    bits: int
    grid_read: Affine | None = None

    def reading(self, grid: Affine | None) -> Self:
        """Return the same for an operator that reads a tensor on ``grid``."""
        return replace(self, grid_read=grid)

    def __call__(self, layer: nn.Conv2d | nn.Linear) -> tuple[Tensor, Tensor]:
        """Return the weights and the bias with which ``layer`` computes."""
        assert layer.bias is not None, "folding gives every convolution a bias"
        return layer.weight, self.bias(layer.bias, layer.weight)

    def bias(self, bias: Tensor, rounded: Tensor) -> Tensor:
        """Return the bias in whole units, given the ``rounded`` weights.

        A bias is not rounded if the grid of the input is not known. It is also not rounded in channels where it is more
        than ``LARGEST_BIAS`` units: the weights of such a channel are negligible compared with it.
        """
        if self.grid_read is None:
            return bias
        unit = bias_unit(channel_grid(rounded, self.bits), self.grid_read)
        steps = torch.round(bias.double() / unit)
        return torch.where(steps.abs() <= LARGEST_BIAS, (steps * unit).to(bias.dtype), bias)


def bias_unit(of_weights: Affine, of_x: Affine) -> Tensor:
    """Return S_x · S_w, a float32 number in float64, ``(out_channels,)``."""
    return (of_x.scale * of_weights.scale).double()


def channel_grid(weights: Tensor, bits: int) -> Affine:
    """Return the symmetric grid of each output channel of weights ``(out_channels, …)``: it ends at the largest weight.

    A channel of zeros gets the widest grid of the others, so that its bias is as fine as theirs.
    """
    largest = 2 ** (bits - 1) - 1
    scale = (weights.flatten(1).abs().amax(1).double() / largest).float()
    widest = scale.amax()
    widest = torch.where(widest < NARROWEST, 1, widest)
    scale = torch.where(scale < NARROWEST, widest, scale)
    return Affine(scale, torch.zeros_like(scale), -largest, largest)


def fake_quantise_channels(weights: Tensor, bits: int) -> Tensor:
    """Return weights ``(out_channels, …)`` rounded to their :func:`channel_grid`.

    On CUDA weights are not checked, because that would wait for all work in progress; values that are not finite stay
    not finite.

    Raises:
        InputError: a weight is not finite.
    """
    grid = channel_grid(weights, bits)
    if not (weights.is_cuda or grid.scale.isfinite().all()):
        raise InputError(f"a range to quantise must be finite, not {weights.min()} to {weights.max()}")
    return grid.dequantise(grid.quantise(weights))

"""Batch norm in evaluation mode: a factor and a shift for each channel."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from qabwnas.quant import compiled


def line_of(norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """Return factor and shift of every channel that batch norm applies in evaluation mode, float64 ``(channels,)``."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    factor = norm.weight.double() / torch.sqrt(norm.running_var.double() + norm.eps)
    return factor, norm.bias.double() - norm.running_mean.double() * factor


def in_one_pass(norm: nn.BatchNorm2d, bounds: tuple[float, float], maps: Tensor) -> tuple[Tensor, Tensor] | None:
    """Apply batch norm in evaluation mode, and cut off at ``bounds``, in place and in one pass over memory.

    Returns:
        The least and the largest value; ``None``, and the maps untouched, where no kernel of ours serves, or a gradient
        is wanted.
    """
    if norm.training or torch.is_grad_enabled() or not compiled.takes(maps):
        return None
    factor, shift = (numbers.float().numpy() for numbers in line_of(norm))
    low, high = compiled.KERNELS.normalise(compiled.channels_last(maps), factor, shift, *bounds)
    return torch.tensor(low), torch.tensor(high)

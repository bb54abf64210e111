"""Batch norm in evaluation mode: a factor and a shift for each channel."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def line_of(norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """Return factor and shift of every channel that batch norm applies in evaluation mode, float64 ``(channels,)``."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    factor = norm.weight.double() / torch.sqrt(norm.running_var.double() + norm.eps)
    return factor, norm.bias.double() - norm.running_mean.double() * factor

"""Batch norm folded into the convolution before it, as integer run-times do before they quantise weights."""

from __future__ import annotations

import torch
from torch import nn

from qabwnas.quant.batch_norm import line_of
from qabwnas.quant.operators import Convolution


@torch.no_grad()
def fold_batch_norm(module: nn.Module) -> None:
    """Fold the running statistics of every batch norm in ``module`` into its convolution, in place.

    w' = w · γ / √(σ² + ε) and b' = β + (b − μ) · γ / √(σ² + ε), where b is the convolution's own bias or 0 (Jacob et
    al., CVPR 2018, Section 3.2), computed in float64. Outputs in evaluation mode are the same up to float32 rounding.
    """
    for part in module.modules():
        if isinstance(part, Convolution) and isinstance(part.norm, nn.BatchNorm2d):
            _fold(part.conv, part.norm)
            part.norm = nn.Identity()


def _fold(conv: nn.Conv2d, norm: nn.BatchNorm2d) -> None:
    factor, bias = line_of(norm)
    if conv.bias is not None:
        bias = bias + conv.bias.double() * factor
    conv.weight = nn.Parameter((conv.weight.double() * factor[:, None, None, None]).float())
    conv.bias = nn.Parameter(bias.float())

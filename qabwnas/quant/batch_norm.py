"""Batch norm in evaluation mode: one scale and one shift per channel, folded into the convolution before it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from qabwnas.errors import InputError
from qabwnas.quant.data_flow import OperatorGraph
from qabwnas.quant.operators import Convolution

BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)


def scale_and_shift(norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """Return the scale and the shift of every channel in evaluation mode, float64 ``(channels,)``."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    scale = norm.weight.double() / torch.sqrt(norm.running_var.double() + norm.eps)
    return scale, norm.bias.double() - norm.running_mean.double() * scale


def check_batch_norms(module: nn.Module, graph: OperatorGraph) -> None:
    """Raise InputError unless every batch norm belongs to a convolution that the module calls, and calls once.

    Recalibration could otherwise not compute its statistics, nor could folding remove it. ``graph`` is the module's.
    """
    called = [graph.name(node) for node in graph.nodes if node.op == "call_module"]
    for name, part in module.named_modules():
        if not isinstance(part, BATCH_NORMS):
            continue
        owner = name.rpartition(".")[0]
        if not (isinstance(part, nn.BatchNorm2d) and isinstance(module.get_submodule(owner), Convolution)):
            raise InputError(f"batch norm {name!r} is not the BatchNorm2d of a Convolution, and cannot be folded")
        if called.count(owner) != 1:
            times = "never" if owner not in called else f"{called.count(owner)} times"
            raise InputError(f"batch norm {name!r}: its Convolution is called {times}, not once")


@torch.no_grad()
def fold_batch_norm(module: nn.Module) -> None:
    """Fold the running statistics of every batch norm in ``module`` into its convolution, in place.

    Integer run-times do this before they quantise weights. w' = w · γ / √(σ² + ε) and b' = β + (b − μ) · γ / √(σ² + ε),
    where b is the convolution's own bias or 0 (Jacob et al., CVPR 2018, Section 3.2), computed in float64. Outputs in
    evaluation mode stay the same up to float32 rounding.
    """
    for part in module.modules():
        if isinstance(part, Convolution) and isinstance(part.norm, nn.BatchNorm2d):
            _fold(part.conv, part.norm)
            part.norm = nn.Identity()


def _fold(conv: nn.Conv2d, norm: nn.BatchNorm2d) -> None:
    scale, bias = scale_and_shift(norm)
    if conv.bias is not None:
        bias = bias + conv.bias.double() * scale
    conv.weight = nn.Parameter((conv.weight.double() * scale[:, None, None, None]).float())
    conv.bias = nn.Parameter(bias.float())

"""Multiply-accumulates of a module, counted while it runs."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode


class _Counter(TorchFunctionMode):
    def __init__(self) -> None:
        self.n_macs: int = 0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        y = func(*args, **(kwargs or {}))
        if func in (F.conv2d, F.linear):
            self.n_macs += y.numel() * args[1][0].numel()  # one product per output and weight of its channel
        return y


@torch.no_grad()
def counted_macs(module: nn.Module, x: Tensor) -> int:
    """Return the products of all convolutions and linear layers, whether modules or functions compute them."""
    with _Counter() as counter:
        module(x)
    return counter.n_macs

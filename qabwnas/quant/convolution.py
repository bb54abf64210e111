"""Convolutions for which there are kernels of our own on CPUs (``csrc/layers``), forward and backward."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor, nn
from torch.nn import functional as F

from qabwnas.quant.affine import carry
from qabwnas.quant.fake import FakeQuantise


class CompiledConv2d(nn.Conv2d, ABC):
    """Base of the convolutions that our kernels compute, of equal values and gradients as torch's up to rounding."""

    def forward(self, x: Tensor) -> Tensor:
        return convolve(self, x, self.weight, self.bias)

    @abstractmethod
    def serves(self, x: Tensor) -> bool:
        """Return whether our kernel computes the response to these maps without gradients."""

    @abstractmethod
    def write(self, x: Tensor, weight: Tensor, bias: Tensor | None, rounding: FakeQuantise | None = None) -> Tensor:
        """Return the response by our kernel, rounded as it is written."""

    @abstractmethod
    def respond(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """Return the response to maps on a CPU with these weights and this bias in place of its own."""


def convolve(conv: nn.Conv2d, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Return what ``conv`` gives with these weights and this bias in place of its own."""
    if isinstance(conv, CompiledConv2d) and x.is_cpu:
        return conv.respond(x, weight, bias)
    return F.conv2d(x, weight, bias, conv.stride, conv.padding, conv.dilation, conv.groups)


def convolve_and_round(
    conv: nn.Conv2d, x: Tensor, weight: Tensor, bias: Tensor | None, rounding: FakeQuantise
) -> Tensor:
    """Return the same rounded, without gradients: where our kernels serve, in one pass over memory."""
    if isinstance(conv, CompiledConv2d) and conv.serves(x):
        return carry(conv.write(x, weight, bias, rounding), rounding.grid)
    rounded: Tensor = rounding(convolve(conv, x, weight, bias))
    return rounded

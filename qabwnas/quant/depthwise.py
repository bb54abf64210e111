"""Depth-wise convolution with a gradient that is fast on CPUs.

torch's own gradient of a depth-wise convolution falls back to a plain loop on CPUs for kernels of 5 and more and for
small maps: ten times slower than the convolution itself. Both gradients are themselves depth-wise convolutions, which
torch's forward kernels do quickly: training a block of 5×5 and 7×7 kernels becomes about twice as fast.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F
from torch.nn.grad import conv2d_input

Sides = tuple[int, int]


class DepthwiseConv2d(nn.Conv2d):
    """A depth-wise ``nn.Conv2d``, of equal values and, up to rounding, of equal gradients."""

    def forward(self, x: Tensor) -> Tensor:
        if not (torch.is_grad_enabled() and x.is_cpu and self.bias is None):
            return super().forward(x)
        response: Tensor = _Depthwise.apply(x, self.weight, self.stride, self.padding, self.dilation)  # type: ignore[no-untyped-call]
        return response


class _Depthwise(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, stride: Sides, padding: Sides, dilation: Sides) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.geometry = stride, padding, dilation
        return F.conv2d(x, weight, None, stride, padding, dilation, len(weight))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None, None, None]:
        x, weight = ctx.saved_tensors
        stride, padding, dilation = ctx.geometry
        if stride == (1, 1):
            # Same-padded, so the mirrored kernel under the same padding leads back.
            of_x = F.conv2d(gradient, weight.flip(2, 3), None, stride, padding, dilation, len(weight))
        else:
            of_x = conv2d_input(x.shape, weight, gradient, stride, padding, dilation, len(weight))  # type: ignore[no-untyped-call]
        return of_x, _gradient_of_weight(x, weight, gradient, stride, padding, dilation), None, None, None


def _gradient_of_weight(
    x: Tensor, weight: Tensor, gradient: Tensor, stride: Sides, padding: Sides, dilation: Sides
) -> Tensor:
    """Return the gradient of the weights: every image and channel convolved with its own gradient, summed over images.

    In this convolution stride and dilation change places.
    """
    n, channels, height, width = x.shape
    images = x.reshape(1, n * channels, height, width)
    kernels = gradient.reshape(n * channels, 1, *gradient.shape[2:])
    response = F.conv2d(images, kernels, None, dilation, padding, stride, n * channels)
    # Where a stride leaves a rest, the response has rows and columns beyond the kernel.
    rows, columns = weight.shape[2:]
    return response[0, :, :rows, :columns].reshape(n, channels, 1, rows, columns).sum(0)

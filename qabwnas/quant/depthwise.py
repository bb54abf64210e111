"""Depth-wise convolution that is fast on CPUs, forward and backward.

torch's forward kernels are slow where kernels are large and dilated (fifty times, for 7×7 with dilation 2 on processors
without AVX-512), and its gradient falls back to a plain loop for kernels of 5 and more and for small maps: ten times
slower than the convolution itself. Maps with channels last are therefore convolved by a kernel of our own
(``csrc/layers/depthwise.hpp``). Where it does not serve, the gradients are written as depth-wise convolutions
themselves, which torch's forward kernels do quickly.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F
from torch.nn.grad import conv2d_input

from qabwnas.quant import compiled
from qabwnas.quant.convolution import CompiledConv2d
from qabwnas.quant.fake import FakeQuantise

Sides = tuple[int, int]


class DepthwiseConv2d(CompiledConv2d):
    """A depth-wise ``nn.Conv2d``."""

    def geometry(self) -> tuple[Sides, Sides, Sides]:
        """Return stride, padding and dilation, each down and across."""
        assert not isinstance(self.padding, str)
        return self.stride, self.padding, self.dilation  # type: ignore[return-value]

    def serves(self, x: Tensor) -> bool:
        return _is_ours(x)

    def write(self, x: Tensor, weight: Tensor, bias: Tensor | None, rounding: FakeQuantise | None = None) -> Tensor:
        return _write(x, weight, bias, *self.geometry(), rounding)

    def respond(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        geometry = self.geometry()
        if torch.is_grad_enabled():
            response: Tensor = _Depthwise.apply(x, weight, bias, *geometry)  # type: ignore[no-untyped-call]
            return response
        return _forward(x, weight, bias, *geometry)


class _Depthwise(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, stride: Sides, padding: Sides, dilation: Sides
    ) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.geometry = stride, padding, dilation
        return _forward(x, weight, bias, stride, padding, dilation)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor, Tensor | None, None, None, None]:
        x, weight = ctx.saved_tensors
        of_x_needed, _, of_bias_needed, *_ = ctx.needs_input_grad
        if x.is_contiguous(memory_format=torch.channels_last):
            gradient = gradient.contiguous(memory_format=torch.channels_last)
        return (
            _gradient_of_x(x, weight, gradient, *ctx.geometry) if of_x_needed else None,
            _gradient_of_weight(x, weight, gradient, *ctx.geometry),
            gradient.sum((0, 2, 3)) if of_bias_needed else None,
            None,
            None,
            None,
        )


def kernel_of(weight: Tensor) -> NDArray[np.float32]:
    """Return weights ``(channels, 1, height, width)`` as our kernels read them: ``(height, width, channels)``."""
    kernel: NDArray[np.float32] = weight.detach()[:, 0].permute(1, 2, 0).contiguous().numpy()
    return kernel


def response_sides(x: Tensor, weight: Tensor, stride: Sides, padding: Sides, dilation: Sides) -> Sides:
    """Return height and width of the response to maps ``x``."""
    height, width = (
        (side + 2 * pad - dilated * (kernel - 1) - 1) // step + 1
        for side, pad, dilated, kernel, step in zip(
            x.shape[2:], padding, dilation, weight.shape[2:], stride, strict=True
        )
    )
    return height, width


def _is_ours(*maps: Tensor) -> bool:
    return all(map(compiled.takes, maps)) and maps[0].shape[1] >= compiled.KERNELS.FEWEST_DEPTHWISE_CHANNELS


def _forward(x: Tensor, weight: Tensor, bias: Tensor | None, stride: Sides, padding: Sides, dilation: Sides) -> Tensor:
    if not _is_ours(x):
        return F.conv2d(x, weight, bias, stride, padding, dilation, len(weight))
    return _write(x, weight, bias, stride, padding, dilation)


def _write(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Sides,
    padding: Sides,
    dilation: Sides,
    rounding: FakeQuantise | None = None,
) -> Tensor:
    sides = response_sides(x, weight, stride, padding, dilation)
    y = torch.empty((*x.shape[:2], *sides), memory_format=torch.channels_last)
    compiled.KERNELS.depthwise(
        compiled.channels_last(x),
        kernel_of(weight),
        None if bias is None else bias.detach().numpy(),
        None if rounding is None else rounding.numbers,
        compiled.channels_last(y),
        stride,
        padding,
        dilation,
        torch.get_num_threads(),
    )
    return y


def _gradient_of_x(
    x: Tensor, weight: Tensor, gradient: Tensor, stride: Sides, padding: Sides, dilation: Sides
) -> Tensor:
    if stride == (1, 1) and x.shape == gradient.shape:
        # Same-padded, so the mirrored kernel under the same padding leads back.
        return _forward(gradient, weight.flip(2, 3), None, stride, padding, dilation)
    of_x: Tensor = conv2d_input(x.shape, weight, gradient, stride, padding, dilation, len(weight))  # type: ignore[no-untyped-call]
    return of_x


def _gradient_of_weight(
    x: Tensor, weight: Tensor, gradient: Tensor, stride: Sides, padding: Sides, dilation: Sides
) -> Tensor:
    if not _is_ours(x, gradient):
        return _weight_gradient_by_convolution(x, weight, gradient, stride, padding, dilation)
    of_weight = x.new_empty((*weight.shape[2:], len(weight)))
    compiled.KERNELS.depthwise_weight_gradient(
        compiled.channels_last(x), compiled.channels_last(gradient), of_weight.numpy(), stride, padding, dilation
    )
    return of_weight.permute(2, 0, 1)[:, None]


def _weight_gradient_by_convolution(
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

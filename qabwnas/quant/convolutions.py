"""Convolutions that torch's own class does not give: depth-wise and point-wise ones that every CPU runs fast, and
paddings that differ from side to side.

Three arrangements of torch's kernels, measured on CPUs with and without AVX-512 (``quant/README.md`` has the figures):

- **Space to batch** (Chen et al. 2017): for a depth-wise convolution that is padded by six pixels or more, torch uses a
  plain loop on many CPUs, up to thirty times slower. A dilated convolution equals an undilated one on each of
  dilation² sub-sampled maps, which torch runs fast.
- **The gradient of depth-wise weights as a convolution**: for kernels of five and more, and for dilated ones, torch's
  own is two to ten times slower than a convolution of the maps with the gradients.
- **Point-wise convolutions by oneDNN**: torch does not use it for small batches on one thread, which then take twice
  the time.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F
from torch.nn.grad import conv2d_input

Sides = tuple[int, int]

WIDEST_DIRECT_PADDING = 5
"""Torch's fast kernels refuse wider paddings: always on CPUs without AVX-512, on small maps on others."""
HAS_ONEDNN: bool = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]


class DepthwiseConv2d(nn.Conv2d):
    """A depth-wise ``nn.Conv2d`` with the same values and gradients, up to float32 rounding."""

    def forward(self, x: Tensor) -> Tensor:
        return self.convolve(x, self.weight, self.bias)

    def convolve(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """Return the response to ``x`` with these weights and this bias in place of the layer's own."""
        assert not isinstance(self.padding, str)
        geometry: tuple[Sides, Sides, Sides] = self.stride, self.padding, self.dilation  # type: ignore[assignment]
        if x.is_cpu and torch.is_grad_enabled() and (max(self.kernel_size) > 3 or max(self.dilation) > 1):
            response: Tensor = _Depthwise.apply(x, weight, bias, *geometry)  # type: ignore[no-untyped-call]
            return response
        return _convolve(x, weight, bias, *geometry)


class _Depthwise(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, stride: Sides, padding: Sides, dilation: Sides
    ) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.geometry = stride, padding, dilation
        return _convolve(x, weight, bias, stride, padding, dilation)

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


def _convolve(x: Tensor, weight: Tensor, bias: Tensor | None, stride: Sides, padding: Sides, dilation: Sides) -> Tensor:
    same = all(2 * p == d * (k - 1) for p, d, k in zip(padding, dilation, weight.shape[2:], strict=True))
    if not (x.is_cpu and same and stride == (1, 1) and dilation != (1, 1) and max(padding) > WIDEST_DIRECT_PADDING):
        return F.conv2d(x, weight, bias, stride, padding, dilation, len(weight))
    return _space_to_batch(x, weight, bias, dilation)


def _space_to_batch(x: Tensor, weight: Tensor, bias: Tensor | None, dilation: Sides) -> Tensor:
    """Return the same-padded dilated response: each ``dilation``-th row and column form one map."""
    padding = [side // 2 for side in weight.shape[2:]]
    response = torch.empty_like(x)
    down, across = dilation
    for top in range(min(down, x.shape[2])):
        for left in range(min(across, x.shape[3])):
            part = x[:, :, top::down, left::across].contiguous(memory_format=torch.channels_last)
            response[:, :, top::down, left::across] = F.conv2d(part, weight, bias, 1, padding, 1, len(weight))
    return response


def _gradient_of_x(
    x: Tensor, weight: Tensor, gradient: Tensor, stride: Sides, padding: Sides, dilation: Sides
) -> Tensor:
    if stride == (1, 1) and x.shape == gradient.shape:
        # Same-padded, so the gradient is a convolution with the mirrored kernel and the same padding.
        return _convolve(gradient, weight.flip(2, 3), None, stride, padding, dilation)
    of_x: Tensor = conv2d_input(x.shape, weight, gradient, stride, padding, dilation, len(weight))  # type: ignore[no-untyped-call]
    return of_x


def _gradient_of_weight(
    x: Tensor, weight: Tensor, gradient: Tensor, stride: Sides, padding: Sides, dilation: Sides
) -> Tensor:
    """Return the gradient of the weights: every image and channel convolved with its own gradient, summed over images.

    In this convolution stride and dilation swap roles.
    """
    n, channels, height, width = x.shape
    images = x.reshape(1, n * channels, height, width)
    kernels = gradient.reshape(n * channels, 1, *gradient.shape[2:])
    response = F.conv2d(images, kernels, None, dilation, padding, stride, n * channels)
    # If the stride leaves a remainder, the response has rows and columns beyond the kernel.
    rows, columns = weight.shape[2:]
    return response[0, :, :rows, :columns].reshape(n, channels, 1, rows, columns).sum(0)


class PointwiseConv2d(nn.Conv2d):
    """An ``nn.Conv2d`` with kernels of one pixel and one group, with the same values up to float32 rounding."""

    def forward(self, x: Tensor) -> Tensor:
        return self.convolve(x, self.weight, self.bias)

    def convolve(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """Return the response to ``x`` with these weights and this bias in place of the layer's own."""
        if not (HAS_ONEDNN and x.is_cpu and x.dtype is torch.float32):
            return F.conv2d(x, weight, bias, self.stride)
        stride = cast(tuple[int, int], self.stride)
        return torch.mkldnn_convolution(x, weight, bias, (0, 0), stride, (1, 1), 1)


class PaddedConv2d(nn.Conv2d):
    """An ``nn.Conv2d`` with zeros of its own number on every side, as TensorFlow's SAME has at strides above 1.

    ``zeros`` are those at the left, right, top and bottom; ``padding`` is 0.
    """

    def __init__(self, conv: nn.Conv2d, zeros: tuple[int, int, int, int]) -> None:
        geometry: dict[str, Any] = {
            name: getattr(conv, name) for name in ("kernel_size", "stride", "dilation", "groups")
        }
        super().__init__(conv.in_channels, conv.out_channels, bias=conv.bias is not None, device="meta", **geometry)
        self.weight, self.bias = conv.weight, conv.bias
        self.zeros = zeros

    def forward(self, x: Tensor) -> Tensor:
        return self.convolve(x, self.weight, self.bias)

    def convolve(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """Return the response to ``x`` with these weights and this bias in place of the layer's own."""
        return F.conv2d(F.pad(x, self.zeros), weight, bias, self.stride, 0, self.dilation, self.groups)

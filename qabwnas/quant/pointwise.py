"""Point-wise convolution by oneDNN, which torch leaves aside for small batches on one thread, at twice the time."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

HAS_ONEDNN: bool = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]


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

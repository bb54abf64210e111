"""Bias correction: rounded weights change the mean of an operator's output, and its bias takes the change back.

With weights W and their rounded values W̃, the outputs of a layer are off by (W̃ − W) x, whose mean is (W̃ − W) E[x],
one number per output channel. It is subtracted from the bias (Nagel et al., ICCV 2019, Section 4.2).

E[x] is measured on the calibration data in the float network, so a correction depends on the bits of its own layer's
weights and on nothing else that is quantised: not on other layers, their bits, or the order of corrections. Candidates
with the same first layers therefore share it. A convolution is linear in the patches of its input, so its E[x] is the
mean patch: one number per input channel and place in the kernel, zeros of the padding included.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from qabwnas.quant.convolutions import PaddedConv2d


class InputMean(nn.Module):
    """Keeps the mean input of a convolution or linear layer over all batches that it sees.

    Attributes:
        total: the sum over images and output pixels, float64 ``(in_channels, kernel, kernel)``, or ``(in_features,)``.
        n: how many patches were summed.
    """

    total: Tensor

    def __init__(self, layer: nn.Conv2d | nn.Linear) -> None:
        super().__init__()
        self._geometry = _Patches(layer) if isinstance(layer, nn.Conv2d) else None
        self.register_buffer("total", torch.zeros((), dtype=torch.float64), persistent=False)
        self.n = 0

    def forward(self, x: Tensor) -> None:
        """Add one batch ``(n, channels, height, width)``, or ``(n, features)``. Time: one pass over the batch."""
        of_images = x.detach().sum(0).double()
        total, n = (of_images, 1) if self._geometry is None else self._geometry.sums(of_images)
        self.total = self.total.to(x.device) + total
        self.n += n * len(x)

    @property
    def mean(self) -> Tensor:
        """Of the shape of ``total``."""
        return self.total / self.n


class _Patches:
    """Where a convolution reads: its kernel, stride and dilation, each for height and width, and the zeros around."""

    def __init__(self, conv: nn.Conv2d) -> None:
        assert isinstance(conv.padding, tuple)
        self._kernel, self._stride, self._dilation = conv.kernel_size, conv.stride, conv.dilation
        pad_y, pad_x = conv.padding
        self._zeros = conv.zeros if isinstance(conv, PaddedConv2d) else (pad_x, pad_x, pad_y, pad_y)

    def sums(self, x: Tensor) -> tuple[Tensor, int]:
        """Return the sum of all patches of one map ``(channels, height, width)``, and their number."""
        stride_y, stride_x = self._stride
        padded = F.pad(x, self._zeros)
        height, width = (
            (size - dilation * (kernel - 1) - 1) // stride + 1
            for size, dilation, kernel, stride in zip(
                padded.shape[1:], self._dilation, self._kernel, self._stride, strict=True
            )
        )
        rows = [
            torch.stack(
                [
                    padded[:, y : y + height * stride_y : stride_y, x : x + width * stride_x : stride_x].sum((1, 2))
                    for x in range(0, self._kernel[1] * self._dilation[1], self._dilation[1])
                ],
                1,
            )
            for y in range(0, self._kernel[0] * self._dilation[0], self._dilation[0])
        ]
        return torch.stack(rows, 1), height * width


def corrected_bias(layer: nn.Conv2d | nn.Linear, rounded: Tensor, mean: Tensor) -> Tensor:
    """Return the bias of ``layer`` minus the mean change of its output by ``rounded`` weights, ``(out_channels,)``.

    ``mean`` is that of :class:`InputMean`.
    """
    assert layer.bias is not None, "folding gives every convolution a bias"
    change = rounded.double() - layer.weight.double()
    groups = layer.groups if isinstance(layer, nn.Conv2d) else 1
    of_groups = change.reshape(groups, -1, mean.numel() // groups) @ mean.to(change.device).reshape(groups, -1, 1)
    return (layer.bias.double() - of_groups.flatten()).float()

"""Ranges of activations over calibration data."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from qabwnas.errors import InputError
from qabwnas.quant.affine import Affine


class MinMaxObserver(nn.Module):
    """Passes tensors through unchanged and remembers the smallest and largest value of all of them.

    The two are buffers ``low`` and ``high``, so that a calibrated module's buffers are all that calibration found out.
    """

    low: Tensor
    high: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("low", torch.tensor(math.inf), persistent=False)
        self.register_buffer("high", torch.tensor(-math.inf), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        # Channels-last maps are passed as the contiguous tensors that they are: aminmax is many times slower else.
        self.see(*torch.aminmax(x.detach() if x.is_contiguous() else x.detach().movedim(1, -1)))
        return x

    def see(self, low: Tensor, high: Tensor) -> None:
        """Remember the smallest and the largest value of a tensor."""
        # minimum keeps a NaN, wherever it comes from, and the grid then refuses it.
        self.low = torch.minimum(self.low.to(low.device), low)
        self.high = torch.maximum(self.high.to(high.device), high)

    def grid(self, bits: int) -> Affine:
        """Return the asymmetric grid of ``bits`` bits over all that was seen.

        Raises:
            InputError: nothing was seen, or something that is not finite.
        """
        if self.low > self.high:
            raise InputError("no calibration data has passed here")
        return Affine.of_range(self.low, self.high, bits, symmetric=False)

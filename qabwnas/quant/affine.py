"""Affine quantisation: real numbers on a uniform grid of 2^b integers.

Q(r) = Int(r / S) − Z with S = (β − α) / (2^b − 1) for r in [α, β] (Lu et al., CODAI 2023, Section 3; Jacob et al., CVPR
2018). Int rounds half to even, as IEEE arithmetic and integer run-times do. Z is an integer, so that 0 is exactly
representable, which padding and ReLU rely on; a range that does not hold 0 is widened.

- Asymmetric: Z = Int(α / S), so that Q runs over 0 … 2^b − 1.
- Symmetric: α = −β, Z = 0, Q runs over −(2^(b−1) − 1) … 2^(b−1) − 1 and S = 2β / (2^b − 2): one of the 2^b integers
  is not used, so that the grid is the same on both sides of 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from qabwnas.errors import InputError

NARROWEST = torch.finfo(torch.float32).tiny


@dataclass(frozen=True)
class Affine:
    """The grid of one tensor, or one grid per channel.

    Attributes:
        scale: S > 0, float32, ``()`` or ``(channels,)``.
        zero: Z, whole numbers in float32, of the shape of ``scale``.
        smallest, largest: the ends of Q.
    """

    scale: Tensor
    zero: Tensor
    smallest: int
    largest: int

    @classmethod
    def of_range(cls, low: Tensor, high: Tensor, bits: int, *, symmetric: bool) -> Affine:
        """Return the grid of ``bits`` (2 to 16) bits over the ranges ``[low, high]``, one in all or one per channel.

        An empty range (only 0, or too narrow for a float32 scale) gets S = 1: zeros stay zeros, and no scale is so
        small that the multipliers of an integer run-time overflow.

        Raises:
            InputError: a range is not finite, or ends before it begins.
        """
        bad = ~(low.isfinite() & high.isfinite() & (low <= high))
        if bad.any():
            raise InputError(f"a range to quantise must be finite, not {low[bad][0]} to {high[bad][0]}")
        return cls.of_finite_range(low, high, bits, symmetric=symmetric)

    @classmethod
    def of_finite_range(cls, low: Tensor, high: Tensor, bits: int, *, symmetric: bool) -> Affine:
        """Return the same without checking the ranges; on CUDA the check would wait for all work in progress."""
        low, high = low.double().clamp_max(0), high.double().clamp_min(0)
        if symmetric:
            largest = 2 ** (bits - 1) - 1
            scale = torch.maximum(-low, high) / largest
        else:
            largest = 2**bits - 1
            scale = (high - low) / largest
        scale = torch.where(scale < NARROWEST, torch.ones_like(scale), scale).float()
        zero = torch.zeros_like(scale) if symmetric else torch.round(low / scale).float()
        return cls(scale, zero, -largest if symmetric else 0, largest)

    def quantise(self, values: Tensor) -> Tensor:
        """Return Q of ``values``, int32; ``values`` have channels first if there is one grid per channel."""
        scale, zero = self._per_channel(values)
        # Multiply by the reciprocal, as torch's kernels and integer run-times do; this may differ from a division.
        return (torch.round(values * (1 / scale)) - zero).clamp(self.smallest, self.largest).int()

    def dequantise(self, integers: Tensor) -> Tensor:
        """Return the real numbers S · (Q + Z) that ``integers`` stand for, float32."""
        scale, zero = self._per_channel(integers)
        return (integers + zero) * scale

    def _per_channel(self, values: Tensor) -> tuple[Tensor, Tensor]:
        shape = self.scale.shape + (1,) * (values.ndim - self.scale.ndim) if self.scale.ndim else ()
        return self.scale.reshape(shape), self.zero.reshape(shape)

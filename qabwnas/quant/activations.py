"""Fake quantisation of activations, which stands in an operator's output slot after calibration.

Fake quantisation keeps float tensors that hold only numbers of an integer grid, so that float kernels can run on them:
S · clamp(Int(r / S), Z + smallest, Z + largest). All values equal those of torch's fake-quantise kernels. On CPUs,
those kernels are four to six times slower than a few element-wise operations in place. On CUDA they need one pass over
memory and are used.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from qabwnas.quant.affine import Affine

BLOCK = 2**17
"""How many elements go through torch's operations together on CPUs: half a megabyte, which stays in a cache."""


class FakeQuantise(nn.Module):
    """Rounds activations to the grid of one tensor; for evaluation, without gradients.

    ``inplace=True`` overwrites the input; use it only if nothing else reads the input.
    """

    def __init__(self, grid: Affine, *, inplace: bool) -> None:
        super().__init__()
        self.grid = grid
        self.inplace = inplace
        # Python numbers, because clamping between tensors is several times slower and reading one waits for the device.
        self._inverse = float(1 / grid.scale)
        self._scale = float(grid.scale)
        self._low = float(grid.zero) + grid.smallest
        self._high = float(grid.zero) + grid.largest

    @torch.no_grad()
    def forward(self, x: Tensor) -> Tensor:
        if x.is_cuda:
            return fused(x, self._scale, self._low, self._high)
        x = x if self.inplace else x.clone()
        flat = _flat_view(x)
        for block in [x] if flat is None else torch.split(flat, BLOCK):
            block.mul_(self._inverse).round_().clamp_(self._low, self._high).mul_(self._scale)
        return x

    def clips_to(self, low: float, high: float) -> bool:
        """Return whether rounding maps all values below ``low`` as ``low``, and all values above ``high`` as ``high``.

        This holds if both are ends of the grid, or outside it.
        """
        steps = 0.25  # far more than float32's rounding error, and less than the distance to the next step
        return low * self._inverse - steps <= self._low and self._high <= high * self._inverse + steps

    def extra_repr(self) -> str:
        return f"scale={self._scale:.6g}, low={self._low:.0f}, high={self._high:.0f}"


def _flat_view(x: Tensor) -> Tensor | None:
    """Return a one-dimensional view of a tensor in memory order; ``None`` if its elements are not contiguous."""
    if x.is_contiguous():
        return x.view(-1)
    if x.ndim == 4 and x.is_contiguous(memory_format=torch.channels_last):
        return x.movedim(1, -1).view(-1)
    return None


def fused(x: Tensor, scale: float, low: float, high: float) -> Tensor:
    """Return the result of :class:`FakeQuantise`, from torch's kernel; the grid holds 0, so ``low ≤ 0 ≤ high``.

    NaN becomes a number here; the observed ranges report it earlier.
    """
    return torch.fake_quantize_per_tensor_affine(x, scale, 0, int(low), int(high))

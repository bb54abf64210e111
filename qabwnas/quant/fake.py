"""Fake quantisation: float tensors that hold only numbers of an integer grid, so that float kernels can run on them.

S · clamp(Int(r / S), Z + smallest, Z + largest): equal in every value to torch's fake-quantise kernels, which are four
to six times slower on CPUs than a few element-wise operations in place. On CUDA torch's kernels are one pass over
memory, and are used.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from qabwnas.quant.affine import Affine

BLOCK = 2**17
"""How many elements go through torch's operations together on CPUs: half a megabyte, which stays in a cache."""


class FakeQuantise(nn.Module):
    """Rounds activations to the grid of one tensor; for evaluation, without gradients.

    ``inplace=True`` overwrites the input, where nothing else reads it.
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
        row = _in_a_row(x)
        for block in [x] if row is None else torch.split(row, BLOCK):
            block.mul_(self._inverse).round_().clamp_(self._low, self._high).mul_(self._scale)
        return x

    def clips_to(self, low: float, high: float) -> bool:
        """Return whether all below ``low`` becomes what ``low`` does, and all above ``high`` what ``high`` does.

        So where they lie on the ends of the grid, or beyond.
        """
        steps = 0.25  # far more than float32's rounding, and less than what would reach the next step
        return low * self._inverse - steps <= self._low and self._high <= high * self._inverse + steps

    def extra_repr(self) -> str:
        return f"scale={self._scale:.6g}, low={self._low:.0f}, high={self._high:.0f}"


def _in_a_row(x: Tensor) -> Tensor | None:
    """Return a view of a tensor's elements as they lie in memory; ``None`` where they do not lie side by side."""
    if x.is_contiguous():
        return x.view(-1)
    if x.ndim == 4 and x.is_contiguous(memory_format=torch.channels_last):
        return x.movedim(1, -1).view(-1)
    return None


def fused(x: Tensor, scale: float, low: float, high: float) -> Tensor:
    """Return what :class:`FakeQuantise` does, by torch's kernel; the grid holds 0, so ``low ≤ 0 ≤ high``.

    A value that is not a number comes out as one: ranges tell of it before.
    """
    return torch.fake_quantize_per_tensor_affine(x, scale, 0, int(low), int(high))

"""The noise-to-signal power ratio: how far a student's feature map is from its teacher's.

NSR = mean over channels of (mean-squared error / variance of the teacher's channel), where both means of a channel run
over all images and pixels (Lu et al., CODAI 2023, Section 3; as a loss: DNA, Li et al., CVPR 2020). 0 is a perfect
copy; answering each channel's mean gives 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from qabwnas.errors import InputError
from qabwnas.quant.statistics import channel_statistics, channel_sums

SMALLEST_VARIANCE = 1e-6
OVER_IMAGES_AND_PIXELS = (0, 2, 3)


def nsr(output: Tensor, target: Tensor) -> Tensor:
    """Return the NSR of one batch as a differentiable scalar: the loss of distillation.

    ``output`` and ``target`` are ``(n, channels, height, width)``. The variance is that of the batch, and at least
    1e-6, so that a channel which happens to be constant in a batch does not drown the others.
    """
    error = (output - target).square().mean(OVER_IMAGES_AND_PIXELS)
    centred = target - target.mean(OVER_IMAGES_AND_PIXELS, keepdim=True)  # Tensor.var is ten times slower on CPUs
    variance = centred.square().mean(OVER_IMAGES_AND_PIXELS)
    return (error / variance.clamp_min(SMALLEST_VARIANCE)).mean()


class NsrMeter:
    """Measures the NSR of outputs against targets that are given once, in batches, accumulated in float64.

    The result is the formula over the whole set, however it is cut into batches.

    Raises:
        InputError: a channel of the targets is constant, so that its ratio has no meaning; or a target is not finite.
    """

    def __init__(self, targets: Sequence[Tensor]) -> None:
        _, variance = channel_statistics(targets)
        if not variance.isfinite().all():
            raise InputError("the teacher's feature map holds NaN or infinity")
        constant = (variance == 0).nonzero().flatten().tolist()
        if constant:
            raise InputError(f"channel {constant[0]} of the teacher's feature map is constant")
        self._targets = targets
        self._variance = variance
        self._n = sum(target.numel() // target.shape[1] for target in targets)

    def __call__(self, outputs: Iterable[Tensor]) -> float:
        """Return the NSR of ``outputs``, one a target and of its shape; NaN or infinity where an output holds some."""
        total = torch.zeros_like(self._variance)
        for output, target in zip(outputs, self._targets, strict=True):
            total += channel_sums((output - target).square_())
        return float((total / self._n / self._variance).mean())

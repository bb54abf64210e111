"""The noise-to-signal power ratio: how far a student's feature map is from its teacher's.

NSR = mean over channels of (mean-squared error / variance of the teacher's channel), where both means of a channel run
over all images and pixels (Lu et al., CODAI 2023, Section 3; as a loss: DNA, Li et al., CVPR 2020). 0 is a perfect
copy; a student that gives each channel's mean has 1. Channels without variance, such as those of a ReLU that is never
above 0, have no ratio. They are left out of the mean, by one rule for the loss and the measure: see
:class:`TargetVariance`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from qabwnas.errors import InputError
from qabwnas.quant.statistics import channel_statistics, image_squares

SMALLEST_SHARE = 1e-6
"""A channel is inactive if its variance is at most this share of the mean variance of its block.

A grid of 8 bits for the whole map cannot represent such a channel. Some channel's variance v is at least the mean, so
its range is at least 2 √v (Popoviciu 1935) and a step at least 2 √v / 255. The rounding noise, a twelfth of a squared
step, is then at least 5.1e-6 of the mean variance in every channel; in real maps, whose ranges are wider, it is about
1e-4.
"""
SMALLEST_IN_BATCH = 1e-2
"""The variance of a channel in one batch counts as at least this share of its variance over all images."""
OVER_IMAGES_AND_PIXELS = (0, 2, 3)


@dataclass(frozen=True)
class TargetVariance:
    """The variances of the teacher's channels after a block, which errors are divided by.

    Attributes:
        variances: of every channel over a set of images, float64 ``(channels,)``.
        active: the channels that count, int64 ``(n_active,)``; ``None`` if all do.
    """

    variances: Tensor
    active: Tensor | None

    @classmethod
    def of(cls, variances: Tensor) -> TargetVariance:
        """Return these variances; channels count if they have more than ``SMALLEST_SHARE`` of the mean variance.

        Raises:
            InputError: a variance is not finite, or all are 0.
        """
        if not variances.isfinite().all():
            raise InputError("the teacher's feature map holds NaN or infinity")
        counts = _active(variances)
        if not counts.any():
            raise InputError("the teacher's feature map is constant: none of its channels carries a signal")
        return cls(variances, None if counts.all() else counts.nonzero().flatten())

    @property
    def inactive(self) -> list[int]:
        """The channels that do not count."""
        if self.active is None:
            return []
        return sorted(set(range(len(self.variances))) - set(self.active.tolist()))

    def to(self, device: torch.device | str) -> TargetVariance:
        """Return the same on a device."""
        return TargetVariance(self.variances.to(device), None if self.active is None else self.active.to(device))


def _active(variances: Tensor) -> Tensor:
    """Return which channels count; those that are not finite do, so that they stay visible."""
    return ~(variances <= SMALLEST_SHARE * variances.mean())


def nsr(
    output: Tensor,
    target: Tensor,
    target_variance: TargetVariance | None = None,
    *,
    over_processes: Callable[[Tensor], Tensor] = lambda value: value,
) -> Tensor:
    """Return the NSR of one batch as a differentiable scalar: the loss of distillation.

    ``output`` and ``target`` are ``(n, channels, height, width)``. Variances are those of the batch. Inactive channels
    are left out: those of ``target_variance``, on the same device, or else those of the batch. An active channel that
    happens to be (nearly) constant in the batch does not dominate the others: its variance counts as at least
    ``SMALLEST_IN_BATCH`` of its variance in ``target_variance``. If processes share a batch in equal parts,
    ``over_processes`` gives the mean of a value over them: the mean of their results is then the NSR of the batch.
    """
    error = (output - target).square().mean(OVER_IMAGES_AND_PIXELS)
    # Tensor.var is ten times slower on CPUs.
    centred = target - over_processes(target.mean(OVER_IMAGES_AND_PIXELS, keepdim=True))
    variance = over_processes(centred.square().mean(OVER_IMAGES_AND_PIXELS))
    if target_variance is None:
        counts = _active(variance)
        return (error / variance.where(counts, math.inf)).sum() / counts.sum()
    variance = variance.maximum((SMALLEST_IN_BATCH * target_variance.variances).to(variance.dtype))
    if (
        active := target_variance.active
    ) is not None:  # select before the division: inactive channels have gradient NaN
        error, variance = error.index_select(0, active), variance.index_select(0, active)
    return (error / variance).mean()


def image_nsrs(output: Tensor, target: Tensor, target_variance: TargetVariance) -> Tensor:
    """Return the NSR of each image, relative to the variance of the whole set, float64 ``(n,)``.

    ``target_variance`` is that of the teacher's channels over all images and pixels. If all images have one shape, the
    mean over images is the NSR. Overwrites nothing; in active channels, a value that is not finite stays visible.
    """
    n_pixels = target.shape[2] * target.shape[3]
    ratios = image_squares(output, target) / (n_pixels * target_variance.variances)
    active = target_variance.active
    return (ratios if active is None else ratios.index_select(1, active)).mean(1)


@dataclass(frozen=True)
class NsrEstimate:
    """The NSR over a sample of images, and its standard error as an estimate for all images."""

    value: float
    standard_error: float

    @classmethod
    def of_images(cls, nsrs: NDArray[np.float64]) -> NsrEstimate:
        """Return the mean over two or more images, and its standard error: their standard deviation / √n."""
        return cls(float(nsrs.mean()), float(nsrs.std(ddof=1)) / math.sqrt(len(nsrs)))


class NsrMeter:
    """Measures outputs relative to fixed targets, in batches of images of one shape.

    The result is the formula over the whole set and does not depend on the batches. Raises as
    :meth:`TargetVariance.of`.
    """

    def __init__(self, targets: Sequence[Tensor]) -> None:
        self._targets = targets
        self._target_variance = TargetVariance.of(channel_statistics(targets)[1])

    def __call__(self, outputs: Iterable[Tensor]) -> float:
        """Return the NSR of ``outputs``, one per target and of its shape; NaN or infinity if an output holds them."""
        return float(self.image_nsrs(outputs).mean())

    def image_nsrs(self, outputs: Iterable[Tensor]) -> NDArray[np.float64]:
        """Return the NSR of each image, float64 ``(n_images,)``: see :func:`image_nsrs`."""
        pairs = zip(outputs, self._targets, strict=True)
        return torch.cat([image_nsrs(output, target, self._target_variance) for output, target in pairs]).cpu().numpy()

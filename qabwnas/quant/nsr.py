"""The noise-to-signal power ratio: how far a student's feature map is from its teacher's.

NSR = mean over channels of (mean-squared error / variance of the teacher's channel), where both means of a channel run
over all images and pixels (Lu et al., CODAI 2023, Section 3; as a loss: DNA, Li et al., CVPR 2020). 0 is a perfect
copy; answering each channel's mean gives 1.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from qabwnas.errors import InputError
from qabwnas.quant.statistics import channel_statistics, image_squares

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


def image_ratios(output: Tensor, target: Tensor, variance: Tensor) -> Tensor:
    """Return what each image adds: its own NSR against the variance of the whole set, float64 ``(n,)``.

    ``variance`` is float64 ``(channels,)``, that of the teacher's channels over all images and pixels. Where all images
    have one shape, the mean over images is the NSR. Overwrites nothing; a value that is not finite stays visible.
    """
    n_pixels = target.shape[2] * target.shape[3]
    return (image_squares(output, target) / (n_pixels * variance)).mean(1)


@dataclass(frozen=True)
class NsrEstimate:
    """The NSR over a sample of images, and the standard error that it has as an estimate over all images."""

    value: float
    standard_error: float

    @classmethod
    def of_ratios(cls, ratios: NDArray[np.float64]) -> NsrEstimate:
        """Return the mean of what two or more images add, and its standard error: their deviation / √n."""
        return cls(float(ratios.mean()), float(ratios.std(ddof=1)) / math.sqrt(len(ratios)))


def channel_variances(targets: Sequence[Tensor]) -> Tensor:
    """Return the variance of every channel of the teacher over all batches, float64 ``(channels,)``.

    Raises:
        InputError: a channel is constant, so that its ratio has no meaning; or a target is not finite.
    """
    return checked_variances(channel_statistics(targets)[1])


def checked_variances(variances: Tensor) -> Tensor:
    """Return the variances if ratios to them have a meaning; raises as :func:`channel_variances`."""
    if not variances.isfinite().all():
        raise InputError("the teacher's feature map holds NaN or infinity")
    constant = (variances == 0).nonzero().flatten().tolist()
    if constant:
        raise InputError(f"channel {constant[0]} of the teacher's feature map is constant")
    return variances


class NsrMeter:
    """Measures outputs against targets that are given once, in batches of images of one shape.

    The result is the formula over the whole set, however it is cut into batches. Raises as :func:`channel_variances`.
    """

    def __init__(self, targets: Sequence[Tensor]) -> None:
        self._targets = targets
        self._variances = channel_variances(targets)

    def __call__(self, outputs: Iterable[Tensor]) -> float:
        """Return the NSR of ``outputs``, one a target and of its shape; NaN or infinity where an output holds some."""
        return float(self.ratios(outputs).mean())

    def ratios(self, outputs: Iterable[Tensor]) -> NDArray[np.float64]:
        """Return what each image adds, float64 ``(n_images,)``: see :func:`image_ratios`."""
        pairs = zip(outputs, self._targets, strict=True)
        return torch.cat([image_ratios(output, target, self._variances) for output, target in pairs]).cpu().numpy()

"""The noise-to-signal power ratio: how far a student's feature map is from its teacher's.

NSR = mean over channels of (mean-squared error / variance of the teacher's channel), where both means of a channel run
over all images and pixels (Lu et al., CODAI 2023, Section 3; as a loss: DNA, Li et al., CVPR 2020). 0 is a perfect
copy; answering each channel's mean gives 1. Channels that carry no signal, such as a ReLU's that is never above 0, have
no ratio and are left out of the mean, by one rule for the loss and the measure: see :class:`Signal`.
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

SMALLEST_SHARE = 1e-6
"""Channels with less than this share of their block's mean variance carry no signal.

A grid of 8 bits for the whole map cannot show them: some channel's variance v is at least the mean, so its range is at
least 2 √v (Popoviciu 1935), a step at least 2 √v / 255, and the noise of rounding, a twelfth of a step's square, at
least 5.1e-6 of the mean variance in every channel; in real maps, whose ranges are wider, it is about 1e-4.
"""
SMALLEST_IN_BATCH = 1e-2
"""In a batch, a channel's variance counts as at least this share of what it is over all images."""
OVER_IMAGES_AND_PIXELS = (0, 2, 3)


@dataclass(frozen=True)
class Signal:
    """The power of the teacher's signal behind a block, which errors are divided by.

    Attributes:
        variances: of every channel over a set of images, float64 ``(channels,)``.
        live: the channels that carry a signal, int64 ``(n_live,)``, which alone count; ``None`` where all do.
    """

    variances: Tensor
    live: Tensor | None

    @classmethod
    def of(cls, variances: Tensor) -> Signal:
        """Return the signal with these variances, of which those count that reach ``SMALLEST_SHARE`` of their mean.

        Raises:
            InputError: a variance is not finite, or all are 0.
        """
        if not variances.isfinite().all():
            raise InputError("the teacher's feature map holds NaN or infinity")
        counts = _live(variances)
        if not counts.any():
            raise InputError("the teacher's feature map is constant: none of its channels carries a signal")
        return cls(variances, None if counts.all() else counts.nonzero().flatten())

    @property
    def silent(self) -> list[int]:
        """The channels that carry no signal."""
        if self.live is None:
            return []
        return sorted(set(range(len(self.variances))) - set(self.live.tolist()))

    def to(self, device: torch.device | str) -> Signal:
        """Return the same on a device."""
        return Signal(self.variances.to(device), None if self.live is None else self.live.to(device))


def _live(variances: Tensor) -> Tensor:
    """Return which channels carry a signal; those that are not finite do, so that they stay visible."""
    return ~(variances <= SMALLEST_SHARE * variances.mean())


def nsr(output: Tensor, target: Tensor, signal: Signal | None = None) -> Tensor:
    """Return the NSR of one batch as a differentiable scalar: the loss of distillation.

    ``output`` and ``target`` are ``(n, channels, height, width)``. Variances are those of the batch. Channels without
    a signal are left out: those that ``signal`` says, on the same device; without it, those of the batch. A channel
    that carries one and happens to be (nearly) constant in the batch does not drown the others: its variance counts as
    at least ``SMALLEST_IN_BATCH`` of that in ``signal``.
    """
    error = (output - target).square().mean(OVER_IMAGES_AND_PIXELS)
    centred = target - target.mean(OVER_IMAGES_AND_PIXELS, keepdim=True)  # Tensor.var is ten times slower on CPUs
    variance = centred.square().mean(OVER_IMAGES_AND_PIXELS)
    if signal is None:
        counts = _live(variance)
        return (error / variance.where(counts, math.inf)).sum() / counts.sum()
    variance = variance.maximum((SMALLEST_IN_BATCH * signal.variances).to(variance.dtype))
    if signal.live is not None:  # before they divide, for the gradient of what is left out would not be a number
        error, variance = error.index_select(0, signal.live), variance.index_select(0, signal.live)
    return (error / variance).mean()


def image_ratios(output: Tensor, target: Tensor, signal: Signal) -> Tensor:
    """Return what each image adds: its own NSR against the variance of the whole set, float64 ``(n,)``.

    ``signal`` is that of the teacher's channels over all images and pixels. Where all images have one shape, the mean
    over images is the NSR. Overwrites nothing; a value that is not finite stays visible, where its channel counts.
    """
    n_pixels = target.shape[2] * target.shape[3]
    ratios = image_squares(output, target) / (n_pixels * signal.variances)
    return (ratios if signal.live is None else ratios.index_select(1, signal.live)).mean(1)


@dataclass(frozen=True)
class NsrEstimate:
    """The NSR over a sample of images, and the standard error that it has as an estimate over all images."""

    value: float
    standard_error: float

    @classmethod
    def of_ratios(cls, ratios: NDArray[np.float64]) -> NsrEstimate:
        """Return the mean of what two or more images add, and its standard error: their deviation / √n."""
        return cls(float(ratios.mean()), float(ratios.std(ddof=1)) / math.sqrt(len(ratios)))


class NsrMeter:
    """Measures outputs against targets that are given once, in batches of images of one shape.

    The result is the formula over the whole set, however it is cut into batches. Raises as :meth:`Signal.of`.
    """

    def __init__(self, targets: Sequence[Tensor]) -> None:
        self._targets = targets
        self._signal = Signal.of(channel_statistics(targets)[1])

    def __call__(self, outputs: Iterable[Tensor]) -> float:
        """Return the NSR of ``outputs``, one a target and of its shape; NaN or infinity where an output holds some."""
        return float(self.ratios(outputs).mean())

    def ratios(self, outputs: Iterable[Tensor]) -> NDArray[np.float64]:
        """Return what each image adds, float64 ``(n_images,)``: see :func:`image_ratios`."""
        pairs = zip(outputs, self._targets, strict=True)
        return torch.cat([image_ratios(output, target, self._signal) for output, target in pairs]).cpu().numpy()

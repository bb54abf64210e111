"""Observers of activations: they see the calibration data in float, and give the range of a grid for every bit width.

Which values a grid may clip is a trade-off: a narrow range has small steps, but clips more.

- ``minmax`` clips nothing (the paper's choice).
- ``percentile`` clips a given share of the values at each end (Wu et al. 2020, "Integer quantization for deep learning
  inference", Section 5; here one percentile per end, because the grids of activations are asymmetric).
- ``mse`` takes the range with the smallest mean squared error of rounding and clipping, at each bit width (Choukroun et
  al., ICCVW 2019; Banner et al., NeurIPS 2019, minimise the same error in closed form for assumed distributions).

The last two need the distribution of the values, which one pass over the data gives as a histogram.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from difflib import get_close_matches
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

from qabwnas.errors import InputError
from qabwnas.io.user_code import call, load_class
from qabwnas.quant.affine import Affine

MINMAX, PERCENTILE, MSE = "minmax", "percentile", "mse"
OBSERVERS = (MINMAX, PERCENTILE, MSE)
"""The names of the observers that need no code of a user."""


class RangeObserver(nn.Module, ABC):
    """Passes tensors through unchanged, and gives the grid of a tensor after all calibration data have passed.

    The base of all observers, also those of users. It is made without arguments, once per output of an operator.
    """

    def __init__(self) -> None:
        super().__init__()
        self._grids: dict[int, Affine] = {}

    @property
    def description(self) -> str:
        """How ranges are chosen, as a LUT's provenance records it; by default the path of the class."""
        return f"{type(self).__module__}.{type(self).__qualname__}"

    @abstractmethod
    def observe(self, x: Tensor) -> None:
        """Take one batch of calibration data into account; ``x`` may have any shape and must not be changed."""

    @abstractmethod
    def clipping_range(self, bits: int) -> tuple[Tensor, Tensor]:
        """Return the ends of the range for a grid of ``bits`` (2 to 16) bits, scalars; values outside are clipped.

        A range without 0 is widened to hold it.

        Raises:
            InputError: nothing was observed.
        """

    def forward(self, x: Tensor) -> Tensor:
        self._grids.clear()
        self.observe(x.detach())
        return x

    def grid(self, bits: int) -> Affine:
        """Return the asymmetric grid of ``bits`` bits over the range; it is computed once.

        Raises:
            InputError: as :meth:`clipping_range`, or the range is not finite.
        """
        if bits not in self._grids:
            self._grids[bits] = Affine.of_range(*self.clipping_range(bits), bits, symmetric=False)
        return self._grids[bits]


class MinMaxObserver(RangeObserver):
    """The range from the smallest to the largest value of all batches: the buffers ``low`` and ``high``."""

    low: Tensor
    high: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("low", torch.tensor(math.inf), persistent=False)
        self.register_buffer("high", torch.tensor(-math.inf), persistent=False)

    @property
    def description(self) -> str:
        return "min-max" if type(self) is MinMaxObserver else super().description

    def observe(self, x: Tensor) -> None:
        # minimum keeps NaN on either side, and grid() then refuses it.
        low, high = torch.aminmax(in_memory_order(x))
        self.low = torch.minimum(self.low.to(low.device), low)
        self.high = torch.maximum(self.high.to(high.device), high)

    def clipping_range(self, bits: int) -> tuple[Tensor, Tensor]:  # noqa: ARG002
        if self.low > self.high:
            raise InputError("no calibration data has passed here")
        return self.low, self.high


class HistogramObserver(MinMaxObserver):
    """Also counts the values in bins of one width w, a power of two: bin i holds [i · w, (i + 1) · w).

    When a value lies outside, w is doubled until none does, and pairs of bins are merged. Nothing is lost by that, so
    the counts are exact, and the same for any order and division into batches. At least 1,024 bins lie between 0 and
    the value that is largest in magnitude.

    Attributes:
        counts: int64 ``(2 · BINS,)``, of the bins −BINS … BINS − 1: 32 kB.
    """

    BINS = 2**11
    SMALLEST_EXPONENT = -100  # values below 2^-100 share bins; scaling them up would overflow

    counts: Tensor

    def __init__(self) -> None:
        super().__init__()
        self._exponent = self.SMALLEST_EXPONENT  # all values are smaller than 2^exponent in magnitude
        self.register_buffer("counts", torch.zeros(2 * self.BINS, dtype=torch.int64), persistent=False)

    def observe(self, x: Tensor) -> None:
        super().observe(x)
        largest = float(torch.maximum(-self.low, self.high))
        if not math.isfinite(largest):
            return  # grid() refuses the range
        if largest > 0:
            self._widen(math.frexp(largest)[1])
        bins = torch.floor(in_memory_order(x) / self._width).long().reshape(-1) + self.BINS
        self.counts = self.counts.to(x.device) + torch.bincount(bins, minlength=2 * self.BINS)

    @property
    def _width(self) -> float:
        return 2.0**self._exponent / self.BINS

    @property
    def _bins(self) -> Tensor:
        return torch.arange(-self.BINS, self.BINS, device=self.counts.device)

    def _widen(self, exponent: int) -> None:
        if (doublings := exponent - self._exponent) <= 0:
            return
        merged = (self._bins >> min(doublings, 62)) + self.BINS
        self.counts = torch.zeros_like(self.counts).index_add_(0, merged, self.counts)
        self._exponent = exponent


class PercentileObserver(HistogramObserver):
    """The range that clips at most 100 − ``percentile`` per cent of the values at each end, to a bin of the histogram.

    ``percentile`` is more than 50, so that the ends do not cross; 100 gives the range of :class:`MinMaxObserver`.
    """

    def __init__(self, percentile: float) -> None:
        super().__init__()
        self._percentile = percentile

    @property
    def description(self) -> str:
        return f"percentile {self._percentile:g}" if type(self) is PercentileObserver else super().description

    def clipping_range(self, bits: int) -> tuple[Tensor, Tensor]:
        low, high = super().clipping_range(bits)
        kept = math.ceil(int(self.counts.sum()) * self._percentile / 100)
        last = int((self.counts.cumsum(0) < kept).sum()) - self.BINS
        first = self.BINS - 1 - int((self.counts.flip(0).cumsum(0) < kept).sum())
        return low.clamp_min(first * self._width), high.clamp_max((last + 1) * self._width)


class MseObserver(HistogramObserver):
    """The range whose grid has the smallest mean squared error over the observed values, at each bit width.

    Both ends are chosen among ``STEPS`` equal parts of the way from 0 to the smallest and to the largest value: one end
    after the other, for ``ROUNDS`` rounds, starting from both. Every value counts as the centre of its bin. Time:
    ``ROUNDS`` × 2 × ``STEPS`` × bins that are not empty, a few milliseconds per tensor and bit width.
    """

    STEPS = 64
    ROUNDS = 2

    @property
    def description(self) -> str:
        return "mse" if type(self) is MseObserver else super().description

    def clipping_range(self, bits: int) -> tuple[Tensor, Tensor]:
        low, high = super().clipping_range(bits)
        if not (low.isfinite() and high.isfinite()):
            return low, high
        used = self.counts.nonzero().flatten()
        centres = ((self._bins[used] + 0.5) * self._width).float()
        error = partial(_squared_errors, centres, self.counts[used], bits)
        # From wide to narrow: among equal errors the widest range is taken.
        parts = torch.arange(self.STEPS, 0, -1, device=low.device) / self.STEPS
        lows, highs = low.clamp_max(0) * parts, high.clamp_min(0) * parts
        low, high = lows[0], highs[0]
        for _ in range(self.ROUNDS):
            high = highs[error(low.expand_as(highs), highs).argmin()]
            low = lows[error(lows, high.expand_as(lows)).argmin()]
        return low, high


def _squared_errors(values: Tensor, counts: Tensor, bits: int, lows: Tensor, highs: Tensor) -> Tensor:
    """Return the sum of squared errors of ``values`` on the grid of each range, float64 ``(n_ranges,)``."""
    grids = Affine.of_finite_range(lows, highs, bits, symmetric=False)
    rounded = grids.dequantise(grids.quantise(values.expand(len(lows), -1)))
    return (rounded - values).double().square() @ counts.double()


def in_memory_order(x: Tensor) -> Tensor:
    """Return maps that have channels last in memory as the contiguous tensors that they are.

    Otherwise reductions are many times slower.
    """
    return x if x.is_contiguous() else x.movedim(1, -1)


def load_observer(name: str, percentile: float, folder: Path | None = None) -> Callable[[], RangeObserver]:
    """Return what makes an observer: one of :data:`OBSERVERS`, or a class of a user, by its path ``package.Class``.

    Raises:
        InputError: there is no such observer; or the class is not derived from :class:`RangeObserver`, lacks a method,
            or fails on a first tensor.
    """
    if name in OBSERVERS:
        made: dict[str, Callable[[], RangeObserver]] = {
            MINMAX: MinMaxObserver,
            PERCENTILE: partial(PercentileObserver, percentile),
            MSE: MseObserver,
        }
        return made[name]
    if "." not in name:
        close = get_close_matches(name, OBSERVERS, n=1)
        hint = f"; is {close[0]!r} meant?" if close else ""
        raise InputError(f"{name!r} is neither one of {', '.join(OBSERVERS)} nor a class package.Class{hint}")
    observer = load_class(name, RangeObserver, folder)
    call(name, partial(_try, observer))
    return observer


def _try(make: Callable[[], RangeObserver]) -> None:
    """Let an observer see a tensor, so that mistakes in it are found before anything is trained."""
    observer = make()
    observer(torch.linspace(-1, 2, 24).reshape(2, 3, 2, 2))
    low, high = observer.clipping_range(8)
    if not (isinstance(low, Tensor) and isinstance(high, Tensor) and low.ndim == high.ndim == 0):
        raise InputError("clipping_range() does not return two scalar tensors")
    observer.grid(8)

"""The weighted objective: a metric whose values count by a factor a block, on an exact grid again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from qabwnas.errors import InputError
from qabwnas.lut.lut import Metric
from qabwnas.search.model.grid import LARGEST_UNITS, Grid


class Weighing(NamedTuple):
    """How units become weighted ones.

    Attributes:
        grid: of weighted values.
        factors: a block, whole numbers.
        scale: factor of the fixed part, of which the factors are multiples of a weight.
        divisor: what products are divided by.
    """

    grid: Grid
    factors: tuple[int, ...]
    scale: int
    divisor: int

    @classmethod
    def of(
        cls,
        metric: Metric,
        grid: Grid,
        weights: Mapping[str, Decimal],
        largest_units: Sequence[int],
        fixed: int | None,
    ) -> Weighing:
        """Return how a metric is weighted, given its largest absolute value in each block and its fixed part, in units.

        The grid gains as many decimals as the weights have; that is exact. Where the largest possible total then leaves
        2^62, it loses as many as it must, and products are rounded half to even on it, as values are on any grid.

        Raises:
            InputError: totals do not fit even without decimals; the message names the metric and the largest block.
        """
        n_more = max(0, *(-int(weight.as_tuple().exponent) for weight in weights.values()))
        whole = [int(Fraction(weight) * 10**n_more) for weight in weights.values()]
        largest = [units * factor for units, factor in zip(largest_units, whole, strict=True)]
        parts = largest if fixed is None else [*largest, abs(fixed) * 10**n_more]
        total = sum(parts) if metric.aggregation == "sum" else max(parts)
        n_dropped = 0
        while total > LARGEST_UNITS * 10**n_dropped:
            n_dropped += 1
        if n_dropped > grid.decimals + n_more:
            where = list(weights)[largest.index(max(largest))]
            raise InputError(f"weights: the weighted totals of {metric.name!r} do not fit 62 bits (block {where!r})")
        return cls(Grid(grid.decimals + n_more - n_dropped), tuple(whole), 10**n_more, 10**n_dropped)

    def of_block(self, units: NDArray[np.int64], b: int) -> NDArray[np.int64]:
        """Return some values of block ``b``, weighted."""
        return _product(units, self.factors[b], self.divisor)

    def of_fixed(self, units: int) -> int:
        return int(_product(np.array([units]), self.scale, self.divisor)[0])


def largest_size(units: NDArray[np.int64]) -> int:
    """Return the largest absolute value, 0 of none."""
    return max(abs(int(units.min())), abs(int(units.max()))) if units.size else 0


def _product(units: NDArray[np.int64], factor: int, divisor: int) -> NDArray[np.int64]:
    """Return units × factor / divisor, rounded half to even; the result fits."""
    numbers: NDArray[Any] = units
    if factor * divisor > LARGEST_UNITS:  # what is left of a division, times the factor, would not fit
        numbers = units.astype(object)
    quotient, left = numbers // divisor, numbers % divisor
    more, left = left * factor // divisor, left * factor % divisor
    nearest = quotient * factor + more
    up = (2 * left > divisor) | ((2 * left == divisor) & (nearest % 2 == 1))
    return np.asarray(nearest + up, dtype=np.int64)

"""The weighted objective: a metric whose values count by a factor a block, on an exact grid again."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qabwnas.errors import InputError
from qabwnas.lut.lut import Metric
from qabwnas.search.grid import LARGEST_UNITS, Grid


def weigh(
    metric: Metric,
    grid: Grid,
    factors: Mapping[str, Decimal],
    values: NDArray[np.int64],
    offsets: NDArray[np.int64],
    fixed: int | None,
) -> tuple[Grid, NDArray[np.int64], int | None]:
    """Return the grid, values ``(n_rows,)`` and fixed part, in its units, of a metric weighted by a factor a block.

    The grid gains as many decimals as the factors have; that is exact. Where the largest possible total then leaves
    2^62, it loses as many as it must, and products are rounded half to even on it, as values are on any grid.

    Raises:
        InputError: totals do not fit even without decimals; the message names the metric and the largest block.
    """
    n_more = max(0, *(-int(factor.as_tuple().exponent) for factor in factors.values()))
    whole = [int(Fraction(factor) * 10**n_more) for factor in factors.values()]
    largest = [
        max(abs(int(values[first:last].min())), abs(int(values[first:last].max()))) * factor
        for (first, last), factor in zip(pairwise(offsets.tolist()), whole, strict=True)
    ]
    parts = largest if fixed is None else [*largest, abs(fixed) * 10**n_more]
    total = sum(parts) if metric.aggregation == "sum" else max(parts)
    n_dropped = 0
    while total > LARGEST_UNITS * 10**n_dropped:
        n_dropped += 1
    if n_dropped > grid.decimals + n_more:
        where = list(factors)[largest.index(max(largest))]
        raise InputError(f"weights: the weighted totals of {metric.name!r} do not fit 62 bits (block {where!r})")
    weighted = np.empty_like(values)
    for (first, last), factor in zip(pairwise(offsets.tolist()), whole, strict=True):
        weighted[first:last] = _product(values[first:last], factor, 10**n_dropped)
    if fixed is not None:
        fixed = int(_product(np.array([fixed]), 10**n_more, 10**n_dropped)[0])
    return Grid(grid.decimals + n_more - n_dropped), weighted, fixed


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

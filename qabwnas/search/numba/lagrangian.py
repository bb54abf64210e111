"""The Lagrangian of a direct search: ``csrc/solve/lagrangian.hpp``. It tells which rows can still matter."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qabwnas.search.numba.compiled import bare, compiled, inner
from qabwnas.search.numba.joined_rows import shares_of_slack
from qabwnas.search.numba.linear_basis import relaxation_of
from qabwnas.search.numba.linear_relaxation import multiplier, solve
from qabwnas.search.numba.rows import Rows

_UNLIMITED = 2**63 - 1
_LARGEST_TOTAL = 2**62
_RUN = 16

Ints = NDArray[np.int64]
Bytes = NDArray[np.uint8]
Doubles = NDArray[np.float64]


class Lagrangian(NamedTuple):
    """How far the price of every row is above the least of its block, and the bound that those make together."""

    mask: Bytes  # (n_rows,): rows that may be used
    gaps: Doubles  # (n_rows,): infinite where they may not
    least_in_runs: Doubles  # of rows behind one another
    bound: float
    magnitude: float  # of what the bound is the sum of
    rounding: float  # relative to that

    @classmethod
    def of(
        cls, values: Ints, offsets: Ints, mask: Bytes, minimal: Rows, problem: tuple[Bytes, Ints, Ints]
    ) -> Lagrangian:
        """Return that of ``values`` ``(n_metrics, n_rows)``; ``minimal`` are those that are cheapest at any prices."""
        is_max, origin, budgets = problem
        metrics = 1 + np.flatnonzero((is_max[1:] == 0) & (budgets[1:] != _UNLIMITED))
        return cls(mask, *_gaps(values, offsets, mask, minimal.offsets, minimal.values, metrics, origin, budgets))

    def objective_within(self, gap: float) -> int:
        """Return the objective, or a little less, up to which only rows within the gap are part of a subnet."""
        if gap == np.inf:
            return _UNLIMITED
        objective = self.bound + gap
        rounded = math.floor(objective - 2 * (2 * self.magnitude + abs(objective)) * self.rounding)
        return max(-_LARGEST_TOTAL, rounded) if rounded < _LARGEST_TOTAL else _UNLIMITED

    def gap_of_cheapest(self, n: int) -> float:
        """Return a gap that about ``n`` rows are within; infinite where there are no more."""
        of_runs = _nth_least(self.least_in_runs, n)
        return _nth_least(self.gaps[self.gaps <= of_runs], n)

    def rows_within(self, gap: float) -> Bytes:
        return self.mask if gap == np.inf else (self.gaps <= gap).view(np.uint8)


def _nth_least(values: Doubles, n: int) -> float:
    return float(np.partition(values, n)[n]) if n < values.size else np.inf


@compiled
def _gaps(values, offsets, mask, of_minimal, minimal, metrics, origin, budgets):  # type: ignore[no-untyped-def]
    n_blocks, n_rows = offsets.size - 1, mask.size
    prices = _prices(of_minimal, minimal, metrics, origin, budgets)
    gaps = np.empty(n_rows)
    bound = np.float64(origin[0])
    magnitude = abs(bound)
    for b in range(n_blocks):
        first, last = offsets[b], offsets[b + 1]
        of_block = gaps[first:last]
        _set(of_block, values[0, first:last])
        magnitude += _largest_size(values[0, first:last])
        for j in range(metrics.size):
            column = values[metrics[j], first:last]
            _add(of_block, prices[j], column)
            magnitude += prices[j] * _largest_size(column)
        bound += _set_above_least(of_block, mask[first:last])
    for j in range(metrics.size):
        room = prices[j] * np.float64(budgets[metrics[j]] - origin[metrics[j]])
        bound -= room
        magnitude += abs(room)
    least_in_runs = np.empty((n_rows + _RUN - 1) // _RUN)
    for run in range(least_in_runs.size):
        least_in_runs[run] = _least(gaps[run * _RUN : (run + 1) * _RUN])
    # A sum errs by at most its number of terms times half a unit in the last place of their magnitude (2^-53 of it);
    # this is several times that, for those above and those of a row.
    return gaps, least_in_runs, bound, magnitude, (n_blocks + 4 * origin.size + 16) * 2.0**-50


# Loops from 0 over views need no look at negative indices, and become vector instructions.
@bare
def _set(gaps, column):  # type: ignore[no-untyped-def]
    for i in range(gaps.size):
        gaps[i] = np.float64(column[i])


@bare
def _add(gaps, price, column):  # type: ignore[no-untyped-def]
    for i in range(gaps.size):
        gaps[i] += price * np.float64(column[i])


@bare
def _largest_size(column):  # type: ignore[no-untyped-def]
    low = high = np.int64(0)
    for i in range(column.size):
        low, high = min(low, column[i]), max(high, column[i])
    return max(np.float64(high), -np.float64(low))


@bare
def _set_above_least(gaps, mask):  # type: ignore[no-untyped-def]
    """Make gaps of prices, infinite outside the mask; return the least price in it."""
    for i in range(gaps.size):
        gaps[i] = gaps[i] if mask[i] != 0 else np.inf
    least = _least(gaps)
    for i in range(gaps.size):
        gaps[i] -= least
    return least


@bare
def _least(values):  # type: ignore[no-untyped-def]
    """The least, found in both halves at once."""
    least = others = values[values.size - 1]
    middle = values.size // 2
    for i in range(middle):
        a, b = values[i], values[middle + i]
        least = a if a < least else least
        others = b if b < others else others
    return min(least, others)


@inner
def _prices(offsets, values, metrics, origin, budgets):  # type: ignore[no-untyped-def]
    """Prices of a unit of each metric: those of the linear relaxation, at which the bound is best."""
    objectives = np.empty(values.shape[0])
    span = 0.0
    for b in range(offsets.size - 1):
        least = most = values[offsets[b], 0]
        for row in range(offsets[b], offsets[b + 1]):
            least = min(least, values[row, 0])
            most = max(most, values[row, 0])
        for row in range(offsets[b], offsets[b + 1]):
            objectives[row] = values[row, 0] - least
        span += np.float64(most - least)
    span = max(span, 1.0)
    for row in range(objectives.size):
        objectives[row] /= span
    costs, slacks = shares_of_slack(offsets, values, metrics, origin, budgets)
    prices = np.zeros(metrics.size)
    if metrics.size > 0:
        lp = relaxation_of(offsets, objectives, costs)
        solve(lp, np.inf)
        for j in range(metrics.size):
            prices[j] = multiplier(lp, j) * span / slacks[j]
    return prices

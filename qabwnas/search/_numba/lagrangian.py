"""The Lagrangian of a direct search: ``csrc/qabwnas/lagrangian.hpp``. It tells which rows can still matter."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from qabwnas.search._numba.inner import inner
from qabwnas.search._numba.joined_rows import shares_of_slack
from qabwnas.search._numba.linear_relaxation import multiplier, relaxation_of, solve
from qabwnas.search._numba.rows import Rows

_UNLIMITED = 2**63 - 1
_ROWS_A_SLICE = 1 << 22

Ints = NDArray[np.int64]
Bytes = NDArray[np.uint8]


def drop_above(
    upper: int, values: Ints, offsets: Ints, mask: Bytes, minimal: Rows, is_max: Bytes, origin: Ints, budgets: Ints
) -> None:
    """Take rows out of ``mask`` of which every feasible subnet has an objective above ``upper``.

    ``values`` are ``(n_metrics, n_rows)``; ``minimal`` are the rows that are cheapest at any prices.
    """
    metrics = 1 + np.flatnonzero((is_max[1:] == 0) & (budgets[1:] != _UNLIMITED))
    bounds = _bounds_beside(minimal.offsets, minimal.values, metrics, origin, budgets)
    for first in range(0, mask.size, _ROWS_A_SLICE):  # Python, and so Ctrl-C, has its turn between slices
        _drop_slice(upper, values, offsets, mask, metrics, bounds, first)


@njit(cache=True, nogil=True)
def _bounds_beside(offsets, values, metrics, origin, budgets):  # type: ignore[no-untyped-def]
    """Prices, a lower bound on what all blocks but each cost at those, and how far rounding reaches, relatively."""
    n_blocks = offsets.size - 1
    prices = _prices(offsets, values, metrics, origin, budgets)
    cheapest = np.empty(n_blocks)
    bound = np.float64(origin[0])
    magnitude = abs(bound)
    for b in range(n_blocks):
        cheapest[b], largest = np.inf, 0.0
        for row in range(offsets[b], offsets[b + 1]):
            price = np.float64(values[row, 0])
            size = abs(price)
            for j in range(metrics.size):
                cost = prices[j] * values[row, metrics[j]]
                price += cost
                size += abs(cost)
            cheapest[b] = min(cheapest[b], price)
            largest = max(largest, size)
        bound += cheapest[b]
        magnitude += largest
    for j in range(metrics.size):
        room = prices[j] * np.float64(budgets[metrics[j]] - origin[metrics[j]])
        bound -= room
        magnitude += abs(room)
    # A sum errs by at most its number of terms times half a unit in the last place of their magnitude (2^-53 of it);
    # this is several times that, for those above and those of a row.
    rounding = (n_blocks + 4 * origin.size + 16) * 2.0**-50
    bound -= magnitude * rounding
    for b in range(n_blocks):
        cheapest[b] = bound - cheapest[b]
    return prices, cheapest, rounding


@njit(cache=True, nogil=True)
def _drop_slice(upper, values, offsets, mask, metrics, bounds, first):  # type: ignore[no-untyped-def]
    """Go through some of the rows, from the given one."""
    prices, beside, rounding = bounds
    limit = np.float64(upper)
    last = min(first + _ROWS_A_SLICE, mask.size)
    for b in range(offsets.size - 1):
        for row in range(max(first, offsets[b]), min(last, offsets[b + 1])):
            price = np.float64(values[0, row])
            size = abs(price)
            for j in range(metrics.size):
                cost = prices[j] * values[metrics[j], row]
                price += cost
                size += abs(cost)
            if beside[b] + price > limit + (size + abs(limit)) * rounding:
                mask[row] = 0


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

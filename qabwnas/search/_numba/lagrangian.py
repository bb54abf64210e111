"""The Lagrangian of a direct search: ``csrc/qabwnas/lagrangian.hpp``. It tells which rows can still matter."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from qabwnas.search._numba.linear_relaxation import multiplier, relaxation_of, solve
from qabwnas.search._numba.linear_search import shares_of_slack
from qabwnas.search._numba.rows import Rows

_UNLIMITED = 2**63 - 1

Ints = NDArray[np.int64]
Bytes = NDArray[np.uint8]


def drop_above(
    upper: int, values: Ints, offsets: Ints, mask: Bytes, minimal: Rows, is_max: Bytes, origin: Ints, budgets: Ints
) -> None:
    """Take rows out of ``mask`` of which every feasible subnet has an objective above ``upper``.

    ``values`` are ``(n_metrics, n_rows)``; ``minimal`` are the rows that are cheapest at any prices.
    """
    metrics = np.flatnonzero((is_max == 0) & (budgets != _UNLIMITED))
    metrics = metrics[metrics > 0]
    _drop_above(upper, values, offsets, mask, minimal.offsets, minimal.values, metrics, origin, budgets)


@njit(cache=True, nogil=True)
def _drop_above(upper, values, offsets, mask, minimal_offsets, minimal, metrics, origin, budgets):  # type: ignore[no-untyped-def]
    n_blocks, d = offsets.size - 1, origin.size
    prices = _prices(minimal_offsets, minimal, metrics, origin, budgets)
    cheapest = np.empty(n_blocks)
    bound = np.float64(origin[0])
    magnitude = abs(bound)
    for b in range(n_blocks):
        cheapest[b], largest = np.inf, 0.0
        for row in range(minimal_offsets[b], minimal_offsets[b + 1]):
            price = np.float64(minimal[row, 0])
            size = abs(price)
            for j in range(metrics.size):
                cost = prices[j] * minimal[row, metrics[j]]
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
    rounding = (n_blocks + 4 * d + 16) * 2.0**-50
    bound -= magnitude * rounding
    limit = np.float64(upper)
    for b in range(n_blocks):
        for row in range(offsets[b], offsets[b + 1]):
            price = np.float64(values[0, row])
            size = abs(price)
            for j in range(metrics.size):
                cost = prices[j] * values[metrics[j], row]
                price += cost
                size += abs(cost)
            if bound - cheapest[b] + price > limit + (size + abs(limit)) * rounding:
                mask[row] = 0


@njit(cache=True, nogil=True)
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

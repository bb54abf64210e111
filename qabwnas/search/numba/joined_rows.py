"""Rows of a search behind linear relaxations: ``csrc/solve/lp_rows.hpp``."""

from __future__ import annotations

import numpy as np

from qabwnas.search.numba.compiled import compiled

_UNLIMITED = 2**63 - 1
_WIDEST_KEY = 2.0**40  # a bound in doubles does not tell more keys apart


@compiled
def joined(offsets, values, is_max, origin, budgets):  # type: ignore[no-untyped-def]
    """Join the objective and the metrics behind it to one key, whose order is that of their totals within budgets.

    Returns the rows' keys above the least of their block, the factors of the first metrics that make it, every metric's
    sum of least values, the range of all rows' keys, and the last key that a subnet within the budgets may have.
    """
    n_rows, d = values.shape
    n_blocks = offsets.size - 1
    lows = np.empty((n_blocks, d), dtype=np.int64)
    least = np.zeros(d, dtype=np.int64)
    factors = np.zeros(d, dtype=np.int64)
    n_joined = 0
    last_key = np.int64(0)
    width = 1.0  # of the key so far
    for m in range(d):
        total_range = np.int64(0)
        for b in range(n_blocks):
            low = high = values[offsets[b], m]
            for row in range(offsets[b], offsets[b + 1]):
                low = min(low, values[row, m])
                high = max(high, values[row, m])
            lows[b, m] = low
            least[m] += 0 if is_max[m] else low
            total_range += high - low
        if is_max[m] or n_joined != m:
            continue
        if budgets[m] != _UNLIMITED:  # totals beyond the budget need no place; nor where the least one is
            total_range = max(np.int64(0), min(total_range, budgets[m] - (origin[m] + least[m])))
        width *= np.float64(total_range) + 1.0
        if m > 0 and width > _WIDEST_KEY:
            continue
        for i in range(n_joined):
            factors[i] *= total_range + 1
        last_key = last_key * (total_range + 1) + total_range
        factors[m] = 1
        n_joined += 1
    keys = np.zeros(n_rows, dtype=np.int64)
    key_range = 0.0
    for b in range(n_blocks):
        most = np.int64(0)
        for row in range(offsets[b], offsets[b + 1]):
            for m in range(n_joined):
                keys[row] += factors[m] * (values[row, m] - lows[b, m])
            most = max(most, keys[row])
        key_range += np.float64(most)
    return keys, factors[:n_joined].copy(), least, max(key_range, 1.0), last_key


@compiled
def shares_of_slack(offsets, values, metrics, origin, budgets):  # type: ignore[no-untyped-def]
    """What rows cost above the least of their block, in shares of what that leaves of each budget; and what it does."""
    costs = np.empty((metrics.size, values.shape[0]))
    slacks = np.empty(metrics.size)
    for j in range(metrics.size):
        m = metrics[j]
        slack = budgets[m] - origin[m]
        for b in range(offsets.size - 1):
            least = values[offsets[b], m]
            for row in range(offsets[b], offsets[b + 1]):
                least = min(least, values[row, m])
            slack -= least
            for row in range(offsets[b], offsets[b + 1]):
                costs[j, row] = values[row, m] - least
        slacks[j] = max(slack, 1)
        for row in range(values.shape[0]):
            costs[j, row] /= slacks[j]
    return costs, slacks

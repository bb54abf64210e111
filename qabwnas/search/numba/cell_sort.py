"""Sorting by cells of the keys, then inside each: ``csrc/pareto/sweep_sort.hpp``."""

from __future__ import annotations

import numpy as np

from qabwnas.search.numba.compiled import compiled, inner

_FEW_IN_A_CELL = 32
_KEYS_A_CELL = 2


@compiled
def ascending(keys):  # type: ignore[no-untyped-def]
    """The positions of int64 keys ``(n,)`` in ascending order, of equal ones in any; O(n) where keys spread.

    At worst O(n log n).
    """
    n = keys.size
    order = np.empty(n, dtype=np.int64)
    if n == 0:
        return order
    low = high = keys[0]
    for i in range(n):
        low, high = min(low, keys[i]), max(high, keys[i])
    # Doubles choose cells and decide nothing else: rounding is monotone.
    start, scale = np.float64(low), (n // _KEYS_A_CELL) / max(np.float64(high) - np.float64(low), 1.0)
    ends = np.zeros(n // _KEYS_A_CELL + 3, dtype=np.int64)  # [c + 2]: the size of cell c; then [c + 1]: its end
    for i in range(n):
        ends[np.int64((np.float64(keys[i]) - start) * scale) + 2] += 1
    for cell in range(2, ends.size):
        ends[cell] += ends[cell - 1]
    for i in range(n):
        own = np.int64((np.float64(keys[i]) - start) * scale) + 1
        order[ends[own]] = i
        ends[own] += 1
    for cell in range(1, ends.size - 1):
        _sort_cell(order, keys, ends[cell - 1], ends[cell])
    return order


@inner
def _sort_cell(order, keys, first, last):  # type: ignore[no-untyped-def]
    if last - first > _FEW_IN_A_CELL:
        here = order[first:last].copy()
        own = np.empty(here.size, dtype=np.int64)
        for i in range(here.size):
            own[i] = keys[here[i]]
        order[first:last] = here[np.argsort(own)]
        return
    for i in range(first + 1, last):
        moved, at = order[i], i
        while at > first and keys[order[at - 1]] > keys[moved]:
            order[at] = order[at - 1]
            at -= 1
        order[at] = moved

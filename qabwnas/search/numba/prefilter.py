"""A quick first cut before any sort: points that others, strictly lower in a sum, are at most, go in one pass.

What is left contains all points that the sweep keeps, and mostly little else. Complexity: O(n × d) a round over ever
fewer points, and O(k × cells × d) for the tables, whose cells are about as many as the sampled points, whatever the
number of metrics.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qabwnas.search.numba.cells import (
    ENTRIES_AT_ONCE,
    NONE,
    SAMPLED_FROM,
    axes_of,
    box_of,
    enter_entries,
    lower_entries,
    side_for,
    spread_minima,
)
from qabwnas.search.numba.compiled import compiled
from qabwnas.search.numba.interrupts import give_turn

_FEW_POINTS = 32
_POINTS_AT_ONCE = 1 << 20  # a call on so many takes less than a tenth of a second
_MOST_CELLS = 1 << 18
_SAMPLE = 1 << 16

Ints = NDArray[np.int64]


def prefilter(columns: Ints, k: int) -> Ints:
    """Return, ascending, positions among ``columns`` ``(d, n)``, a sum first, of all that fewer than ``k`` remove."""
    d, n = columns.shape
    if n <= _FEW_POINTS * k:
        return np.arange(n)
    if d == 1:
        return np.flatnonzero(columns[0] <= np.partition(columns[0], k - 1)[k - 1])
    parts = []
    for first in range(0, n, _POINTS_AT_ONCE):  # Python, and so Ctrl-C, has its turn between parts
        give_turn()
        part = np.ascontiguousarray(columns[:, first : first + _POINTS_AT_ONCE])
        parts.append(first + not_above(part, k))
    rest: Ints = np.concatenate(parts)
    if len(parts) > 1 and rest.size <= n // 2:
        rest = rest[prefilter(np.ascontiguousarray(columns[:, rest]), k)]
    return rest


@compiled
def not_above(columns, k):  # type: ignore[no-untyped-def]
    """Round by round, until a round removes little; the first holds all points to a sample of them."""
    step = max(SAMPLED_FROM, columns.shape[1] // _SAMPLE)
    kept = _below_lowest(columns, k, step)
    step = min(step, 1)  # a variable, so that one function is compiled and not two
    while kept.size > _FEW_POINTS * k:
        again = _below_lowest(columns_at(columns, kept), k, step)
        settled = again.size > kept.size - kept.size // 4
        kept = kept[again]
        if settled:
            break
    return kept


@compiled
def _below_lowest(columns, k, step):  # type: ignore[no-untyped-def]
    """Points that some group of a sample has nothing against, of k groups: fewer than k of the sample remove them.

    Every group has a table of the smallest last coordinate, and its largest entry over the groups speaks for all.
    """
    d, n = columns.shape
    low, high = box_of(columns)
    side = side_for(n // (k * step), d - 1, _MOST_CELLS)
    if side < 2:
        return np.arange(n)
    axes = axes_of(low, high, side)
    lowest = np.full((side + 1) ** (d - 1), -NONE)
    for group in range(k):
        table = np.full(lowest.size, NONE)
        sample = columns[:, group * step :: k * step].copy()
        lower_entries(sample, sample.shape[1], axes, side, table)
        spread_minima(table, side, d - 1)
        for entry in range(table.size):
            lowest[entry] = max(lowest[entry], table[entry])
    kept = np.empty(n, dtype=np.int64)
    entries = np.empty(ENTRIES_AT_ONCE, dtype=np.uint32)
    n_kept = 0
    for first in range(0, n, entries.size):
        last = min(first + entries.size, n)
        enter_entries(columns, first, last, axes, side, entries)
        values = columns[d - 1, first:last]
        for i in range(last - first):
            if values[i] < lowest[entries[i]]:
                kept[n_kept] = first + i
                n_kept += 1
    return kept[:n_kept].copy()


@compiled
def columns_at(columns, positions):  # type: ignore[no-untyped-def]
    taken = np.empty((columns.shape[0], positions.size), dtype=np.int64)
    for m in range(columns.shape[0]):
        for i in range(positions.size):
            taken[m, i] = columns[m, positions[i]]
    return taken

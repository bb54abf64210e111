"""Dropping most rows that others remove, before any sort: ``csrc/pareto/prefilter.hpp``.

A sample of the points is cut into k groups. For each, a table over cells of all coordinates but the last holds the
smallest last coordinate among the sampled points in strictly lower cells. A point that is nowhere below what all k
tables hold for its cell is removed by k others. This is repeated with what is left while that pays.

All tables together have about as many cells as there are sampled points, whatever the number of metrics.
Complexity: O(n × d) per round over ever fewer points.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qabwnas.search.numba.compiled import compiled
from qabwnas.search.numba.core.cancel import give_turn
from qabwnas.search.numba.pareto.cell_table import (
    NONE,
    accumulate,
    box_of,
    cells_of,
    entry_of,
    put,
    raise_to,
    side_within,
)

_FEW_POINTS = 32
_POINTS_AT_ONCE = 1 << 20  # a call on so many takes less than a tenth of a second
_MOST_CELLS = 1 << 18
_SAMPLE = 1 << 16
_SAMPLED_FROM = 4
"""One point in as many at most makes a first table: it removes nearly what all of them would."""

Ints = NDArray[np.int64]


def prefilter(columns: Ints, k: int) -> Ints:
    """Return, ascending, positions among points ``(d, n)``, a sum first, of all that fewer than ``k`` remove.

    And of some others: what is kept wrongly costs time only.
    """
    d, n = columns.shape
    if n <= _FEW_POINTS * k:
        return np.arange(n)
    if d == 1:
        return np.flatnonzero(columns[0] <= np.partition(columns[0], k - 1)[k - 1])
    chunks = []
    for first in range(0, n, _POINTS_AT_ONCE):
        give_turn()
        chunk = np.ascontiguousarray(columns[:, first : first + _POINTS_AT_ONCE])
        chunks.append(first + _rounds(chunk, k))
    rest: Ints = np.concatenate(chunks)
    if len(chunks) > 1 and rest.size <= n // 2:
        rest = rest[prefilter(columns.take(rest, axis=1), k)]
    return rest


@compiled
def _rounds(columns, k):  # type: ignore[no-untyped-def]
    """Filter until a round removes little. The first round compares all points with a sample of them."""
    step = max(_SAMPLED_FROM, columns.shape[1] // _SAMPLE)
    kept = _below_lowest(columns, k, step)
    step = min(step, 1)  # a variable, so that one function is compiled and not two
    while kept.size > _FEW_POINTS * k:
        again = _below_lowest(columns[:, kept], k, step)
        settled = again.size > kept.size - kept.size // 4
        kept = kept[again]
        if settled:
            break
    return kept


@compiled
def _below_lowest(columns, k, step):  # type: ignore[no-untyped-def]
    """Return the points that fewer than k groups of a sample remove; one point in step is sampled per group."""
    d, n = columns.shape
    side = side_within(min(n // (k * step), _MOST_CELLS), d - 1)
    if side < 2:
        return np.arange(n)
    low, high = box_of(columns)
    cells = cells_of(low, high, side)
    lowest = np.full((side + 1) ** (d - 1), -NONE)
    point = np.empty(d, dtype=np.int64)
    for group in range(k):
        table = np.full(lowest.size, NONE)
        for i in range(group * step, n, k * step):
            for m in range(d):
                point[m] = columns[m, i]
            put(table, cells, side, point)
        accumulate(table, side, d - 1)
        raise_to(lowest, table)
    kept = np.empty(n, dtype=np.int64)
    n_kept = 0
    for i in range(n):
        for m in range(d):
            point[m] = columns[m, i]
        kept[n_kept] = i
        n_kept += point[d - 1] < lowest[entry_of(cells, side, point)]
    return kept[:n_kept].copy()

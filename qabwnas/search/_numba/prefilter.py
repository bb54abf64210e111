"""A quick first cut before any sort: points that others, strictly lower in a sum, are at most, go in one pass.

What is left contains all points that the sweep keeps, and mostly little else. Complexity: O(n × d) a round over ever
fewer points, and O(cells × d) for the tables.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from qabwnas.search._numba.cells import (
    NONE,
    axes_of,
    box_of,
    entry_of,
    side_for,
    spread_counts,
    spread_minima,
    step_to_above,
)

_FEW_POINTS = 32
_POINTS_AT_ONCE = 1 << 22  # a call on so many takes less than a tenth of a second
_MOST_CELLS = 1 << 16
_SAMPLE = 1 << 16

Ints = NDArray[np.int64]


def prefilter(columns: Ints, n_sums: int, k: int) -> Ints:
    """Return, ascending, positions among ``columns`` ``(d, n)``, sums first, of all that fewer than ``k`` remove."""
    d, n = columns.shape
    if n_sums == 0 or n <= _FEW_POINTS:
        return np.arange(n)  # without sums only positions say which of two points removes the other
    kernel = _not_above_points if k == 1 and d > 1 else _not_above_many
    if n <= _POINTS_AT_ONCE:
        kept: Ints = kernel(columns, k)
        return kept
    parts = []
    for first in range(0, n, _POINTS_AT_ONCE):  # Python, and so Ctrl-C, has its turn between parts
        part = np.ascontiguousarray(columns[:, first : first + _POINTS_AT_ONCE])
        parts.append(first + kernel(part, k))
    rest = np.concatenate(parts)
    if rest.size <= n // 2:
        rest = rest[prefilter(np.ascontiguousarray(columns[:, rest]), n_sums, k)]
    return rest


@njit(cache=True, nogil=True)
def _not_above_points(columns, k):  # type: ignore[no-untyped-def]
    """Points of which no other is lower in all coordinates but the last, and at most as large in that."""
    assert k == 1
    kept = _below_lowest(columns, max(1, columns.shape[1] // _SAMPLE))
    while kept.size > _FEW_POINTS:
        again = _below_lowest(_taken(columns, kept), 1)
        settled = again.size > kept.size - kept.size // 4
        kept = kept[again]
        if settled:
            break
    return kept


@njit(cache=True, nogil=True)
def _below_lowest(columns, step):  # type: ignore[no-untyped-def]
    """One round: a table of the smallest last coordinate of every step-th point, which all points are held to."""
    d, n = columns.shape
    low, high = box_of(columns)
    side = side_for(n, d - 1, _MOST_CELLS)
    axes = axes_of(low, high, side)
    table = np.full((side + 1) ** (d - 1), NONE)
    above = step_to_above(side, d - 1)
    for i in range(0, n, step):
        entry = entry_of(columns, i, d - 1, axes, side) + above
        table[entry] = min(table[entry], columns[d - 1, i])
    spread_minima(table, side, d - 1)
    kept = np.empty(n, dtype=np.int64)
    n_kept = 0
    for i in range(n):
        kept[n_kept] = i
        if columns[d - 1, i] < table[entry_of(columns, i, d - 1, axes, side)]:
            n_kept += 1
    return kept[:n_kept].copy()


@njit(cache=True, nogil=True)
def _not_above_many(columns, k):  # type: ignore[no-untyped-def]
    """Points that fewer than k others are lower than in every coordinate, as far as cells tell."""
    kept = _below_few(columns, k)
    while kept.size > _FEW_POINTS:
        again = _below_few(_taken(columns, kept), k)
        settled = again.size > kept.size - kept.size // 4
        kept = kept[again]
        if settled:
            break
    return kept


@njit(cache=True, nogil=True)
def _below_few(columns, k):  # type: ignore[no-untyped-def]
    """One round: a table of the number of points, which all points are held to."""
    d, n = columns.shape
    low, high = box_of(columns)
    side = side_for(n, d, _MOST_CELLS)
    axes = axes_of(low, high, side)
    table = np.zeros((side + 1) ** d, dtype=np.int64)
    above = step_to_above(side, d)
    for i in range(n):
        table[entry_of(columns, i, d, axes, side) + above] += 1
    spread_counts(table, side, d)
    kept = np.empty(n, dtype=np.int64)
    n_kept = 0
    for i in range(n):
        kept[n_kept] = i
        if table[entry_of(columns, i, d, axes, side)] < k:
            n_kept += 1
    return kept[:n_kept].copy()


@njit(cache=True, nogil=True)
def _taken(columns, positions):  # type: ignore[no-untyped-def]
    taken = np.empty((columns.shape[0], positions.size), dtype=np.int64)
    for m in range(columns.shape[0]):
        for i in range(positions.size):
            taken[m, i] = columns[m, positions[i]]
    return taken

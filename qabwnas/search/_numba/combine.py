"""Adding a block to a front: ``csrc/qabwnas/combine.hpp``, by filtering all pairs instead of merging lists.

A table over cells, made from a sample of the pairs, drops nearly all others in one pass; what is left is filtered
again, sorted and swept. Pairs are never held all together: those the table leaves are swept whenever they are many.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from qabwnas.search._numba.cells import NONE, SAMPLED_FROM, axes_of, box_of, enter_entries, side_for, spread_minima
from qabwnas.search._numba.prefilter import prefilter
from qabwnas.search._numba.sweep import swept
from qabwnas.search._numba.ties import Candidates

_PAIRS_AT_ONCE = 1 << 20
_SAMPLE = 1 << 16
_MOST_CELLS = 1 << 18

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


def combine(
    totals: Ints,
    choice: NDArray[np.int32],
    rows: Ints,
    block: int,
    aggregate_max: Bools,
    max_points: int,
) -> tuple[Ints, Ints] | None:
    """Return sums ``(d, n)`` and pairs (point × n_rows + row) of what stays, in sweep order; ``None`` past the limit.

    ``totals`` ``(d, n_points)`` and ``rows`` ``(d, n_rows)`` are columns in sweep order, ``choice`` the points' own.
    """
    n_sums = int((~aggregate_max).sum())
    n_points, n_rows = totals.shape[1], rows.shape[1]
    axes, side, table = _table_of_sample(totals, rows, aggregate_max)
    points_at_once = max(1, _PAIRS_AT_ONCE // n_rows)
    sums, pairs = [np.empty((totals.shape[0], 0), np.int64)], [np.empty(0, np.int64)]
    n_kept = n_waiting = 0
    for first in range(0, n_points, points_at_once):  # Python, and so Ctrl-C, has its turn between slices
        last = min(first + points_at_once, n_points)
        new_sums, new_pairs = _pairs_below(totals, rows, aggregate_max, first, last, (axes, side, table))
        sums.append(new_sums)
        pairs.append(new_pairs)
        n_waiting += new_pairs.size
        if last < n_points and n_waiting < max(n_kept, _PAIRS_AT_ONCE):
            continue
        joined, numbers = np.concatenate(sums, axis=1), np.concatenate(pairs)
        rest = prefilter(joined, n_sums, 1)
        joined, numbers = np.ascontiguousarray(joined[:, rest]), numbers[rest]
        kept = swept(joined, n_sums, 1, Candidates(numbers, choice, block, n_rows))
        sums, pairs = [np.ascontiguousarray(joined[:, kept])], [numbers[kept]]
        n_kept, n_waiting = kept.size, 0
        if n_kept > max_points:
            return None
    return sums[0], pairs[0]


@njit(cache=True, nogil=True)
def _add(i, first, step, totals, rows, aggregate_max, sums):  # type: ignore[no-untyped-def]
    """Write the sums of a point with every step-th row; return how many."""
    n = (rows.shape[1] - first + step - 1) // step
    for m in range(totals.shape[0]):
        total = totals[m, i]
        if aggregate_max[m]:
            for j in range(n):
                sums[m, j] = max(total, rows[m, first + j * step])
        else:
            for j in range(n):
                sums[m, j] = total + rows[m, first + j * step]
    return n


@njit(cache=True, nogil=True)
def _table_of_sample(totals, rows, aggregate_max):  # type: ignore[no-untyped-def]
    """Axes, side and table of the smallest last coordinate of pairs; without a sum to be lower in, of no pair."""
    d, n_points = totals.shape
    n_rows = rows.shape[1]
    low, high = box_of(totals)
    rows_low, rows_high = box_of(rows)
    for m in range(d):
        low[m] = max(low[m], rows_low[m]) if aggregate_max[m] else low[m] + rows_low[m]
        high[m] = max(high[m], rows_high[m]) if aggregate_max[m] else high[m] + rows_high[m]
    side = side_for(n_points * n_rows, d - 1, _MOST_CELLS)
    axes = axes_of(low, high, side)
    table = np.full((side + 1) ** (d - 1), NONE)
    if d == 1 or aggregate_max[0]:
        return axes, side, table
    above = (table.size - 1) // side  # one cell further along every coordinate
    step = max(SAMPLED_FROM, n_points * n_rows // _SAMPLE)
    row_step = min(step, n_rows)
    point_step = step // row_step
    sums, entries = np.empty((d, n_rows), dtype=np.int64), np.empty(n_rows, dtype=np.int64)
    for i in range(0, n_points, point_step):
        n = _add(i, (i // point_step) % row_step, row_step, totals, rows, aggregate_max, sums)
        enter_entries(sums, 0, n, axes, side, entries)
        for j in range(n):
            entry = entries[j] + above
            table[entry] = min(table[entry], sums[d - 1, j])
    spread_minima(table, side, d - 1)
    return axes, side, table


@njit(cache=True, nogil=True)
def _pairs_below(totals, rows, aggregate_max, first, last, lowest):  # type: ignore[no-untyped-def]
    """Sums and numbers of the pairs of some points that the table leaves."""
    axes, side, table = lowest
    d, n_rows = rows.shape
    kept = np.empty((d, (last - first) * n_rows), dtype=np.int64)
    pairs = np.empty((last - first) * n_rows, dtype=np.int64)
    n_kept = 0
    sums, entries = np.empty((d, n_rows), dtype=np.int64), np.empty(n_rows, dtype=np.int64)
    for i in range(first, last):
        _add(i, 0, 1, totals, rows, aggregate_max, sums)
        enter_entries(sums, 0, n_rows, axes, side, entries)
        for j in range(n_rows):
            if sums[d - 1, j] >= table[entries[j]]:
                continue
            for m in range(d):
                kept[m, n_kept] = sums[m, j]
            pairs[n_kept] = i * n_rows + j
            n_kept += 1
    return kept[:, :n_kept].copy(), pairs[:n_kept].copy()

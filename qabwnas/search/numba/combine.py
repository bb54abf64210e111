"""Adding a part to a front over four and more metrics: filtering all pairs, where ``csrc/front/merge.hpp`` merges.

Over fewer where the first is a maximum, too; for sums of two and three see ``curves.py`` and ``surfaces.py``.

A table over cells, made from a sample of the pairs, drops nearly all others in one pass; what is left is filtered
again, sorted and swept. Pairs are never held all together: those the table leaves are swept whenever they are many.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from qabwnas.search.numba import cells
from qabwnas.search.numba.compiled import compiled
from qabwnas.search.numba.history import Arrays
from qabwnas.search.numba.interrupts import give_turn
from qabwnas.search.numba.prefilter import columns_at, prefilter
from qabwnas.search.numba.sweep import swept
from qabwnas.search.numba.ties import Candidates

_SAMPLE = 1 << 16
_MOST_CELLS = 1 << 18

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Choices = NDArray[np.int32]


def combine(
    totals: Ints,
    rows: Ints,
    history: Arrays,
    aggregate_max: Bools,
    high: Ints,
    max_points: int,
    pairs_at_once: int,
) -> tuple[Ints, Choices, Choices] | None:
    """Return sums ``(d, n)``, points and rows of what stays, in sweep order; ``None`` past the limit.

    ``totals`` ``(d, n_points)`` and ``rows`` ``(d, n_rows)`` are columns, metrics in sweep order; ``high`` ``(d,)`` the
    largest sums that may stay; about ``pairs_at_once`` are held together, or as many as stay. Without a sum, rows are
    in the order of candidates, and their block comes behind those of the points.
    """
    n_points, n_rows = totals.shape[1], rows.shape[1]
    # Inner loops run along the longer side; pair numbers grow by the strides along the two.
    long, short, strides = (totals, rows, (n_rows, 1)) if n_points >= n_rows else (rows, totals, (1, n_rows))
    lowest = _table_of_sample(long, short, aggregate_max)
    n_long, at_once = long.shape[1], max(1, pairs_at_once // short.shape[1])
    sums, pairs = [np.empty((len(totals), 0), np.int64)], [np.empty(0, np.int64)]
    n_kept = n_waiting = 0
    for first in range(0, n_long, at_once):  # Python, and so Ctrl-C, has its turn between slices
        give_turn()
        last = min(first + at_once, n_long)
        new_sums, new_pairs = _pairs_below(long, short, aggregate_max, high, first, last, lowest, strides)
        sums.append(new_sums)
        pairs.append(new_pairs)
        n_waiting += new_pairs.size
        if last < n_long and n_waiting < max(n_kept, pairs_at_once):
            continue
        joined, numbers = _minimal(
            np.concatenate(sums, axis=1),
            Candidates(np.concatenate(pairs), n_rows, history),
            int((~aggregate_max).sum()),
        )
        sums, pairs = [joined], [numbers]
        n_kept, n_waiting = numbers.size, 0
        if n_kept > max_points:
            return None
    return sums[0], (pairs[0] // n_rows).astype(np.int32), (pairs[0] % n_rows).astype(np.int32)


def _minimal(sums: Ints, candidates: Candidates, n_sums: int) -> tuple[Ints, Ints]:
    """Return those of some pairs that no other removes, in sweep order."""
    # Without a sum only candidates put a pair before another: blocks join in order then, and pair numbers tell.
    pairs = candidates.pairs
    columns = sums if n_sums > 0 else np.concatenate([pairs[np.newaxis], sums])
    if len(columns) > 2:  # for two coordinates, sorting costs no more than another cut
        rest = prefilter(columns, 1)
        sums, pairs = columns_at(sums, rest), pairs[rest]
        columns = sums if n_sums > 0 else np.concatenate([pairs[np.newaxis], sums])
    kept = swept(columns, max(n_sums, 1), 1, replace(candidates, pairs=pairs))
    return columns_at(sums, kept), pairs[kept]


@compiled
def _add(long, first, last, step, short, j, aggregate_max, sums):  # type: ignore[no-untyped-def]
    """Write the sums of one point of the short side with every step-th of the long side; return how many."""
    n = (last - first + step - 1) // step
    for m in range(short.shape[0]):
        value = short[m, j]
        if aggregate_max[m]:
            for i in range(n):
                sums[m, i] = max(long[m, first + i * step], value)
        else:
            for i in range(n):
                sums[m, i] = long[m, first + i * step] + value
    return n


@compiled
def _table_of_sample(long, short, aggregate_max):  # type: ignore[no-untyped-def]
    """Axes, side and table of the smallest last coordinate of pairs; without a sum to be lower in, of no pair."""
    d, n_long = long.shape
    n_short = short.shape[1]
    low, high = cells.box_of(long)
    short_low, short_high = cells.box_of(short)
    for m in range(d):
        low[m] = max(low[m], short_low[m]) if aggregate_max[m] else low[m] + short_low[m]
        high[m] = max(high[m], short_high[m]) if aggregate_max[m] else high[m] + short_high[m]
    side = cells.side_for(min(n_long * n_short, _MOST_CELLS), d - 1, _MOST_CELLS)
    axes = cells.axes_of(low, high, side)
    table = np.full((side + 1) ** (d - 1), cells.NONE)
    if d == 1 or aggregate_max[0] or side < 2:
        return axes, side, table
    step = min(n_long, max(cells.SAMPLED_FROM, n_long * n_short // _SAMPLE))
    sums = np.empty((d, cells.ENTRIES_AT_ONCE), dtype=np.int64)
    for j in range(n_short):
        for first in range(j % step, n_long, cells.ENTRIES_AT_ONCE * step):
            last = min(first + cells.ENTRIES_AT_ONCE * step, n_long)
            n = _add(long, first, last, step, short, j, aggregate_max, sums)
            cells.lower_entries(sums, n, axes, side, table)
    cells.spread_minima(table, side, d - 1)
    return axes, side, table


@compiled
def _pairs_below(long, short, aggregate_max, high, first, last, lowest, strides):  # type: ignore[no-untyped-def]
    """Sums and numbers of the pairs with some points of the long side that the table and the bounds leave."""
    axes, side, table = lowest
    d, n_short = short.shape
    kept = np.empty((d, (last - first) * n_short), dtype=np.int64)
    pairs = np.empty((last - first) * n_short, dtype=np.int64)
    n_kept = 0
    sums = np.empty((d, cells.ENTRIES_AT_ONCE), dtype=np.int64)
    entries = np.empty(cells.ENTRIES_AT_ONCE, dtype=np.uint32)
    for j in range(n_short):
        for start in range(first, last, cells.ENTRIES_AT_ONCE):
            n = _add(long, start, min(start + cells.ENTRIES_AT_ONCE, last), 1, short, j, aggregate_max, sums)
            cells.enter_entries(sums, 0, n, axes, side, entries)
            for i in range(n):
                if sums[d - 1, i] >= table[entries[i]]:
                    continue
                is_within = True
                for m in range(d):
                    kept[m, n_kept] = sums[m, i]
                    is_within &= sums[m, i] <= high[m]
                if not is_within:
                    continue
                pairs[n_kept] = (start + i) * strides[0] + j * strides[1]
                n_kept += 1
    return kept[:, :n_kept].copy(), pairs[:n_kept].copy()

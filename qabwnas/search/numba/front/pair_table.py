"""A table that drops most pairs of a front's point and a row before they are sorted: ``csrc/front/pair_table.hpp``.

It holds, for cells of all coordinates but the last, the smallest last coordinate of a sample of the pairs. The core's
table is empty at first and learns from the pairs that are kept, slab by slab.

Both sides are columns, int64 ``(d, n)``, metrics in sweep order.
"""

from __future__ import annotations

import numpy as np

from qabwnas.search.numba.compiled import compiled
from qabwnas.search.numba.core.problem import combine
from qabwnas.search.numba.pareto.cell_table import NONE, accumulate, box_of, cells_of, entry_of, put, side_within

_SAMPLE = 1 << 16
_SAMPLED_FROM = 4
_MOST_CELLS = 1 << 18


@compiled
def table_of_sample(longer, shorter, is_max):  # type: ignore[no-untyped-def]
    """Return cells, their number per axis, and the table; where it can tell nothing, it is of no pair."""
    d, n_long = longer.shape
    n_short = shorter.shape[1]
    low, high = box_of(longer)
    short_low, short_high = box_of(shorter)
    for m in range(d):
        low[m], high[m] = combine(is_max[m], low[m], short_low[m]), combine(is_max[m], high[m], short_high[m])
    side = side_within(min(n_long * n_short, _MOST_CELLS), d - 1)
    cells = cells_of(low, high, side)
    table = np.full((side + 1) ** (d - 1), NONE)
    if d == 1 or is_max[0] or side < 2:  # without a sum to be lower in, a pair that ties may come first
        return cells, side, table
    step = min(n_long, max(_SAMPLED_FROM, n_long * n_short // _SAMPLE))
    total = np.empty(d, dtype=np.int64)
    for j in range(n_short):
        for i in range(j % step, n_long, step):
            for m in range(d):
                total[m] = combine(is_max[m], longer[m, i], shorter[m, j])
            put(table, cells, side, total)
    accumulate(table, side, d - 1)
    return cells, side, table


@compiled
def open_pairs(lists, longer, is_max, high, lowest, strides, starts, ends, at, most):  # type: ignore[no-untyped-def]
    """Return totals and numbers of a slab's pairs that the table and the upper bounds leave open, at most ``most``.

    List j has pairs with the places ``starts[j]`` to ``ends[j]`` of the longer side. ``at`` is the list and the place
    where to begin, and is moved to where to go on: past the lists at the end. Numbers grow by ``strides`` along the
    lists and along the longer side.
    """
    cells, side, table = lowest
    d = longer.shape[0]
    n_left = starts[at[0]] - at[1]
    for j in range(at[0], starts.size):
        n_left += ends[j] - starts[j]
    totals = np.empty((d, min(n_left, most)), dtype=np.int64)
    pairs = np.empty(totals.shape[1], dtype=np.int64)
    total = np.empty(d, dtype=np.int64)
    n_open = 0
    while at[0] < starts.size and (n_open < pairs.size or at[1] == ends[at[0]]):
        j = at[0]
        end = min(ends[j], at[1] + pairs.size - n_open)
        for i in range(at[1], end):
            is_within = True
            for m in range(d):
                total[m] = combine(is_max[m], longer[m, i], lists[m, j])
                is_within &= total[m] <= high[m]
            if is_within and total[d - 1] < table[entry_of(cells, side, total)]:
                for m in range(d):
                    totals[m, n_open] = total[m]
                pairs[n_open] = j * strides[0] + i * strides[1]
                n_open += 1
        at[1] = end
        if end == ends[j]:
            at[0] += 1
            at[1] = starts[at[0]] if at[0] < starts.size else 0
    return totals[:, :n_open].copy(), pairs[:n_open].copy()

"""Adding blocks to a front over two sums: ``csrc/front/merge_two_metrics.hpp``.

On both sides the first sum ascends strictly where the second descends. In each slab of the first sum, a table of a
sample of the pairs drops nearly all others; what is left is sorted and swept.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qabwnas.search.numba.compiled import bare, compiled
from qabwnas.search.numba.core.cancel import give_turn
from qabwnas.search.numba.front.merge import CandidatesOf, MergeLimits, Pairs
from qabwnas.search.numba.front.slabs import advance
from qabwnas.search.numba.pareto.cell_table import NONE
from qabwnas.search.numba.pareto.sweep_sort import sweep_sort

_STRIDE = 8  # of the sample, and the neighbours that are looked at together
_PAIRS_PER_SLAB, _PAIRS_PER_CELL = 1 << 15, 4

Ints = NDArray[np.int64]


def run(front: Ints, rows: Ints, limits: MergeLimits, candidates_of: CandidatesOf) -> tuple[Ints, Pairs] | None:
    """Return totals ``(2, n)`` and pairs ``(n, 2)`` of what stays, in sweep order; ``None`` past the number of points.

    ``front`` ``(2, n_points)`` and ``rows`` ``(2, n_rows)`` are in sweep order. Complexity: O(1) per pair at worst, for
    most pairs an eighth of that; O(log s) for each of the s that are sorted.
    """
    lists_are_rows = rows.shape[1] <= front.shape[1]
    lists, longer = (rows, front) if lists_are_rows else (front, rows)
    starts, ends, width = np.zeros(lists.shape[1], np.int64), np.zeros(lists.shape[1], np.int64), np.zeros(1)
    lowest, n_kept = int(NONE), 0  # the second sum of the last pair that was kept
    slabs = [(lists[:, :0], np.empty((0, 2), np.int32))]
    while True:
        give_turn()
        least, opened = _collect_slab(lists, longer, starts, ends, width, lowest)
        if least > limits.high[0]:
            break
        pairs = _pairs_of(opened[2], lists_are_rows)
        kept = _keep(opened[:2], pairs, lowest, limits.high, candidates_of)
        if kept.size == 0:
            continue
        lowest, n_kept = int(opened[1, kept[-1]]), n_kept + kept.size
        slabs.append((opened[:2, kept], pairs[kept]))
        if n_kept > limits.max_points:
            return None
    totals, chosen = zip(*slabs, strict=True)
    return np.concatenate(totals, axis=1), np.concatenate(chosen)


def _keep(totals: Ints, pairs: Pairs, lowest: int, high: Ints, candidates_of: CandidatesOf) -> Ints:
    """Return the positions of the pairs of a slab that are below all before them, in sweep order."""
    order = sweep_sort(totals, lambda at: candidates_of(pairs[at]))
    x, y = totals[:, order]
    before = np.minimum.accumulate(np.append(lowest, y))[:-1]
    kept: Ints = order[(y < before) & (x <= high[0]) & (y <= high[1])]
    return kept


def _pairs_of(opened: Ints, lists_are_rows: bool) -> Pairs:
    of_list, at = opened >> 32, opened & 0xFFFFFFFF
    return np.column_stack([at, of_list] if lists_are_rows else [of_list, at]).astype(np.int32)


@compiled
def _collect_slab(lists, longer, starts, ends, width, lowest):  # type: ignore[no-untyped-def]
    """Go to the next slab; return its least sum, and the pairs left open: both sums, and list × 2^32 + place."""
    least = advance(lists[0], longer[0], starts, ends, width, _PAIRS_PER_SLAB)
    n, most = (0, least) if least == NONE else _trim(lists, longer, starts, ends, lowest)
    opened = np.empty((3, n), dtype=np.int64)
    if n > 0:
        table = np.full(n // _PAIRS_PER_CELL + 3, NONE)
        scale = (table.size - 2) / max(np.float64(most) - np.float64(least), 1.0)
        _make_table(lists, longer, starts, ends, least, scale, table)
        n = _collect(lists, longer, starts, ends, least, scale, table, opened)
        n = _refine(opened, n, least, scale, table)
    return least, opened[:, :n].copy()


@bare
def _trim(lists, longer, starts, ends, lowest):  # type: ignore[no-untyped-def]
    """Leave out each run's beginning that is not below all that was kept.

    Returns how many pairs are left, and the largest of their first sums.
    """
    n, most = 0, -NONE
    for i in range(starts.size):
        low, high = starts[i], ends[i]
        while low < high:
            middle = (low + high) // 2
            if lists[1, i] + longer[1, middle] >= lowest:
                low = middle + 1
            else:
                high = middle
        starts[i] = low
        if low < ends[i]:
            n += ends[i] - low
            most = max(most, lists[0, i] + longer[0, ends[i] - 1])
    return n, most


@bare
def _cell(x, least, scale):  # type: ignore[no-untyped-def]
    return np.int64((np.float64(x) - np.float64(least)) * scale)


@bare
def _make_table(lists, longer, starts, ends, least, scale, table):  # type: ignore[no-untyped-def]
    """Enter every eighth pair along the longer side."""
    for i in range(starts.size):
        for at in range(min(starts[i] | (_STRIDE - 1), ends[i] - 1), ends[i], _STRIDE):
            if at >= starts[i]:  # else the run is empty
                cell = _cell(lists[0, i] + longer[0, at], least, scale) + 1
                table[cell] = min(table[cell], lists[1, i] + longer[1, at])
    _accumulate(table)


@bare
def _accumulate(table):  # type: ignore[no-untyped-def]
    """Make every entry the smallest second sum in all cells before it."""
    for cell in range(1, table.size):
        table[cell] = min(table[cell], table[cell - 1])


@bare
def _collect(lists, longer, starts, ends, least, scale, table, opened):  # type: ignore[no-untyped-def]
    """Write the pairs below the table; return how many. Neighbours go together if their lower corner does."""
    n = 0
    for i in range(starts.size):
        x, y, at = lists[0, i], lists[1, i], starts[i]
        while at < ends[i]:
            end = min((at | (_STRIDE - 1)) + 1, ends[i])
            if y + longer[1, end - 1] < table[_cell(x + longer[0, at], least, scale)]:
                for j in range(at, end):
                    opened[0, n], opened[1, n], opened[2, n] = x + longer[0, j], y + longer[1, j], i << 32 | j
                    n += opened[1, n] < table[_cell(opened[0, n], least, scale)]
            at = end
    return n


@bare
def _refine(opened, n, least, scale, table):  # type: ignore[no-untyped-def]
    """Let the table learn from the open pairs, and drop those no longer below it; return how many are left."""
    for i in range(n):
        cell = _cell(opened[0, i], least, scale) + 1
        table[cell] = min(table[cell], opened[1, i])
    _accumulate(table)
    n_left = 0
    for i in range(n):
        if opened[1, i] < table[_cell(opened[0, i], least, scale)]:
            for m in range(3):
                opened[m, n_left] = opened[m, i]
            n_left += 1
    return n_left

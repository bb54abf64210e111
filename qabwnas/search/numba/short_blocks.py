"""Pareto pruning of all short blocks in one call: what :mod:`qabwnas.search.numba.prune` does, without its arrays.

Calls from Python would cost more than the work on blocks of a few thousand rows.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qabwnas.search.numba.cell_sort import ascending
from qabwnas.search.numba.compiled import compiled, inner
from qabwnas.search.numba.interrupts import give_turn
from qabwnas.search.numba.prefilter import columns_at, not_above
from qabwnas.search.numba.prune import prune
from qabwnas.search.numba.sweep import staircase_slice, sweep_minima, sweep_order
from qabwnas.search.numba.ties import sort_ties

_SHORT = 4096
_FEW_POINTS = 32
_STEPS_A_SLICE = 1 << 24

Ints = NDArray[np.int64]
Bytes = NDArray[np.uint8]


def prune_blocks(values: Ints, offsets: Ints, is_max: Bytes, mask: Bytes, k: int) -> Bytes:
    """Return which rows ``(n_rows,)`` of those in ``mask`` fewer than ``k`` others of their block remove."""
    order, n_sums = sweep_order(is_max)
    kept = np.zeros(mask.size, dtype=np.uint8)
    b = 0
    while b < offsets.size - 1:  # Python, and so Ctrl-C, has its turn between slices
        give_turn()
        b, is_long = _prune_slice(values, offsets, order, n_sums, k, mask, kept, b)
        if is_long:
            rows = offsets[b] + np.flatnonzero(mask[offsets[b] : offsets[b + 1]])
            kept[rows[prune(np.ascontiguousarray(values[:, rows]), is_max, k)]] = 1
            b += 1
    return kept


@compiled
def _prune_slice(values, offsets, order, n_sums, k, mask, kept, first_block):  # type: ignore[no-untyped-def]
    """Go on from the given block; return where the slice ended, and whether that block is too long."""
    n_steps = 0
    for b in range(first_block, offsets.size - 1):
        n = 0
        for row in range(offsets[b], offsets[b + 1]):
            n += mask[row]
        if n > _SHORT:
            return b, True
        if n_steps > _STEPS_A_SLICE:
            return b, False
        rows, n = np.empty(n, dtype=np.int64), 0
        for row in range(offsets[b], offsets[b + 1]):
            if mask[row] != 0:
                rows[n] = row
                n += 1
        if order.size == 1 and n_sums == 1:
            _keep_smallest(values[0], rows, k, kept)
        else:
            n_steps += _prune_short(values, rows, order, n_sums, k, kept)
    return offsets.size - 1, False


@inner
def _keep_smallest(column, rows, k, kept):  # type: ignore[no-untyped-def]
    """Keep the rows of the k smallest values, of equal ones the first."""
    smallest = np.empty(min(k, rows.size), dtype=np.int64)
    n = 0
    for row in rows:
        if n == smallest.size and column[smallest[n - 1]] <= column[row]:
            continue
        n = min(n + 1, smallest.size)
        at = n - 1
        while at > 0 and column[smallest[at - 1]] > column[row]:
            smallest[at] = smallest[at - 1]
            at -= 1
        smallest[at] = row
    for row in smallest:
        kept[row] = 1


@inner
def _prune_short(values, rows, order, n_sums, k, kept):  # type: ignore[no-untyped-def]
    """Sweep the rows of one block; return how many steps that took."""
    n_added = 1 if n_sums == 0 else 0  # only its number puts a row before another then: it stands in for a sum
    d = order.size + n_added
    columns = np.empty((d, rows.size), dtype=np.int64)
    for m in range(n_added, d):
        for i in range(rows.size):
            columns[m, i] = values[order[m - n_added], rows[i]]
    if n_added:
        for i in range(rows.size):
            columns[0, i] = rows[i]
    if rows.size > _FEW_POINTS * k:
        left = not_above(columns, k)
        columns, rows = columns_at(columns, left), rows[left]
    n = rows.size
    by_sums = ascending(columns[0])
    sort_ties(by_sums, columns, n_sums, (np.arange(n), n, _history_of(rows)))
    points = np.empty((n, d - 1), dtype=np.int64)
    for i in range(n):
        for m in range(1, d):
            points[i, m - 1] = columns[m, by_sums[i]]
    if d == 2:
        is_kept, n_steps = sweep_minima(points, k), n
    elif d == 3 and k == 1:
        is_kept, steps = np.zeros(n, dtype=np.bool_), np.empty((2, n), dtype=np.int64)
        staircase_slice(points, is_kept, steps, 0, 0)
        n_steps = n
    else:
        is_kept, n_steps = _sweep_list(points, k)
    for i in range(n):
        if is_kept[i]:
            kept[rows[by_sums[i]]] = 1
    return n_steps


@inner
def _history_of(rows):  # type: ignore[no-untyped-def]
    """That of a single block's rows, which are in order: their places tell as much."""
    zero, none = np.zeros(1, dtype=np.int64), np.empty(0, dtype=np.int32)
    return none, none, zero, np.arange(rows.size).astype(np.int32), zero, zero, np.array([0, 1])


@inner
def _sweep_list(points, k):  # type: ignore[no-untyped-def]
    """Which points fewer than k kept ones before them are at most; those that cover often move to the front."""
    n, d = points.shape
    is_kept = np.zeros(n, dtype=np.bool_)
    stored = np.empty((n, d), dtype=np.int64)
    n_stored = n_steps = 0
    for i in range(n):
        n_below = at = 0
        while at < n_stored:
            m = d - 1
            while m >= 0 and stored[at, m] <= points[i, m]:
                m -= 1
            if m < 0:
                n_below += 1
                if n_below == k:
                    break
            at += 1
        n_steps += (at + 1) * d
        if n_below == k:
            for m in range(d):
                stored[at, m], stored[at // 2, m] = stored[at // 2, m], stored[at, m]
            continue
        is_kept[i] = True
        for m in range(d):
            stored[n_stored, m] = points[i, m]
        n_stored += 1
    return is_kept, n_steps

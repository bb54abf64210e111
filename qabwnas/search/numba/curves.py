"""Adding a part to a front over two sums: ``csrc/front/merge_two_metrics.hpp``, slab by slab.

Both sides are curves: the first sum ascends strictly where the second descends. The shorter side's points are lists;
each makes pairs with one run of the longer side in a slab, a range of the first sum.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qabwnas.search.numba.cell_sort import ascending
from qabwnas.search.numba.cells import NONE
from qabwnas.search.numba.compiled import bare, compiled, inner
from qabwnas.search.numba.history import Arrays, precedes
from qabwnas.search.numba.interrupts import give_turn
from qabwnas.search.numba.slabs import next_slab

_STRIDE = 8  # of the sample, and the neighbours that are looked at together
_PAIRS_A_SLAB, _PAIRS_A_CELL = 1 << 15, 4
_STEPS_A_SLICE = 1 << 22
_STEPS_A_SORTED_PAIR = 16
_DONE, _SLICE_ENDED, _LIMIT = range(3)

Ints = NDArray[np.int64]
Merged = tuple[Ints, NDArray[np.int32], NDArray[np.int32]]


def merge_curves(front: Ints, rows: Ints, history: Arrays, high: Ints, max_points: int) -> Merged | None:
    """Return sums ``(2, n)``, points of the front and rows of what stays, in sweep order; ``None`` past the limit.

    ``front`` ``(2, n_points)`` and ``rows`` ``(2, n_rows)`` are in sweep order, ``high`` ``(2,)`` the largest sums that
    may stay. Complexity: O(1) a pair at worst, for most an eighth of that; O(log s) for each of the s that are sorted.
    """
    lists_are_rows = rows.shape[1] <= front.shape[1]
    lists, longer = (rows, front) if lists_are_rows else (front, rows)
    limits = np.array([high[0], high[1], max_points, lists_are_rows])
    width = np.zeros(1)  # of a slab; 0: to be chosen
    ends, lowest = np.zeros(lists.shape[1], np.int64), np.array([NONE])
    pieces: list[Merged] = []
    status = _SLICE_ENDED
    while status == _SLICE_ENDED:  # Python, and so Ctrl-C, has its turn between slices
        give_turn()
        status, *piece = _merge_slice(lists, longer, history, limits, ends, lowest, width)
        pieces.append((piece[0], piece[1], piece[2]))
        limits[2] -= piece[1].size
    if status == _LIMIT:
        return None
    if len(pieces) == 1:
        return pieces[0]
    sums, parents, chosen = zip(*pieces, strict=True)
    return np.concatenate(sums, axis=1), np.concatenate(parents), np.concatenate(chosen)


@compiled
def _merge_slice(lists, longer, history, limits, ends, lowest, width):  # type: ignore[no-untyped-def]
    """Go on where the runs ended; return whether there is more, and what was kept."""
    sums = np.empty((lists.shape[1] + longer.shape[1], 2), dtype=np.int64)
    pairs = np.empty((sums.shape[0], 2), dtype=np.int32)
    starts, opened = np.empty_like(ends), np.empty((0, 3), dtype=np.int64)
    n_kept = n_steps = 0
    status = _DONE
    while True:
        least, _ = next_slab(lists[0], longer[0], starts, ends, width, _PAIRS_A_SLAB)
        if least > limits[0]:
            break
        n, most = _trim(lists, longer, starts, ends, lowest[0])
        n_steps += n + starts.size
        if n > 0:
            if opened.shape[0] < n:
                opened = np.empty((n, 3), dtype=np.int64)
            table = np.full(n // _PAIRS_A_CELL + 3, NONE)
            scale = (table.size - 2) / max(np.float64(most) - np.float64(least), 1.0)
            _enter_sample(lists, longer, starts, ends, least, scale, table)
            n = _open_pairs(lists, longer, starts, ends, least, scale, table, opened)
            n = _refine(opened, n, least, scale, table)
            n_steps += n * _STEPS_A_SORTED_PAIR
            order = ascending(opened[:n, 0].copy())
            sums, pairs = _room(sums, n_kept, n), _room(pairs, n_kept, n)
            n_kept = _keep(opened, order, history, limits, lowest, sums, pairs, n_kept)
            if n_kept > limits[2]:
                status = _LIMIT
                break
        if n_steps > _STEPS_A_SLICE:
            status = _SLICE_ENDED
            break
    columns = np.empty((2, n_kept), dtype=np.int64)
    columns[0], columns[1] = sums[:n_kept, 0], sums[:n_kept, 1]
    return status, columns, pairs[:n_kept, 0].copy(), pairs[:n_kept, 1].copy()


@inner
def _room(kept, n_kept, n_more):  # type: ignore[no-untyped-def]
    if n_kept + n_more <= kept.shape[0]:
        return kept
    larger = np.empty((2 * kept.shape[0] + n_more, 2), dtype=kept.dtype)
    larger[:n_kept] = kept[:n_kept]
    return larger


@bare
def _trim(lists, longer, starts, ends, lowest):  # type: ignore[no-untyped-def]
    """Leave out each run's beginning that is not below all that was kept; return how many pairs are left.

    And the largest of their first sums.
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
def _accumulate(table):  # type: ignore[no-untyped-def]
    """Make every entry the smallest second sum in all cells before."""
    for cell in range(1, table.size):
        table[cell] = min(table[cell], table[cell - 1])


@bare
def _enter_sample(lists, longer, starts, ends, least, scale, table):  # type: ignore[no-untyped-def]
    for i in range(starts.size):
        x, y = lists[0, i], lists[1, i]
        for at in range(min(starts[i] | (_STRIDE - 1), ends[i] - 1), ends[i], _STRIDE):
            if at < starts[i]:
                continue  # an empty run
            cell = _cell(x + longer[0, at], least, scale) + 1
            table[cell] = min(table[cell], y + longer[1, at])
    _accumulate(table)


@bare
def _open_pairs(lists, longer, starts, ends, least, scale, table, opened):  # type: ignore[no-untyped-def]
    """Write the pairs below the table: sums, list × 2^32 + place; neighbours go together if their corner does."""
    n = 0
    for i in range(starts.size):
        x, y, at = lists[0, i], lists[1, i], starts[i]
        while at < ends[i]:
            end = min((at | (_STRIDE - 1)) + 1, ends[i])
            if y + longer[1, end - 1] < table[_cell(x + longer[0, at], least, scale)]:
                for j in range(at, end):
                    opened[n, 0], opened[n, 1], opened[n, 2] = x + longer[0, j], y + longer[1, j], i << 32 | j
                    n += opened[n, 1] < table[_cell(opened[n, 0], least, scale)]
            at = end
    return n


@bare
def _refine(opened, n, least, scale, table):  # type: ignore[no-untyped-def]
    """Let the table learn of the open pairs, and drop those no longer below it; return how many are left."""
    for i in range(n):
        cell = _cell(opened[i, 0], least, scale) + 1
        table[cell] = min(table[cell], opened[i, 1])
    _accumulate(table)
    n_left = 0
    for i in range(n):
        if opened[i, 1] < table[_cell(opened[i, 0], least, scale)]:
            opened[n_left, 0], opened[n_left, 1], opened[n_left, 2] = opened[i, 0], opened[i, 1], opened[i, 2]
            n_left += 1
    return n_left


@bare
def _keep(opened, order, history, limits, lowest, sums, pairs, n_kept):  # type: ignore[no-untyped-def]
    """Keep, of each first sum, the first pair in the order of seconds and candidates, if it is below all so far."""
    i = 0
    while i < order.size:
        best = order[i]
        i += 1
        while i < order.size and opened[order[i], 0] == opened[best, 0]:
            if _is_before(opened, order[i], best, limits[3], history):
                best = order[i]
            i += 1
        if opened[best, 1] >= lowest[0] or opened[best, 0] > limits[0] or opened[best, 1] > limits[1]:
            continue
        lowest[0] = opened[best, 1]
        sums[n_kept, 0], sums[n_kept, 1] = opened[best, 0], opened[best, 1]
        pairs[n_kept, 0], pairs[n_kept, 1] = _pair(opened[best, 2], limits[3])
        n_kept += 1
    return n_kept


@bare
def _is_before(opened, a, b, lists_are_rows, history):  # type: ignore[no-untyped-def]
    if opened[a, 1] != opened[b, 1]:
        return opened[a, 1] < opened[b, 1]
    point_a, row_a = _pair(opened[a, 2], lists_are_rows)
    point_b, row_b = _pair(opened[b, 2], lists_are_rows)
    return precedes(point_a, row_a, point_b, row_b, history)


@bare
def _pair(opened, lists_are_rows):  # type: ignore[no-untyped-def]
    """Point of the front and row of an open pair."""
    of_list, at = opened >> 32, opened & 0xFFFFFFFF
    return (at, of_list) if lists_are_rows else (of_list, at)

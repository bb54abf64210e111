"""Adding a part to a front over three metrics: ``csrc/front/merge.hpp``, slab by slab.

The sweep goes by slabs of the first sum. Points that earlier slabs kept are at most every pair of this one in it, and a
table over cells of the second coordinate tells at once that one of them is at most the pair in both others: cells of a
sum are at least the sum of the parts' cells, so that a look-up adds two numbers made beforehand. Only pairs that the
table leaves open are sorted, and tested by a staircase.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qabwnas.search.numba.cell_sort import ascending
from qabwnas.search.numba.cells import NONE
from qabwnas.search.numba.compiled import bare, compiled, inner
from qabwnas.search.numba.history import Arrays
from qabwnas.search.numba.interrupts import give_turn
from qabwnas.search.numba.slabs import next_slab
from qabwnas.search.numba.ties import sort_ties

_N_CELLS = 1024
_SLABS, _FEWEST_PAIRS_A_SLAB, _MOST_PAIRS_A_SLAB = 128, 128, 1 << 16
_STEPS_A_SLICE = 1 << 22
_STEPS_A_SORTED_PAIR = 16
_FEW_STEPS = 256
_DONE, _SLICE_ENDED, _LIMIT = range(3)

Ints = NDArray[np.int64]
Merged = tuple[Ints, NDArray[np.int32], NDArray[np.int32]]


def merge_surfaces(
    front: Ints, rows: Ints, history: Arrays, aggregate_max: NDArray[np.bool_], high: Ints, max_points: int
) -> Merged | None:
    """Return sums ``(3, n)``, points of the front and rows of what stays, in sweep order; ``None`` past the limit.

    ``front`` ``(3, n_points)`` and ``rows`` ``(3, n_rows)`` are in sweep order, a sum first; ``high`` ``(3,)`` the
    largest sums that may stay. Complexity: O(1) a pair, O(log s) for each of the s pairs of a slab that the table
    leaves open, and a move of the steps behind each that stays.
    """
    lists_are_rows = rows.shape[1] <= front.shape[1]
    lists, longer = (rows, front) if lists_are_rows else (front, rows)
    limits = np.array([*high, max_points, lists_are_rows])
    list_cells, long_cells, table = (np.empty(n, np.int64) for n in (lists.shape[1], longer.shape[1], _N_CELLS))
    is_open, *axis = _cut_into_cells(lists, longer, aggregate_max, limits, list_cells, long_cells, table)
    sides, cells = (lists, longer, list_cells, long_cells), (*axis, table)
    width, ends = np.zeros(1), np.zeros(lists.shape[1], np.int64)
    stairs, n_stairs = np.empty((2, _FEW_STEPS), np.int64), 0
    pieces: list[Merged] = [(lists[:, :0], np.empty(0, np.int32), np.empty(0, np.int32))]
    status = _SLICE_ENDED if is_open else _DONE
    while status == _SLICE_ENDED:  # Python, and so Ctrl-C, has its turn between slices
        give_turn()
        status, stairs, n_stairs, *piece = _merge_slice(
            sides, aggregate_max, limits, history, (ends, width), cells, stairs, n_stairs
        )
        pieces.append((piece[0], piece[1], piece[2]))
        limits[3] -= piece[1].size
    if status == _LIMIT:
        return None
    if len(pieces) == 2:
        return pieces[1]
    sums, parents, chosen = zip(*pieces, strict=True)
    return np.concatenate(sums, axis=1), np.concatenate(parents), np.concatenate(chosen)


@bare
def _cell(value, low, scale):  # type: ignore[no-untyped-def]
    """Differences are taken in whole numbers, so that a double errs by far less than a cell."""
    return np.int64(np.float64(np.uint64(value) - np.uint64(low)) * scale)


@bare
def _width(low, high):  # type: ignore[no-untyped-def]
    return np.float64(np.uint64(high) - np.uint64(low))


@compiled
def _cut_into_cells(lists, longer, aggregate_max, limits, list_cells, long_cells, table):  # type: ignore[no-untyped-def]
    """Write the cells of both sides, and the table that limits close; return whether it has an open cell.

    And the axis of the totals: where it begins, cells a unit.
    """
    low_a, low_b, high_a, high_b = lists[1].min(), longer[1].min(), lists[1].max(), longer[1].max()
    if aggregate_max[1]:
        low = low_a = low_b = min(low_a, low_b)
        width = _width(low, max(high_a, high_b))
    else:
        low, width = low_a + low_b, _width(low_a, high_a) + _width(low_b, high_b)
    scale = (table.size - 2) / max(width, 1.0)
    if limits[1] < low:
        return False, low, scale
    for i in range(list_cells.size):
        list_cells[i] = _cell(lists[1, i], low_a, scale)
    for i in range(long_cells.size):
        long_cells[i] = _cell(longer[1, i], low_b, scale)
    last_open = min(_width(low, limits[1]) * scale, table.size) + 1  # doubles may err by one
    for cell in range(table.size):
        table[cell] = limits[2] + 1 if cell <= last_open else -NONE
    return True, low, scale


@compiled
def _merge_slice(sides, aggregate_max, limits, history, runs, cells, stairs, n_stairs):  # type: ignore[no-untyped-def]
    """Go on where the runs ended; return whether there is more, the staircase and its steps, and what was kept.

    Open and kept pairs are three sums, and point of the front × n_rows + row.
    """
    lists, longer = sides[0], sides[1]
    ends, width = runs
    n_sums = 3 - aggregate_max.sum()
    n_rows = lists.shape[1] if limits[4] else longer.shape[1]
    pairs_a_slab = min(max(lists.shape[1] * longer.shape[1] // _SLABS, _FEWEST_PAIRS_A_SLAB), _MOST_PAIRS_A_SLAB)
    starts, positions = np.empty_like(ends), np.empty(longer.shape[1], dtype=np.int64)
    opened, kept = np.empty((4, 0), dtype=np.int64), np.empty((4, longer.shape[1]), dtype=np.int64)
    n_kept = n_steps = 0
    status = _DONE
    while True:
        least, n = next_slab(lists[0], longer[0], starts, ends, width, pairs_a_slab)
        if least > limits[0]:
            break
        if opened.shape[1] < n:
            opened = np.empty((4, n), dtype=np.int64)
        n = _open_pairs(sides, aggregate_max, limits[4], starts, ends, cells[2], positions, opened)
        order = ascending(opened[0, :n].copy())
        sort_ties(order, opened, n_sums, (opened[3], n_rows, history))
        kept, stairs = _with_room(kept, n_kept, n), _with_room(stairs, n_stairs, n)
        n_kept, n_stairs, n_moved = _keep(opened, order, limits, cells, stairs, n_stairs, kept, n_kept)
        if n_kept > limits[3]:
            status = _LIMIT
            break
        n_steps += starts.size + (ends - starts).sum() + n * _STEPS_A_SORTED_PAIR + n_moved
        if n_steps > _STEPS_A_SLICE:
            status = _SLICE_ENDED
            break
    parents, rows = np.empty(n_kept, dtype=np.int32), np.empty(n_kept, dtype=np.int32)
    for i in range(n_kept):
        parents[i], rows[i] = kept[3, i] // n_rows, kept[3, i] % n_rows
    return status, stairs, n_stairs, kept[:3, :n_kept].copy(), parents, rows


@inner
def _with_room(columns, n, n_more):  # type: ignore[no-untyped-def]
    if n + n_more <= columns.shape[1]:
        return columns
    larger = np.empty((columns.shape[0], 2 * columns.shape[1] + n_more), dtype=np.int64)
    larger[:, :n] = columns[:, :n]
    return larger


@bare
def _open_pairs(sides, aggregate_max, lists_are_rows, starts, ends, table, positions, opened):  # type: ignore[no-untyped-def]
    """Write the pairs of a slab that are below what the table holds for their cell; return how many."""
    lists, longer = sides[0], sides[1]
    n_open = 0
    for i in range(starts.size):
        n = _open_of_run(sides, aggregate_max, i, starts[i], ends[i], table, positions)
        for at in range(n):
            j = positions[at]
            for m in range(3):
                a, b = lists[m, i], longer[m, j]
                opened[m, n_open] = max(a, b) if aggregate_max[m] else a + b
            opened[3, n_open] = j * starts.size + i if lists_are_rows else i * longer.shape[1] + j
            n_open += 1
    return n_open


@bare
def _open_of_run(sides, aggregate_max, i, start, end, table, positions):  # type: ignore[no-untyped-def]
    """Write the positions of one run's pairs below the table; return how many."""
    lists, longer, list_cells, long_cells = sides
    last, cell, n = lists[2, i], list_cells[i], 0
    if not aggregate_max[2]:
        for j in range(start, end):
            positions[n] = j
            n += longer[2, j] + last < table[cell + long_cells[j]]
        return n
    for j in range(start, end):
        positions[n] = j
        own = max(cell, long_cells[j]) if aggregate_max[1] else cell + long_cells[j]
        n += max(longer[2, j], last) < table[own]
    return n


@bare
def _keep(opened, order, limits, cells, stairs, n_stairs, kept, n_kept):  # type: ignore[no-untyped-def]
    """Keep, in sweep order, what no kept pair is at most; the staircase and the table learn of it.

    Returns the numbers of kept pairs and of steps, and how many steps were moved.
    """
    low, scale, table = cells
    n_moved = 0
    for at in order:
        x, y = opened[1, at], opened[2, at]
        if opened[0, at] > limits[0] or x > limits[1] or y > limits[2] or table[_cell(x, low, scale)] <= y:
            continue
        place = _behind(stairs[0], n_stairs, x)
        if place > 0 and stairs[1, place - 1] <= y:
            continue
        for m in range(4):
            kept[m, n_kept] = opened[m, at]
        n_kept += 1
        n_before = n_stairs
        n_stairs, first = _set_step(stairs, n_stairs, place, x, y)
        n_moved += max(n_stairs, n_before) - first
        # The lowest cell of which a part's or total's own cell tells that this one is at most it.
        cell = _cell(x, low, scale) + 2
        while cell < table.size and table[cell] > y:
            table[cell] = y
            cell += 1
    return n_kept, n_stairs, n_moved


@bare
def _behind(xs, n, x):  # type: ignore[no-untyped-def]
    """The first of ascending steps beyond x."""
    first, last = 0, n
    while first < last:
        middle = (first + last) // 2
        if xs[middle] <= x:
            first = middle + 1
        else:
            last = middle
    return first


@bare
def _set_step(stairs, n, place, x, y):  # type: ignore[no-untyped-def]
    """Put a step before the given place, in the place of those it is at most; return how many there are, and where."""
    first = place - 1 if place > 0 and stairs[0, place - 1] == x else place
    last = first
    while last < n and stairs[1, last] >= y:
        last += 1
    removed = last - first
    if removed == 0:
        for j in range(n, first, -1):
            stairs[0, j], stairs[1, j] = stairs[0, j - 1], stairs[1, j - 1]
    elif removed > 1:
        for j in range(last, n):
            stairs[0, j - removed + 1], stairs[1, j - removed + 1] = stairs[0, j], stairs[1, j]
    stairs[0, first], stairs[1, first] = x, y
    return n + 1 - removed, first

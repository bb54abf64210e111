"""The sweep with kept points in a grid, for two and more coordinates: ``csrc/pareto/dominance_index.hpp``, GridArchive.

Points lie in the cells of a grid over their first two coordinates, each cell with its lower corner in the others.
Tables answer for all cells strictly below and left of a point where they can, and leave only its own row and column:
with k = 1 and three coordinates by the smallest third one, with k > 1 and two coordinates by the number of points.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qabwnas.search.numba.cells import NONE, axes_of, box_of, cell_along
from qabwnas.search.numba.compiled import compiled
from qabwnas.search.numba.interrupts import give_turn

_MOST_CELLS_A_SIDE = 64
_MOST_WITH_A_TABLE = 256  # with k = 1 and three coordinates only a row and a column are gone through
_POINTS_A_CELL = 8
_RECENT = 16
_STEPS_A_SLICE = 1 << 25

Ints = NDArray[np.int64]


class _Grid(NamedTuple):
    cells: Ints  # (n,): of every point to come, row × side + column
    starts: Ints  # (side²,): where the points of each cell are stored
    ends: Ints  # (side²,)
    stored: Ints  # (n, d): kept points, cell by cell
    corners: Ints  # (side², d − 2)
    table: Ints  # (side + 1, side + 1): about the cells below a row and left of a column

    @classmethod
    def over(cls, points: Ints, entry: int) -> _Grid:
        """Return the empty grid for points ``(n, d)`` to come, its table full of ``entry``."""
        n, d = points.shape
        most = _MOST_WITH_A_TABLE if entry == NONE and d == 3 else _MOST_CELLS_A_SIDE
        side = int(min(most, max(1.0, (n / _POINTS_A_CELL) ** 0.5)))
        low, high = box_of(points.T)  # compiled: NumPy is slow along the longer axis
        cells = _cells_of(points, axes_of(low, high, side), side)
        starts = np.zeros(side * side, dtype=np.int64)
        np.cumsum(np.bincount(cells, minlength=side * side)[:-1], out=starts[1:])
        return cls(
            cells,
            starts,
            ends=starts.copy(),
            stored=np.empty((n, d), dtype=np.int64),
            corners=np.full((side * side, d - 2), NONE),
            table=np.full((side + 1, side + 1), entry, dtype=np.int64),
        )


def sweep_grid(points: Ints, k: int) -> NDArray[np.bool_]:
    """Return which points ``(n, d)``, in sweep order, fewer than ``k`` kept ones before them are at most; d ≥ 2.

    Complexity: O(n × kept) at worst; a point that many are at most is dropped early.
    """
    kept = np.zeros(len(points), dtype=np.bool_)
    if kept.size == 0:
        return kept
    grid = tuple(_Grid.over(points, int(NONE) if k == 1 else 0))
    recent = np.full((_RECENT, points.shape[1]), NONE)
    at = 0
    while at < kept.size:  # Python, and so Ctrl-C, has its turn between slices
        give_turn()
        at = _sweep_once(points, grid, recent, kept, at) if k == 1 else _sweep_counting(points, k, grid, kept, at)
    return kept


@compiled
def _cells_of(points, axes, side):  # type: ignore[no-untyped-def]
    cells = np.empty(points.shape[0], dtype=np.int64)
    for i in range(points.shape[0]):
        cells[i] = cell_along(points[i, 0], 0, axes, side) * side + cell_along(points[i, 1], 1, axes, side)
    return cells


@compiled
def _sweep_once(points, grid, recent, kept, first):  # type: ignore[no-untyped-def]
    """k = 1: go on from the given point; return where the slice ended.

    ``recent`` are the kept points that covered others last: they are asked first, for the next is often theirs too.
    """
    cells, table, stored = grid[0], grid[5], grid[3]
    n, d = points.shape
    side = table.shape[0] - 1
    n_steps = n_found = 0
    for i in range(first, n):
        if n_steps > _STEPS_A_SLICE:
            return i
        row, column = cells[i] // side, cells[i] % side
        if (d == 3 and table[row, column] <= points[i, 2]) or _covering(points, i, recent, 0, _RECENT) >= 0:
            continue
        n_steps += (2 * side if d == 3 else side * side) + i
        found = _covering_in_cells(points, i, grid, row, column)
        if found >= 0:
            for m in range(d):
                recent[n_found % _RECENT, m] = stored[found, m]
            n_found += 1
            continue
        kept[i] = True
        _store(points, i, grid)
        if d == 3:
            _lower(table, row, column, points[i, 2])
    return n


@compiled
def _covering(points, i, stored, first, last):  # type: ignore[no-untyped-def]
    """The first of some stored points that is at most point i, or −1."""
    d = points.shape[1]
    for at in range(first, last):
        m = d - 1
        while m >= 0 and stored[at, m] <= points[i, m]:
            m -= 1
        if m < 0:
            return at
    return -1


@compiled
def _corner_is_above(points, i, corners, cell):  # type: ignore[no-untyped-def]
    m = 0
    while m < corners.shape[1] and corners[cell, m] <= points[i, m + 2]:
        m += 1
    return m < corners.shape[1]


@compiled
def _covering_in_cells(points, i, grid, row, column):  # type: ignore[no-untyped-def]
    """A stored point that is at most point i, or −1; cells that the table speaks for are left out."""
    _, starts, ends, stored, corners, table = grid
    side = table.shape[0] - 1
    for r in range(row, -1, -1):
        last_column = column if r < row and points.shape[1] == 3 else 0
        for cell in range(r * side + column, r * side + last_column - 1, -1):
            if not _corner_is_above(points, i, corners, cell):
                found = _covering(points, i, stored, starts[cell], ends[cell])
                if found >= 0:
                    return found
    return -1


@compiled
def _store(points, i, grid):  # type: ignore[no-untyped-def]
    cells, _, ends, stored, corners, _ = grid
    cell = cells[i]
    for m in range(points.shape[1]):  # a loop compiles two seconds faster than assigning a row
        stored[ends[cell], m] = points[i, m]
    ends[cell] += 1
    for m in range(corners.shape[1]):
        corners[cell, m] = min(corners[cell, m], points[i, m + 2])


@compiled
def _lower(table, row, column, value):  # type: ignore[no-untyped-def]
    """Enter a value for all cells above; where a smaller one stands, those behind hold one at most as large."""
    for r in range(row + 1, table.shape[0]):
        if table[r, column + 1] <= value:
            break
        for c in range(column + 1, table.shape[1]):
            if table[r, c] <= value:
                break
            table[r, c] = value


@compiled
def _sweep_counting(points, k, grid, kept, first):  # type: ignore[no-untyped-def]
    """k > 1: go on from the given point; return where the slice ended."""
    cells, table = grid[0], grid[5]
    n, d = points.shape
    side = table.shape[0] - 1
    n_steps = 0
    for i in range(first, n):
        if n_steps > _STEPS_A_SLICE:
            return i
        n_steps += side * side + i
        row, column = cells[i] // side, cells[i] % side
        if _counts_to(points, i, k, grid, row, column):
            continue
        kept[i] = True
        _store(points, i, grid)
        if d == 2:  # of each row, how many points lie left of each column
            for c in range(column + 1, side + 1):
                table[row, c] += 1
    return n


@compiled
def _counts_to(points, i, k, grid, row, column):  # type: ignore[no-untyped-def]
    """Whether at least k stored points are at most point i."""
    _, starts, ends, stored, corners, table = grid
    d, side = points.shape[1], table.shape[0] - 1
    n_below = 0
    for r in range(row, -1, -1):
        last_column = 0
        if r < row and d == 2:
            n_below += table[r, column]
            last_column = column
        for cell in range(r * side + column, r * side + last_column - 1, -1):
            if n_below >= k:
                return True
            if _corner_is_above(points, i, corners, cell):
                continue
            for at in range(starts[cell], ends[cell]):
                m = d - 1
                while m >= 0 and stored[at, m] <= points[i, m]:
                    m -= 1
                n_below += m < 0
    return n_below >= k

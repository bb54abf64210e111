"""The sweep with kept points in a grid, for two and more coordinates: ``csrc/qabwnas/archive.hpp``, GridArchive.

Points lie in the cells of a grid over their first two coordinates, each cell with its lower corner in the others. With
exactly three coordinates and k = 1 a table holds the smallest third one over all cells strictly below each: it covers
most points at once, and leaves only the cells of the same row and column to be looked at.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from qabwnas.search._numba.cells import NONE, axes_of, cell_along

_MOST_CELLS_A_SIDE = 128
_POINTS_A_CELL = 8
_STEPS_A_SLICE = 1 << 25

Ints = NDArray[np.int64]


class _Grid(NamedTuple):
    cells: Ints  # (n,): of every point to come, row × side + column
    starts: Ints  # (side² + 1,): where the points of each cell are stored
    n_stored: Ints  # (side²,)
    stored: Ints  # (n, d): kept points, cell by cell
    corners: Ints  # (side², d − 2)
    below: Ints  # ((side + 1)²,): the smallest third coordinate strictly below; of no use unless it alone decides


def sweep_grid(points: Ints, k: int) -> NDArray[np.bool_]:
    """Return which points ``(n, d)``, in sweep order, fewer than ``k`` kept ones before them are at most; d ≥ 2.

    Complexity: O(n × kept) at worst; O(1) a point where the table decides, else the cells looked at.
    """
    n, d = points.shape
    side = int(min(_MOST_CELLS_A_SIDE, max(1.0, (n / _POINTS_A_CELL) ** 0.5)))
    axes = axes_of(points.min(axis=0), points.max(axis=0), side) if n > 0 else np.zeros((2, d))
    cells = _cells_of(points, axes, side)
    starts = np.zeros(side * side + 1, dtype=np.int64)
    np.cumsum(np.bincount(cells, minlength=side * side), out=starts[1:])
    grid = _Grid(
        cells,
        starts,
        n_stored=np.zeros(side * side, dtype=np.int64),
        stored=np.empty((n, d), dtype=np.int64),
        corners=np.full((side * side, d - 2), NONE),
        below=np.full((side + 1) ** 2, NONE),
    )
    kept = np.zeros(n, dtype=np.bool_)
    at = 0
    while at < n:  # Python, and so Ctrl-C, has its turn between slices
        at = _sweep_slice(points, k, tuple(grid), side, kept, at)
    return kept


@njit(cache=True, nogil=True)
def _cells_of(points, axes, side):  # type: ignore[no-untyped-def]
    cells = np.empty(points.shape[0], dtype=np.int64)
    for i in range(points.shape[0]):
        cells[i] = cell_along(points[i, 0], 0, axes, side) * side + cell_along(points[i, 1], 1, axes, side)
    return cells


@njit(cache=True, nogil=True)
def _sweep_slice(points, k, grid, side, kept, first):  # type: ignore[no-untyped-def]
    """Go on from the given point; return where the slice ended."""
    cells, below = grid[0], grid[5]
    n, d = points.shape
    table_decides = d == 3 and k == 1
    n_steps = 0
    for i in range(first, n):
        if n_steps > _STEPS_A_SLICE:
            return i
        row, column = cells[i] // side, cells[i] % side
        if table_decides and below[row * (side + 1) + column] <= points[i, 2]:
            continue
        n_below = 0
        for r in range(row, -1, -1):
            last_column = column if table_decides and r < row else 0
            for c in range(column, last_column - 1, -1):
                n_below += _n_at_most(points, i, r * side + c, k - n_below, grid)
                if n_below == k:
                    break
            n_steps += column - last_column + 1
            if n_below == k:
                break
        if n_below < k:
            kept[i] = True
            _store(points, i, grid)
            if table_decides:
                _lower(below, side, row, column, points[i, 2])
    return n


@njit(cache=True, nogil=True)
def _n_at_most(points, i, cell, enough, grid):  # type: ignore[no-untyped-def]
    """How many points stored in a cell are at most point i, counted until there are enough."""
    _, starts, n_stored, stored, corners, _ = grid
    d = points.shape[1]
    for m in range(2, d):
        if corners[cell, m - 2] > points[i, m]:
            return 0
    n_found = 0
    for at in range(starts[cell], starts[cell] + n_stored[cell]):
        at_most = True
        for m in range(d):
            if stored[at, m] > points[i, m]:
                at_most = False
                break
        if at_most:
            n_found += 1
            if n_found == enough:
                break
    return n_found


@njit(cache=True, nogil=True)
def _store(points, i, grid):  # type: ignore[no-untyped-def]
    cells, starts, n_stored, stored, corners, _ = grid
    cell = cells[i]
    at = starts[cell] + n_stored[cell]
    n_stored[cell] += 1
    for m in range(points.shape[1]):
        stored[at, m] = points[i, m]
    for m in range(2, points.shape[1]):
        corners[cell, m - 2] = min(corners[cell, m - 2], points[i, m])


@njit(cache=True, nogil=True)
def _lower(below, side, row, column, value):  # type: ignore[no-untyped-def]
    """Enter a value for all cells above its own; where a smaller one stands, those behind hold one at most as large."""
    for r in range(row + 1, side + 1):
        start = r * (side + 1)
        if below[start + column + 1] <= value:
            break
        for c in range(column + 1, side + 1):
            if below[start + c] <= value:
                break
            below[start + c] = value

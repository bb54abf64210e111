"""Indexes that answer one question: is some kept point ≤ the given one everywhere? ``csrc/pareto/dominance_index.hpp``.

Two coordinates: the staircase of minimal points (Kung, Luccio, Preparata 1975). Three or more: points in the cells of a
grid over the first two coordinates. Each cell has its lower and its upper corner in the other coordinates.

Points are rows, int64 ``(n, d)``, and are given as an array and a position in it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qabwnas.search.numba.compiled import bare, compiled
from qabwnas.search.numba.pareto.cell_table import NONE, cell_of, cells_of

_MOST_CELLS_PER_AXIS = 64
_MOST_CELLS_WITH_THREE = 256  # of three coordinates only a row and a column are gone through
_POINTS_PER_CELL = 8

Ints = NDArray[np.int64]


class DominanceIndex(NamedTuple):
    """Compiled functions take it as a tuple."""

    steps: Ints  # (2, n): of the staircase, x ascending and y descending
    n_steps: Ints  # (1,)
    cells: NDArray[np.float64]  # (2, 2): of the grid's axes
    starts: Ints  # (side²,): where the points of each cell are stored
    ends: Ints  # (side²,)
    stored: Ints  # (n, d): kept points, cell by cell
    lower: Ints  # (side², d − 2): corners
    upper: Ints  # (side², d − 2)
    table: Ints  # (side + 1, side + 1): the smallest third coordinate in cells strictly below and left


def staircase_for(n_points: int, known: DominanceIndex | None = None) -> DominanceIndex:
    """Return an index with room for as many points of two coordinates, which holds those of a known one."""
    n_steps = 0 if known is None else int(known.n_steps[0])
    steps, none, no_points = (
        np.empty((2, n_steps + n_points), np.int64),
        np.empty(0, np.int64),
        np.empty((0, 0), np.int64),
    )
    if known is not None:
        steps[:, :n_steps] = known.steps[:, :n_steps]
    return DominanceIndex(
        steps, np.array([n_steps]), np.empty((2, 2)), none, none, no_points, no_points, no_points, no_points
    )


def grid_for(points: Ints) -> DominanceIndex:
    """Return the empty index for all or some of these points, one or more, of two or more coordinates."""
    n, d = points.shape
    side = int(min(_MOST_CELLS_WITH_THREE if d == 3 else _MOST_CELLS_PER_AXIS, max(1.0, (n / _POINTS_PER_CELL) ** 0.5)))
    cells = cells_of(points[:, :2].min(axis=0), points[:, :2].max(axis=0), side)
    scaled = (points[:, :2] - cells[0]) * cells[1]
    rows, columns = np.clip(scaled, 0, side - 1).astype(np.int64).T
    sizes = np.bincount(rows * side + columns, minlength=side * side)
    starts = np.cumsum(sizes) - sizes
    corners = np.full((side * side, d - 2), NONE)
    table = np.full((side + 1, side + 1), NONE)
    steps, n_steps, stored = np.empty((2, 0), np.int64), np.zeros(1, np.int64), np.empty_like(points)
    return DominanceIndex(steps, n_steps, cells, starts, starts.copy(), stored, corners, -corners, table)


@bare
def dominates(index, points, i):  # type: ignore[no-untyped-def]
    """Return whether some kept point is ≤ point i in every coordinate.

    Staircase: O(log n). Grid: O(cells looked at + points in those whose lower corner is ≤ the point).
    """
    steps, n_steps, cells, starts, ends, stored, lower, _, table = index
    if steps.shape[1] > 0:
        place = first_step_beyond(steps, n_steps[0], points[i, 0])
        return place > 0 and steps[1, place - 1] <= points[i, 1]
    d, side = points.shape[1], table.shape[0] - 1
    row, column = cell_of(cells, 0, side, points[i, 0]), cell_of(cells, 1, side, points[i, 1])
    if table[row + 1, column + 1] > points[i, 2]:
        return False
    if d == 3 and table[row, column] <= points[i, 2]:
        return True
    for r in range(row, -1, -1):
        # Of three coordinates, the table has told about all cells strictly below and left.
        for cell in range(r * side + column, r * side + (column if d == 3 and r < row else 0) - 1, -1):
            if corner_is_at_most(lower, cell, points, i):
                for at in range(starts[cell], ends[cell]):
                    if is_at_most(stored, at, points, i):
                        return True
    return False


@bare
def insert(index, points, i):  # type: ignore[no-untyped-def]
    """Keep point i. Staircase: O(log n) and a move of the steps after it. Grid: O(d)."""
    steps, n_steps, cells, _, ends, stored, lower, upper, table = index
    if steps.shape[1] > 0:
        insert_step(steps, n_steps, points[i, 0], points[i, 1])
        return
    side = table.shape[0] - 1
    row, column = cell_of(cells, 0, side, points[i, 0]), cell_of(cells, 1, side, points[i, 1])
    cell = row * side + column
    for m in range(points.shape[1]):  # a loop compiles two seconds faster than assigning a row
        stored[ends[cell], m] = points[i, m]
    ends[cell] += 1
    for m in range(lower.shape[1]):
        lower[cell, m] = min(lower[cell, m], points[i, m + 2])
        upper[cell, m] = max(upper[cell, m], points[i, m + 2])
    if lower.shape[1] > 0:
        lower_entries(table, row, column, points[i, 2])


@compiled
def insert_all(index, points):  # type: ignore[no-untyped-def]
    """Keep all points."""
    for i in range(points.shape[0]):
        insert(index, points, i)


@bare
def lower_entries(table, row, column, value):  # type: ignore[no-untyped-def]
    """Lower the entries about all cells above one; after a smaller entry, none is larger."""
    for r in range(row + 1, table.shape[0]):
        if table[r, column + 1] <= value:
            break
        for c in range(column + 1, table.shape[1]):
            if table[r, c] <= value:
                break
            table[r, c] = value


@bare
def is_at_most(stored, at, points, i):  # type: ignore[no-untyped-def]
    """Return whether a stored point is ≤ point i in every coordinate."""
    m = points.shape[1] - 1
    while m >= 0 and stored[at, m] <= points[i, m]:
        m -= 1
    return m < 0


@bare
def corner_is_at_most(corners, cell, points, i):  # type: ignore[no-untyped-def]
    """Return whether a cell's corner is ≤ point i in every coordinate but the grid's."""
    m = 0
    while m < corners.shape[1] and corners[cell, m] <= points[i, m + 2]:
        m += 1
    return m == corners.shape[1]


@bare
def first_step_beyond(steps, n_steps, x):  # type: ignore[no-untyped-def]
    """Return the first of the ascending steps beyond x."""
    first, last = 0, n_steps
    while first < last:
        middle = (first + last) // 2
        if steps[0, middle] <= x:
            first = middle + 1
        else:
            last = middle
    return first


@bare
def insert_step(steps, n_steps, x, y):  # type: ignore[no-untyped-def]
    """Put a step in the place of those that it is ≤ to."""
    n = n_steps[0]
    first = first_step_beyond(steps, n, x)
    if first > 0 and steps[0, first - 1] == x:
        first -= 1
    last = first
    while last < n and steps[1, last] >= y:
        last += 1
    if last == first:
        for j in range(n, first, -1):
            steps[0, j], steps[1, j] = steps[0, j - 1], steps[1, j - 1]
    else:
        for j in range(last, n):
            steps[0, j - last + first + 1], steps[1, j - last + first + 1] = steps[0, j], steps[1, j]
    steps[0, first], steps[1, first] = x, y
    n_steps[0] = n + 1 - last + first

"""Coordinates cut into cells by a monotone map, and tables of prefix minima over them: ``csrc/pareto/cell_table.hpp``.

A strictly lower cell means a strictly lower coordinate. Doubles choose cells and decide nothing else.

Cells of some axes are float64 ``(2, n_axes)``: where the first cell of each axis begins, and cells per unit. All axes
have ``side`` cells. A table is flat and has ``side + 1`` entries per axis: entry (a, b, …) is about all points in cells
strictly below a, b, … at once.
"""

from __future__ import annotations

import numpy as np

from qabwnas.search.numba.compiled import bare, compiled

NONE = np.int64(2**63 - 1)
"""Stands for "no point": totals stay far below it."""


@compiled
def box_of(columns):  # type: ignore[no-untyped-def]
    """Return the smallest and the largest value of every coordinate of points ``(d, n)``; n is 1 or more."""
    d, n = columns.shape
    low, high = columns[:, 0].copy(), columns[:, 0].copy()
    for m in range(d):
        smallest, largest = low[m], high[m]
        for i in range(n):
            smallest = min(smallest, columns[m, i])
            largest = max(largest, columns[m, i])
        low[m], high[m] = smallest, largest
    return low, high


@compiled
def cells_of(low, high, side):  # type: ignore[no-untyped-def]
    """Return the cells of a box."""
    cells = np.zeros((2, low.size))
    for m in range(low.size):
        width = np.float64(high[m]) - np.float64(low[m])
        cells[0, m] = low[m]
        cells[1, m] = side / width if width > 0 else 0.0
    return cells


@bare
def cell_of(cells, m, side, value):  # type: ignore[no-untyped-def]
    """Return the cell of a value on axis m; values outside the box go to the cells at the ends."""
    return np.int64(min(max((np.float64(value) - cells[0, m]) * cells[1, m], 0.0), side - 1.0))


@bare
def side_within(n_cells, n_axes):  # type: ignore[no-untyped-def]
    """Return the largest number of cells per axis with which all cells together are at most n_cells; 1 or more."""
    return max(np.int64(n_cells ** (1.0 / max(1, n_axes)) + 1e-9), 1)


@bare
def entry_of(cells, side, point):  # type: ignore[no-untyped-def]
    """Return the table's entry about the cells strictly below a point in all coordinates but the last."""
    entry = np.int64(0)
    for m in range(point.size - 1):
        entry = entry * (side + 1) + cell_of(cells, m, side, point[m])
    return entry


@bare
def put(table, cells, side, point):  # type: ignore[no-untyped-def]
    """Enter the last coordinate of a point, for the cells just above its own; ``accumulate`` does the rest."""
    entry = entry_of(cells, side, point) + (table.size - 1) // side  # one cell further along every axis
    table[entry] = min(table[entry], point[point.size - 1])


@bare
def accumulate(table, side, n_axes):  # type: ignore[no-untyped-def]
    """Make every entry the minimum of all entries at most it along every axis: O(axes × entries)."""
    stride = 1
    for _ in range(n_axes):
        for start in range(0, table.size, stride * (side + 1)):
            for entry in range(start + stride, start + stride * (side + 1)):
                table[entry] = min(table[entry], table[entry - stride])
        stride *= side + 1


@bare
def raise_to(table, other):  # type: ignore[no-untyped-def]
    """Raise every entry to what another table of the same shape holds there, if that is larger."""
    for entry in range(table.size):
        table[entry] = max(table[entry], other[entry])

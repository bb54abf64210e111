"""Tables over cells of space that tell at once, for most points, that others lie below them.

Every coordinate's range is cut into ``side`` cells of equal width by a monotone map, so that a strictly lower cell
means a strictly lower coordinate. Doubles choose cells and decide nothing else. Entry (a, b, …) of a table is about the
points in cells strictly below a, b, … at once; so a table has side + 1 entries a coordinate.

Numba's cache does not see when a function that it calls in another file has changed: whoever changes this file removes
the ``__pycache__`` beside it.

Points are columns: int64 ``(d, n)``. Axes are float64 ``(2, d)``: where each coordinate's cells begin, cells a unit.
"""

from __future__ import annotations

import numpy as np

from qabwnas.search.numba.compiled import compiled

NONE = np.int64(2**63 - 1)
"""Stands for "no point": totals stay far below it."""

ENTRIES_AT_ONCE = 1024

_FEW_ENTRIES, _ENTRIES_A_CELL = 1024, 4

SAMPLED_FROM = 4
"""One point in as many at most makes a first table: it removes nearly what all of them would."""


@compiled
def axes_of(low, high, side):  # type: ignore[no-untyped-def]
    """The axes of a box; points outside of it have no cell."""
    axes = np.zeros((2, low.size))
    for m in range(low.size):
        width = np.float64(high[m]) - np.float64(low[m])
        axes[0, m] = low[m]
        axes[1, m] = side / width if width > 0 else 0.0
    return axes


@compiled
def cell_along(value, m, axes, side):  # type: ignore[no-untyped-def]
    """The cell of a coordinate's value, which is at least the axis's beginning."""
    return np.int64(min((np.float64(value) - axes[0, m]) * axes[1, m], side - 1.0))


@compiled
def box_of(columns):  # type: ignore[no-untyped-def]
    """The smallest and the largest value of every coordinate of at least one point."""
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
def side_for(n, n_coordinates, most_cells):  # type: ignore[no-untyped-def]
    """Cells a coordinate, so that all together are about as many as the points, and not too many.

    However many coordinates there are: where that is less than 2 it is 1, with which a table tells nothing.
    """
    n_cells = min(n, most_cells)
    side = np.int64(max(2.0, n_cells ** (1.0 / max(1, n_coordinates))))
    most_entries = _ENTRIES_A_CELL * max(n_cells, _FEW_ENTRIES)
    while side > 1 and np.float64(side + 1) ** n_coordinates > most_entries:
        side = side - 1
    return side


@compiled
def enter_entries(columns, first, last, axes, side, entries):  # type: ignore[no-untyped-def]
    """Write the table's entries about the cells strictly below some points, in all coordinates but the last."""
    n, last_cell, step = last - first, np.float64(side - 1), np.int32(side + 1)
    entries[:n] = 0
    for m in range(columns.shape[0] - 1):
        low, scale, column = axes[0, m], axes[1, m], columns[m, first:last]
        for i in range(n):  # without a call and in as few types as can be, so that it becomes vector code
            entries[i] = entries[i] * step + np.int32(min((np.float64(column[i]) - low) * scale, last_cell))


@compiled
def lower_entries(columns, n, axes, side, table):  # type: ignore[no-untyped-def]
    """Enter the last coordinate of the first n points where it is the smallest, for the cells above their own."""
    above = (table.size - 1) // side  # one cell further along every coordinate
    entries = np.empty(ENTRIES_AT_ONCE, dtype=np.uint32)
    for first in range(0, n, entries.size):
        last = min(first + entries.size, n)
        enter_entries(columns, first, last, axes, side, entries)
        values = columns[-1, first:last]
        for i in range(last - first):
            entry = entries[i] + above
            table[entry] = min(table[entry], values[i])


@compiled
def spread_minima(table, side, n_coordinates):  # type: ignore[no-untyped-def]
    """Make every entry the smallest of all those at most it along every coordinate."""
    stride = 1
    for _ in range(n_coordinates):
        for start in range(0, table.size, stride * (side + 1)):
            for entry in range(start + stride, start + stride * (side + 1)):
                table[entry] = min(table[entry], table[entry - stride])
        stride *= side + 1

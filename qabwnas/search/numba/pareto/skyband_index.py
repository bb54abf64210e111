"""Indexes for k > 1: are at least k kept points ≤ the given one everywhere? ``csrc/pareto/skyband_index.hpp``.

One coordinate: the k smallest values. Two or more: the grid of ``dominance_index.py``, whose points are counted.
"""

from __future__ import annotations

from qabwnas.search.numba.compiled import bare
from qabwnas.search.numba.pareto import dominance_index
from qabwnas.search.numba.pareto.cell_table import cell_of
from qabwnas.search.numba.pareto.dominance_index import corner_is_at_most, is_at_most


@bare
def dominates(index, points, i, k):  # type: ignore[no-untyped-def]
    """Return whether at least k kept points are ≤ point i in every coordinate.

    One coordinate: O(1). Grid: O(cells looked at + points compared), and no more once k are found.
    """
    steps, n_steps, cells, starts, ends, stored, lower, upper, table = index
    if points.shape[1] == 1:
        return n_steps[0] == k and steps[0, k - 1] <= points[i, 0]
    side = table.shape[0] - 1
    row, column = cell_of(cells, 0, side, points[i, 0]), cell_of(cells, 1, side, points[i, 1])
    n_below = 0
    for r in range(row, -1, -1):
        for cell in range(r * side + column, r * side - 1, -1):
            if n_below >= k:
                return True
            if not corner_is_at_most(lower, cell, points, i):
                continue
            if r < row and cell < r * side + column and corner_is_at_most(upper, cell, points, i):
                n_below += ends[cell] - starts[cell]
                continue
            for at in range(starts[cell], ends[cell]):
                n_below += is_at_most(stored, at, points, i)
    return n_below >= k


@bare
def insert(index, points, i, k):  # type: ignore[no-untyped-def]
    """Keep point i. One coordinate: O(k). Grid: O(d)."""
    if points.shape[1] > 1:
        dominance_index.insert(index, points, i)
        return
    smallest, n = index[0][0], index[1]
    n[0] = min(n[0] + 1, k)
    at = n[0] - 1
    while at > 0 and smallest[at - 1] > points[i, 0]:
        smallest[at] = smallest[at - 1]
        at -= 1
    smallest[at] = points[i, 0]

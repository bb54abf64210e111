"""The first point of a front within budgets: ``csrc/query/first_fit.hpp``.

With several budgets a walk over the tree of minima. With one budget, and as many queries as points, only the points
matter that are cheaper than all before them; a table over cells of cost says where among those to look.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from qabwnas.search.numba.compiled import compiled

_FANOUT = 16
_MOST_CELLS = 1 << 16
_QUERIES_AT_ONCE = 1 << 12

Ints = NDArray[np.int64]


def first_fit(
    points: Ints,
    minima: Ints,
    metrics: Sequence[int],
    budgets: Ints,
    n_threads: int,  # noqa: ARG001 - this twin answers on the calling thread
) -> Ints:
    n_points, n_queries = points.shape[1], len(budgets)
    if len(metrics) == 1 and n_queries >= n_points > 0:
        costs = points[metrics[0]]
        cheapest = _descent(costs)
        found: Ints = _first_fits_in_descent(cheapest, costs[cheapest], budgets[:, 0])
        return found
    found = np.empty(n_queries, dtype=np.int64)
    budgeted = np.array(metrics, dtype=np.int64)
    for first in range(0, n_queries, _QUERIES_AT_ONCE):  # Python, and so Ctrl-C, has its turn between slices
        _first_fits(points, minima, budgeted, budgets, found, first, min(first + _QUERIES_AT_ONCE, n_queries))
    return found


def _descent(costs: Ints) -> Ints:
    """Return the points that are cheaper than all before them."""
    cheaper = np.ones(costs.size, dtype=np.bool_)
    cheaper[1:] = costs[1:] < np.minimum.accumulate(costs)[:-1]
    return np.flatnonzero(cheaper)


@compiled
def _first_fits_in_descent(points, costs, budgets):  # type: ignore[no-untyped-def]
    """One budget; costs descend."""
    n = costs.size
    n_cells = min(4 * n, _MOST_CELLS)
    low = np.float64(costs[n - 1])
    width = np.float64(costs[0]) - low
    scale = n_cells / width if width > 0 else 0.0
    # first_in[c]: the first point in a cell below c; those before are in dearer cells, so they cost more.
    first_in = np.full(n_cells + 1, n)
    cell = n_cells
    for i in range(n):
        lies_in = np.int64(min((np.float64(costs[i]) - low) * scale, n_cells - 1.0))
        while cell > lies_in:
            first_in[cell] = i
            cell -= 1
    found = np.empty(budgets.size, dtype=np.int64)
    for q in range(budgets.size):
        budget = budgets[q]
        if budget < costs[n - 1]:
            found[q] = -1
            continue
        cell = np.int64(min((np.float64(budget) - low) * scale, n_cells - 1.0))
        at, end = first_in[cell + 1], first_in[cell]
        while at < end:
            middle = (at + end) // 2
            if costs[middle] > budget:
                at = middle + 1
            else:
                end = middle
        found[q] = points[at]
    return found


@compiled
def _first_fits(points, minima, metrics, budgets, found, first, last):  # type: ignore[no-untyped-def]
    starts, sizes = _levels(points.shape[1])
    top = sizes.size - 1
    for q in range(first, last):
        found[q] = -1
        level, at = top, 0
        while at < sizes[level]:
            fits = True
            for i, m in enumerate(metrics):
                total = points[m, at] if level == 0 else minima[m, starts[level] + at]
                fits &= total <= budgets[q, i]
            if fits and level == 0:
                found[q] = at
                break
            if fits:
                level -= 1
                at *= _FANOUT
                continue
            at += 1
            while level < top and at % _FANOUT == 0:
                at //= _FANOUT
                level += 1


@compiled
def _levels(n_points):  # type: ignore[no-untyped-def]
    """Where every level starts among the minima (the points, level 0, are not among them), and its size."""
    starts, sizes = [0], [n_points]
    while sizes[-1] > _FANOUT:
        starts.append(starts[-1] + (sizes[-1] if len(sizes) > 1 else 0))
        sizes.append((sizes[-1] + _FANOUT - 1) // _FANOUT)
    return np.array(starts), np.array(sizes)

"""The first point of a sorted front within budgets: ``csrc/query/first_fit.hpp``.

Several budgets, or few queries: a walk over the tree of minima. One budget and many queries: a table over cells of
cost, of the points that are cheaper than all before them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from qabwnas.search.numba.compiled import compiled

_FANOUT = 16
_QUERIES_AT_ONCE = 1 << 12
_TABLE_QUERIES_AT_ONCE = 1 << 18
_CELLS_PER_POINT = 4

Ints = NDArray[np.int64]


def first_fits(
    points: Ints,
    minima: Ints,
    metrics: Sequence[int],
    budgets: Ints,
    n_threads: int,  # noqa: ARG001 - the fallback answers on the calling thread
) -> Ints:
    n_points, n_queries = points.shape[1], len(budgets)
    if len(metrics) == 1 and n_queries >= n_points > 0:
        return _table_query(points[metrics[0]], budgets[:, 0])
    found = np.empty(n_queries, dtype=np.int64)
    budgeted = np.array(metrics, dtype=np.int64)
    starts, sizes = _levels(n_points)
    for first in range(0, n_queries, _QUERIES_AT_ONCE):  # Python, and so Ctrl-C, has its turn between slices
        last = first + _QUERIES_AT_ONCE
        _tree_query(points, minima, starts, sizes, budgeted, budgets[first:last], found[first:last])
    return found


def _table_query(costs: Ints, budgets: Ints) -> Ints:
    is_cheaper = np.ones(costs.size, dtype=np.bool_)
    is_cheaper[1:] = costs[1:] < np.minimum.accumulate(costs)[:-1]
    cheaper = np.append(np.flatnonzero(is_cheaper), -1)  # and last −1, if no point fits
    ascending = np.ascontiguousarray(costs[cheaper[-2::-1]])
    cheapest, dearest = int(ascending[0]), int(ascending[-1])
    shift = max((dearest - cheapest).bit_length() - (_CELLS_PER_POINT * ascending.size).bit_length(), 0)
    edges = cheapest + (np.arange(((dearest - cheapest) >> shift) + 1, dtype=np.int64) << shift)
    starts = np.append(np.searchsorted(ascending, edges), ascending.size)
    found = np.empty(budgets.size, dtype=np.int64)
    for first in range(0, budgets.size, _TABLE_QUERIES_AT_ONCE):
        last = first + _TABLE_QUERIES_AT_ONCE
        _search_cells(ascending, starts, shift, cheaper, budgets[first:last], found[first:last])
    return found


@compiled
def _search_cells(ascending, starts, shift, cheaper, budgets, found):  # type: ignore[no-untyped-def]
    n = ascending.size
    for q in range(found.size):
        budget = budgets[q]
        if budget < ascending[0]:
            found[q] = -1
        elif budget >= ascending[n - 1]:
            found[q] = cheaper[0]
        else:
            cell = (budget - ascending[0]) >> shift
            low, high = starts[cell], starts[cell + 1]
            while low < high:
                middle = (low + high) // 2
                if ascending[middle] <= budget:
                    low = middle + 1
                else:
                    high = middle
            found[q] = cheaper[n - low]


def _levels(n_points: int) -> tuple[Ints, Ints]:
    """Return where each level starts among the minima, and its size. Level 0 are the points, not among the minima."""
    starts, sizes = [0], [n_points]
    while sizes[-1] > _FANOUT:
        starts.append(starts[-1] + (sizes[-1] if len(sizes) > 1 else 0))
        sizes.append((sizes[-1] + _FANOUT - 1) // _FANOUT)
    return np.array(starts), np.array(sizes)


@compiled
def _tree_query(points, minima, starts, sizes, metrics, budgets, found):  # type: ignore[no-untyped-def]
    top = sizes.size - 1
    for q in range(found.size):
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

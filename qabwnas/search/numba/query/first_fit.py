"""The first point of a sorted front within budgets: ``csrc/query/first_fit.hpp``.

Several budgets, or few queries: a walk over the tree of minima. One budget and many queries: a binary search among the
points that are cheaper than all before them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from qabwnas.search.numba.compiled import compiled

_FANOUT = 16
_QUERIES_AT_ONCE = 1 << 12

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
    found: Ints = cheaper[ascending.size - np.searchsorted(ascending, budgets, side="right")]
    return found


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

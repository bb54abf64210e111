"""The sweep that pruning and combining share: which points of a sorted list fewer than k earlier ones are at most.

See ``csrc/pareto/prune.hpp`` for the order of the sweep and why it decides ties.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qabwnas.search.numba.archive import sweep_grid
from qabwnas.search.numba.cells import NONE
from qabwnas.search.numba.compiled import compiled
from qabwnas.search.numba.interrupts import give_turn
from qabwnas.search.numba.ties import Candidates, in_sweep_order

_MOVES_A_SLICE = 1 << 20

Ints = NDArray[np.int64]


def sweep_order(is_max: NDArray[np.uint8]) -> tuple[Ints, int]:
    """Return the metrics with sums before maxima, and the number of sums."""
    order = np.argsort(is_max, kind="stable")
    return order, order.size - int(np.count_nonzero(is_max))


def swept(columns: Ints, n_sums: int, k: int, candidates: Candidates) -> Ints:
    """Return, in sweep order, the positions of points ``(d, n)`` that fewer than ``k`` others remove."""
    order = in_sweep_order(columns, n_sums, candidates)
    kept: Ints = order[kept_of_sorted(rows_at(columns, order), n_sums, k)]
    return kept


def kept_of_sorted(points: Ints, n_sums: int, k: int) -> NDArray[np.bool_]:
    """Return which points ``(n, n_metrics)``, in sweep order, fewer than ``k`` kept ones before them are at most."""
    tested = np.ascontiguousarray(points[:, 1 if n_sums > 0 else 0 :])
    kept: NDArray[np.bool_]
    if tested.shape[1] == 0:
        kept = np.zeros(len(points), dtype=np.bool_)
        kept[:k] = True
    elif tested.shape[1] == 1:
        kept = sweep_minima(tested, k)
    elif tested.shape[1] == 2 and k == 1:
        kept = _sweep_staircase(tested)
    else:
        kept = sweep_grid(tested, k)
    return kept


@compiled
def rows_at(columns, positions):  # type: ignore[no-untyped-def]
    """The points ``(n, d)`` at some positions of ``columns``."""
    rows = np.empty((positions.size, columns.shape[0]), dtype=np.int64)
    for i in range(positions.size):
        for m in range(columns.shape[0]):
            rows[i, m] = columns[m, positions[i]]
    return rows


@compiled
def sweep_minima(points, k):  # type: ignore[no-untyped-def]
    """One coordinate: keep the k smallest so far, ascending."""
    n = points.shape[0]
    kept = np.zeros(n, dtype=np.bool_)
    smallest = np.full(k, NONE)
    for i in range(n):
        value = points[i, 0]
        if smallest[k - 1] <= value:
            continue
        kept[i] = True
        at = k - 1
        while at > 0 and smallest[at - 1] > value:
            smallest[at] = smallest[at - 1]
            at -= 1
        smallest[at] = value
    return kept


def _sweep_staircase(points: Ints) -> NDArray[np.bool_]:
    """Two coordinates: keep the minimal points as steps, x ascending and y descending."""
    kept = np.zeros(len(points), dtype=np.bool_)
    steps = np.empty((2, len(points)), dtype=np.int64)
    at = n_steps = 0
    while at < len(points):  # Python, and so Ctrl-C, has its turn between slices
        give_turn()
        at, n_steps = staircase_slice(points, kept, steps, n_steps, at)
    return kept


@compiled
def staircase_slice(points, kept, steps, n_steps, start):  # type: ignore[no-untyped-def]
    """Go on from the given point; return where the slice ended, and the number of steps."""
    xs, ys = steps
    n_moved = 0
    for i in range(start, points.shape[0]):
        if i - start + n_moved > _MOVES_A_SLICE:
            return i, n_steps
        x, y = points[i, 0], points[i, 1]
        first = np.searchsorted(xs[:n_steps], x)
        if (first > 0 and ys[first - 1] <= y) or (first < n_steps and xs[first] == x and ys[first] <= y):
            continue
        kept[i] = True
        last = first
        while last < n_steps and ys[last] >= y:
            last += 1
        if last == first:
            for j in range(n_steps, first, -1):
                xs[j], ys[j] = xs[j - 1], ys[j - 1]
            n_steps += 1
        elif last > first + 1:
            removed = last - first - 1
            for j in range(last, n_steps):
                xs[j - removed], ys[j - removed] = xs[j], ys[j]
            n_steps -= removed
        if last != first + 1:
            n_moved += n_steps - first
        xs[first], ys[first] = x, y
    return points.shape[0], n_steps

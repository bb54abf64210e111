"""The sweep that pruning and combining share: which points of a sorted list fewer than k earlier ones are at most.

See ``csrc/qabwnas/prune.hpp`` for the order of the sweep and why it decides ties.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray


def sweep_order(is_max: NDArray[np.uint8]) -> tuple[NDArray[np.int64], int]:
    """Return the metrics with sums before maxima, and the number of sums."""
    order = np.argsort(is_max, kind="stable")
    return order, int((is_max == 0).sum())


def kept_of_sorted(points: NDArray[np.int64], n_sums: int, k: int) -> NDArray[np.bool_]:
    """Return which points ``(n, n_metrics)``, in sweep order, fewer than ``k`` kept ones before them are at most."""
    tested = np.ascontiguousarray(points[:, 1 if n_sums > 0 else 0 :])
    if k > 1 or tested.shape[1] > 2:
        kept: NDArray[np.bool_] = _skyband(tested, k)
    elif tested.shape[1] == 2:
        kept = _staircase(tested)
    elif tested.shape[1] == 1:
        kept = np.ones(len(points), dtype=np.bool_)
        kept[1:] = tested[1:, 0] < np.minimum.accumulate(tested[:, 0])[:-1]
    else:
        kept = np.zeros(len(points), dtype=np.bool_)
        kept[:1] = True
    return kept


@njit(cache=True)
def _staircase(points):  # type: ignore[no-untyped-def]
    """Keep the minimal points of two coordinates as steps: x ascending, y descending."""
    n = points.shape[0]
    kept = np.zeros(n, dtype=np.bool_)
    xs = np.empty(n, dtype=np.int64)
    ys = np.empty(n, dtype=np.int64)
    n_steps = 0
    for i in range(n):
        x, y = points[i, 0], points[i, 1]
        behind = np.searchsorted(xs[:n_steps], x, side="right")
        if behind > 0 and ys[behind - 1] <= y:
            continue
        kept[i] = True
        first = np.searchsorted(xs[:n_steps], x, side="left")
        last = first
        while last < n_steps and ys[last] >= y:
            last += 1
        if last == first:
            for j in range(n_steps, first, -1):
                xs[j] = xs[j - 1]
                ys[j] = ys[j - 1]
            n_steps += 1
        elif last > first + 1:
            removed = last - first - 1
            for j in range(last, n_steps):
                xs[j - removed] = xs[j]
                ys[j - removed] = ys[j]
            n_steps -= removed
        xs[first] = x
        ys[first] = y
    return kept


@njit(cache=True)
def _skyband(points, k):  # type: ignore[no-untyped-def]
    """Count the kept points that are at most each point, newest first, up to k."""
    n, d = points.shape
    kept = np.zeros(n, dtype=np.bool_)
    rows = np.empty(n, dtype=np.int64)
    n_kept = 0
    for i in range(n):
        n_below = 0
        for j in range(n_kept - 1, -1, -1):
            at_most = True
            for c in range(d):
                if points[rows[j], c] > points[i, c]:
                    at_most = False
                    break
            if at_most:
                n_below += 1
                if n_below == k:
                    break
        if n_below < k:
            kept[i] = True
            rows[n_kept] = i
            n_kept += 1
    return kept

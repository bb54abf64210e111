"""The first point of a front within budgets: ``csrc/qabwnas/first_fit.hpp``."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numba import njit
from numpy.typing import NDArray

_FANOUT = 16


def first_fit(
    points: NDArray[np.int64],
    minima: NDArray[np.int64],
    metrics: Sequence[int],
    budgets: NDArray[np.int64],
    n_threads: int,  # noqa: ARG001 - this twin answers on the calling thread
) -> NDArray[np.int64]:
    found: NDArray[np.int64] = _first_fits(points, minima, np.array(metrics, dtype=np.int64), budgets)
    return found


@njit(cache=True, nogil=True)
def _first_fits(points, minima, metrics, budgets):  # type: ignore[no-untyped-def]
    found = np.empty(budgets.shape[0], dtype=np.int64)
    starts, sizes = _levels(points.shape[1])
    top = sizes.size - 1
    for q in range(budgets.shape[0]):
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
    return found


@njit(cache=True, nogil=True)
def _levels(n_points):  # type: ignore[no-untyped-def]
    """Where every level starts among the minima (the points, level 0, are not among them), and its size."""
    starts, sizes = [0], [n_points]
    while sizes[-1] > _FANOUT:
        starts.append(starts[-1] + (sizes[-1] if len(sizes) > 1 else 0))
        sizes.append((sizes[-1] + _FANOUT - 1) // _FANOUT)
    return np.array(starts), np.array(sizes)

"""Sorting points for a sweep: by the sums, then by candidates: ``csrc/pareto/sweep_sort.hpp``."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Choices = NDArray[np.int32]


def sweep_sort(sums: Ints, candidates_of: Callable[[Ints], Choices] | None = None) -> Ints:
    """Return the positions of points in sweep order, given their sums ``(n_sums, n)``, one or more; O(n log n).

    ``candidates_of`` returns the candidates ``(n, n_blocks)`` of points at some positions. It is called for points
    whose first sums tie. Without it, ties in all sums stay in order.
    """
    order = np.argsort(sums[0])
    at, runs = _ties(sums[:1], order)
    if at.size > 0:
        last = (order[at],) if candidates_of is None else ()  # positions are the last key; candidates are sorted below
        order[at] = order[at][np.lexsort((*last, *sums[:0:-1, order[at]], runs))]
    if candidates_of is not None and at.size > 0:
        at, runs = _ties(sums, order)
        order[at] = order[at][np.lexsort((*candidates_of(order[at]).T[::-1], runs))]
    return order


def _ties(sums: Ints, order: Ints) -> tuple[Ints, Ints]:
    """Return where in the order points have the same sums as a neighbour, and a number for each run of such points."""
    sorted_sums = sums.take(order, axis=1)
    tied = np.zeros(order.size + 1, dtype=np.bool_)  # whether a point ties with the one before it
    tied[1:-1] = (sorted_sums[:, 1:] == sorted_sums[:, :-1]).all(axis=0)
    if not tied.any():
        return order[:0], order[:0]
    at: Ints = np.flatnonzero(tied[1:] | tied[:-1])
    runs: Ints = np.cumsum(~tied[:-1], dtype=np.int64)
    return at, runs[at]

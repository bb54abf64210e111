"""Budgets that make a search worth comparing: tight enough to bind, wide enough to leave a choice."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from qabwnas.search.model.grid import UNLIMITED
from qabwnas.search.model.problem import Problem

SHARE = 5


def tight_budgets(problem: Problem) -> NDArray[np.int64]:
    """Return budgets a fifth of the way from the smallest to the largest total of every metric but the first.

    int64 ``(n_metrics,)``; the objective has none.
    """
    blocks = [problem.values[:, first:last] for first, last in pairwise(problem.offsets)]
    ends = []
    for smallest_or_largest in (np.min, np.max):
        values = np.stack([smallest_or_largest(block, axis=1) for block in blocks])
        sums, maxima = problem.origin + values.sum(axis=0), np.maximum(problem.origin, values.max(axis=0))
        ends.append(np.where(problem.is_max == 1, maxima, sums))
    budgets: NDArray[np.int64] = ends[0] + (ends[1] - ends[0]) // SHARE
    budgets[0] = UNLIMITED
    return budgets

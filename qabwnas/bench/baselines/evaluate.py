"""Totals of chosen subnets."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qabwnas.search.model.problem import Problem


def totals_of(problem: Problem, choices: NDArray[np.integer]) -> NDArray[np.int64]:
    """Return the exact totals of subnets: int64 ``(n, n_metrics)`` of choices ``(n, n_blocks)``."""
    values = problem.values[:, problem.offsets[:-1] + choices]
    sums = problem.origin[:, np.newaxis] + values.sum(axis=2)
    largest = np.maximum(problem.origin[:, np.newaxis], values.max(axis=2))
    return np.ascontiguousarray(np.where(problem.is_max[:, np.newaxis] == 1, largest, sums).T)

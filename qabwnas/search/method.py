"""How one search is answered: directly, or by the front within its budgets, where that is the quicker way."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from qabwnas.search.backend import COMPLETE, LIMIT, Backend
from qabwnas.search.parts import UNBOUNDED, Limits, Subnets, best, front
from qabwnas.search.problem import Problem

Method = Literal["auto", "front", "direct"]
METHODS: tuple[Method, ...] = get_args(Method)
MethodUsed = Literal["front", "direct"]

DEFAULT_MAX_MEMORY = 4 << 30
"""Bytes that a front may take while it is built."""

_NODES_BEFORE_A_FRONT = 100_000
_MOST_METRICS_OF_A_FRONT = 3


def solve(
    problem: Problem,
    bounds: NDArray[np.int64],
    k: int,
    kernels: Backend,
    distance: int = 1,
    method: Method = "auto",
    limits: Limits = UNBOUNDED,
) -> tuple[Subnets, MethodUsed]:
    """Return the ``k`` best subnets within ``bounds``, and which method found them.

    ``auto`` searches directly. Where that has looked at many partial subnets without an end, and a front could answer,
    it builds the front within the bounds; where this takes too much memory it searches directly to the end. A front
    answers where one subnet is asked for, over at most three metrics (fronts over more soon explode), and without
    limits, which it could not keep. So a hard search costs little more than the better of the two methods.
    """
    if method == "front":
        return _first_of_front(problem, bounds, kernels), "front"
    if method == "auto" and k == 1 and limits == UNBOUNDED and 1 < len(problem.metrics) <= _MOST_METRICS_OF_A_FRONT:
        found = best(problem, bounds, k, kernels, limits=Limits(_NODES_BEFORE_A_FRONT))
        if found.status != LIMIT:
            return found, "direct"
        found = _first_of_front(problem, bounds, kernels)
        if found.status != LIMIT:
            return found, "front"
    return best(problem, bounds, k, kernels, distance, limits), "direct"


def _first_of_front(problem: Problem, bounds: NDArray[np.int64], kernels: Backend) -> Subnets:
    points, _, _ = front(problem, bounds, 0.0, DEFAULT_MAX_MEMORY, kernels)
    if points.status != COMPLETE:
        return points
    return Subnets(COMPLETE, points.totals[:1], points.candidates[:1], int(points.totals[0, 0]))

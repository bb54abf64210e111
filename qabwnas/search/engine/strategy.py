"""How one search is answered: directly, or by the front within its budgets, where that is the quicker way."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from qabwnas.search.engine.backend import COMPLETE, LIMIT, Backend
from qabwnas.search.engine.bit_width_groups import UNBOUNDED, Limits, Subnets, best, front
from qabwnas.search.model.problem import Problem

Method = Literal["auto", "front", "direct"]
METHODS: tuple[Method, ...] = get_args(Method)
MethodUsed = Literal["front", "direct"]

DEFAULT_MAX_MEMORY = 4 << 30
"""Bytes that a front may take while it is built."""

_TURNS = ((50_000, 64 << 20), (1_000_000, DEFAULT_MAX_MEMORY))
"""Partial subnets that a direct search may look at before a front may take so many bytes; the first of each takes
less than a second."""

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

    ``auto`` searches directly. Where a front could answer too, both take turns, with ever more room, until one ends: of
    hard instances, those with many nearly equal subnets end by their front, those with vast fronts by the search, and
    neither is known before. The front's turn comes where one subnet is asked for, over at most three metrics (fronts
    over more soon explode), and without limits, which it could not keep.
    """
    if method == "front":
        return _first_of_front(problem, bounds, DEFAULT_MAX_MEMORY, kernels), "front"
    if method == "auto" and k == 1 and limits == UNBOUNDED and 1 < len(problem.metrics) <= _MOST_METRICS_OF_A_FRONT:
        for n_nodes, n_bytes in _TURNS:
            found = best(problem, bounds, k, kernels, limits=Limits(n_nodes))
            if found.status != LIMIT:
                return found, "direct"
            found = _first_of_front(problem, bounds, n_bytes, kernels)
            if found.status != LIMIT:
                return found, "front"
    return best(problem, bounds, k, kernels, distance, limits), "direct"


def _first_of_front(problem: Problem, bounds: NDArray[np.int64], n_bytes: int, kernels: Backend) -> Subnets:
    points = front(problem, bounds, 0.0, n_bytes, kernels)
    first = np.arange(min(1, len(points.totals)))
    bound = int(points.totals[0, 0]) if points.status == COMPLETE else 0
    return Subnets(points.status, points.totals[first], points.choices.of(first), bound)

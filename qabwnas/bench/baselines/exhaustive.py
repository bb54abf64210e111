"""Brute force and DNA's traversal, in compiled loops: ``csrc/baselines/brute_force.hpp``, ``dna_traversal.hpp``.

The traversal is that of DNA (Li et al., CVPR 2020). As published, it applies bounds of one partial subnet to others,
for which they are wrong, and so it misses optima; ``repaired`` resets the bounds. Budgets are inclusive here as
everywhere: DNA's "strictly below" with a budget that is one unit larger.
"""

from __future__ import annotations

import math
import time
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from qabwnas.bench.baselines.result import BaselineResult
from qabwnas.errors import InputError
from qabwnas.search.engine.backend import COMPLETE, INFEASIBLE, Backend
from qabwnas.search.model.grid import UNLIMITED
from qabwnas.search.model.problem import Problem

Variant = Literal["published", "repaired"]


def brute_force(
    problem: Problem,
    budgets: NDArray[np.int64],
    kernels: Backend,
    *,
    max_subnets: int = 2**62,
    max_seconds: float = math.inf,
) -> BaselineResult:
    """Evaluate all subnets; return the best one within the budgets, the first in the order of answers if several tie.

    After ``max_subnets`` or ``max_seconds`` it stops; the best so far is ``feasible``. ``evaluations`` counts subnets.

    Complexity: O(subnets × metrics).
    """
    started = time.perf_counter()
    status, _, choice, n_subnets = kernels.brute_force(
        problem.values, problem.offsets, problem.is_max, problem.origin, budgets, max_subnets, max_seconds
    )
    seconds = time.perf_counter() - started
    claims: dict[int, Literal["optimal", "infeasible"]] = {COMPLETE: "optimal", INFEASIBLE: "infeasible"}
    return BaselineResult.checked(
        problem,
        budgets,
        choice[0] if len(choice) else None,
        claims.get(status, "feasible"),
        evaluations=n_subnets,
        seconds=seconds,
    )


def brute_force_seconds(result: BaselineResult, n_subnets: float) -> float:
    """Return the time for ``n_subnets`` extrapolated from the rate of a stopped run."""
    return result.seconds / result.evaluations * n_subnets


def dna_traversal(
    problem: Problem,
    budgets: NDArray[np.int64],
    kernels: Backend,
    variant: Variant,
    *,
    max_nodes: int = 2**62,
    max_seconds: float = math.inf,
) -> BaselineResult:
    """Traverse the subnets for the smallest objective under one budget.

    Only the ``repaired`` variant claims ``optimal`` or ``infeasible``. After ``max_nodes`` or ``max_seconds`` both stop
    with the best so far. ``evaluations`` counts candidates. Of equal objectives, the one found first is returned.

    Raises:
        InputError: there is not exactly one budget, it is on the objective, or one of the two metrics is a maximum.

    Complexity: exponential in the number of blocks.
    """
    cost = _cost_of(problem, budgets)
    both = [0, cost]
    started = time.perf_counter()
    status, _, choice, n_nodes = kernels.dna_traversal(
        np.ascontiguousarray(problem.values[both]),
        problem.offsets,
        np.ascontiguousarray(problem.origin[both]),
        int(budgets[cost]),
        variant == "repaired",
        max_nodes,
        max_seconds,
    )
    seconds = time.perf_counter() - started
    claims: dict[int, Literal["optimal", "infeasible"]] = {COMPLETE: "optimal", INFEASIBLE: "infeasible"}
    return BaselineResult.checked(
        problem,
        budgets,
        choice[0] if len(choice) else None,
        claims.get(status, "feasible") if variant == "repaired" else "feasible",
        evaluations=n_nodes,
        seconds=seconds,
    )


def _cost_of(problem: Problem, budgets: NDArray[np.int64]) -> int:
    budgeted = np.flatnonzero(budgets != UNLIMITED).tolist()
    names = [problem.metrics[m].name for m in budgeted]
    if len(budgeted) != 1 or budgeted == [0]:
        raise InputError(f"DNA's traversal takes one budget, not on the objective; given: {', '.join(names) or 'none'}")
    for m in (0, budgeted[0]):
        if problem.is_max[m]:
            raise InputError(f"DNA's traversal needs sums: metric {problem.metrics[m].name!r} is a maximum")
    return int(budgeted[0])

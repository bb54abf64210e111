"""Every combination of candidates, made and compared by a compiled loop: ``csrc/baselines/brute_force.hpp``."""

from __future__ import annotations

import math
import time
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from qabwnas.bench.baselines.found import Found
from qabwnas.search.engine.backend import COMPLETE, INFEASIBLE, Backend
from qabwnas.search.model.problem import Problem


def brute_force(
    problem: Problem,
    budgets: NDArray[np.int64],
    kernels: Backend,
    *,
    max_subnets: int = 2**62,
    max_seconds: float = math.inf,
) -> Found:
    """Find the first subnet in the order of answers that keeps the budgets, by making all subnets.

    Stopped after ``max_subnets`` or ``max_seconds``, the best so far is ``feasible``. ``evaluations`` are subnets.

    Complexity: O(subnets × metrics).
    """
    started = time.perf_counter()
    status, _, choice, n_subnets = kernels.brute_force(
        problem.values, problem.offsets, problem.is_max, problem.origin, budgets, max_subnets, max_seconds
    )
    seconds = time.perf_counter() - started
    claims: dict[int, Literal["optimal", "infeasible"]] = {COMPLETE: "optimal", INFEASIBLE: "infeasible"}
    return Found.checked(
        problem,
        budgets,
        choice[0] if len(choice) else None,
        claims.get(status, "feasible"),
        evaluations=n_subnets,
        seconds=seconds,
    )


def brute_force_seconds(found: Found, n_subnets: float) -> float:
    """Return how long ``n_subnets`` would take at the rate of a run that was stopped: an extrapolation, not a time."""
    return found.seconds / found.evaluations * n_subnets

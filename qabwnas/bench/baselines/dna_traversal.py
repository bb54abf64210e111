"""The traversal of DNA (Li et al., CVPR 2020): ``csrc/baselines/dna_traversal.hpp`` gives its rules.

As published it carries bounds from one partial subnet to others that they do not hold for, and so misses the best;
``repaired`` resets them. Its budget is inclusive here, as everywhere: DNA's "strictly below" with a budget that is one
unit larger.
"""

from __future__ import annotations

import math
import time
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from qabwnas.bench.baselines.found import Found
from qabwnas.errors import InputError
from qabwnas.search.engine.backend import COMPLETE, INFEASIBLE, Backend
from qabwnas.search.model.grid import UNLIMITED
from qabwnas.search.model.problem import Problem

Variant = Literal["published", "repaired"]


def dna_traversal(
    problem: Problem,
    budgets: NDArray[np.int64],
    kernels: Backend,
    variant: Variant,
    *,
    max_nodes: int = 2**62,
    max_seconds: float = math.inf,
) -> Found:
    """Traverse the subnets for the smallest objective under the one budget.

    Only of the ``repaired`` one is the answer ``optimal``, or ``infeasible``. Stopped after ``max_nodes`` or
    ``max_seconds``, either gives the best so far. ``evaluations`` are candidates looked at. Of equal objectives the
    answer is the one that is met first.

    Raises:
        InputError: there is not exactly one budget, it is the objective's, or one of the two is a maximum.

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
    return Found.checked(
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
            raise InputError(f"DNA's traversal adds up: metric {problem.metrics[m].name!r} is a maximum")
    return int(budgeted[0])

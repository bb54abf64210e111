"""Peers of the benchmarks: fronts by numpy and moocore, searches by NSGA-II of pymoo."""

from __future__ import annotations

from itertools import pairwise

import moocore
import numpy as np

from qabwnas.bench.baselines.result import totals_of
from qabwnas.search.model.problem import Problem

SUMS_AT_ONCE = 50_000_000


def front_by_moocore(problem: Problem) -> np.ndarray:
    """Return the front of summed metrics, float64 ``(n, n_metrics)``.

    Every block is pruned. Then, from the smallest block on, all sums of the front so far and the block are computed and
    filtered; too many sums are filtered in parts first.
    """
    blocks = [problem.values[:, a:b].T.astype(float) for a, b in pairwise(problem.offsets)]
    blocks = sorted(map(_minimal, blocks), key=len)
    front = blocks[0]
    for block in blocks[1:]:
        at_once = max(1, SUMS_AT_ONCE // len(block))
        parts = [
            _minimal((front[first : first + at_once, None] + block[None]).reshape(-1, front.shape[1]))
            for first in range(0, len(front), at_once)
        ]
        front = parts[0] if len(parts) == 1 else _minimal(np.concatenate(parts))
    return front + problem.origin


def _minimal(points: np.ndarray) -> np.ndarray:
    return points[moocore.is_nondominated(points)]


def best_by_nsga2(problem: Problem, budgets: np.ndarray, n_subnets: int = 10_000, seed: int = 0) -> int | None:
    """Return the smallest objective within budgets in NSGA-II's final population, in units, or ``None``."""
    from pymoo.algorithms.moo.nsga2 import NSGA2
    from pymoo.core.problem import Problem as PymooProblem
    from pymoo.operators.crossover.sbx import SBX
    from pymoo.operators.mutation.pm import PM
    from pymoo.operators.repair.rounding import RoundingRepair
    from pymoo.operators.sampling.rnd import IntegerRandomSampling
    from pymoo.optimize import minimize

    sizes = np.diff(problem.offsets)
    budgeted = budgets != 2**63 - 1

    class Subnets(PymooProblem):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__(n_var=sizes.size, n_obj=1, n_ieq_constr=int(budgeted.sum()), xl=0, xu=sizes - 1, vtype=int)

        def _evaluate(self, x: np.ndarray, out: dict[str, np.ndarray], *_: object, **__: object) -> None:
            totals = totals_of(problem, x.astype(np.int64)).astype(float)
            out["F"] = totals[:, :1]
            out["G"] = totals[:, budgeted] / budgets[budgeted] - 1

    repair = RoundingRepair()
    algorithm = NSGA2(
        pop_size=100,
        sampling=IntegerRandomSampling(),
        crossover=SBX(prob=1.0, eta=3.0, vtype=float, repair=repair),
        mutation=PM(prob=1.0, eta=3.0, vtype=float, repair=repair),
        eliminate_duplicates=True,
    )
    result = minimize(Subnets(), algorithm, ("n_eval", n_subnets), seed=seed, verbose=False)
    if result.X is None:
        return None
    totals = totals_of(problem, np.atleast_2d(result.X).astype(np.int64))
    fits = (totals <= budgets).all(axis=1)
    return int(totals[fits, 0].min()) if fits.any() else None

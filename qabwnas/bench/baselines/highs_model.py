"""A mixed-integer program solved by HiGHS (Huangfu and Hall 2018) through SciPy, with its presolve and branch and cut.

HiGHS computes in floating point: "optimal" holds within its tolerances, and a choice may exceed a budget by them.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from qabwnas.bench.baselines.program import Program
from qabwnas.bench.baselines.result import BaselineResult
from qabwnas.search.model.problem import Problem

if TYPE_CHECKING:
    from scipy.optimize import LinearConstraint

_INFEASIBLE = 2


@dataclass(frozen=True)
class HighsModel:
    """A search as arguments of SciPy's ``milp``.

    Costs are divided by their budgets, because solver tolerances suit numbers near 1.
    """

    problem: Problem
    budgets: NDArray[np.int64]
    program: Program
    constraints: list[LinearConstraint]
    scale: float

    @classmethod
    def of(cls, problem: Problem, budgets: NDArray[np.int64]) -> HighsModel:
        """Set up the model; raises InputError as :meth:`Program.of` does."""
        from scipy.optimize import LinearConstraint
        from scipy.sparse import csr_array

        program = Program.of(problem, budgets)
        n_blocks, n_rows = program.offsets.size - 1, program.objective.size
        of_block = csr_array((np.ones(n_rows), np.arange(n_rows), program.offsets), shape=(n_blocks, n_rows))
        constraints = [LinearConstraint(of_block, 1, 1)]
        if program.capacities.size:
            scales = np.maximum(1.0, np.abs(program.capacities).astype(np.float64))[:, np.newaxis]
            constraints.append(LinearConstraint(program.costs / scales, -np.inf, program.capacities / scales[:, 0]))
        scale = max(1.0, float(np.abs(program.objective).max()))
        return cls(problem, budgets, program, constraints, scale)

    def solve(self, max_seconds: float = math.inf) -> BaselineResult:
        """Solve with a gap of 0; at the time limit the best subnet so far is ``feasible``."""
        from scipy.optimize import Bounds, milp

        started = time.perf_counter()
        options: dict[str, Any] = {"mip_rel_gap": 0}
        if max_seconds < math.inf:
            options["time_limit"] = max_seconds
        solved = milp(
            self.program.objective / self.scale,
            integrality=np.ones(self.program.objective.size),
            bounds=Bounds(0, 0.0 if self.program.is_empty else self.program.allowed.astype(np.float64)),
            constraints=self.constraints,
            options=options,
        )
        choice = None if solved.x is None else self.program.choice(np.rint(solved.x) == 1)
        claim: Literal["optimal", "feasible", "infeasible"] = "optimal" if solved.status == 0 else "feasible"
        if solved.status == _INFEASIBLE:
            claim = "infeasible"
        bound = solved.mip_dual_bound
        return BaselineResult.checked(
            self.problem,
            self.budgets,
            choice,
            claim,
            bound=None if bound is None or not math.isfinite(bound) else self._units(bound),
            evaluations=int(solved.mip_node_count or 0),
            seconds=time.perf_counter() - started,
        )

    def _units(self, bound: float) -> int:
        return math.ceil(bound * self.scale * (1 - 1e-9)) + self.program.fixed


def highs(problem: Problem, budgets: NDArray[np.int64], max_seconds: float = math.inf) -> BaselineResult:
    """Find the subnet with the smallest objective within budgets ``(n_metrics,)`` in units.

    Raises:
        InputError: the problem cannot be modelled: see :class:`Program`.
        ModuleNotFoundError: SciPy is not installed (the extra ``bench``).
    """
    return HighsModel.of(problem, budgets).solve(max_seconds)

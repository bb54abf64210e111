"""The constraint solver CP-SAT of OR-Tools (Perron and Furnon): clause learning over integers, so it is exact."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from qabwnas.bench.baselines.program import Program
from qabwnas.bench.baselines.result import BaselineResult
from qabwnas.errors import InputError
from qabwnas.search.model.problem import Problem

if TYPE_CHECKING:
    from ortools.sat.python import cp_model


@dataclass(frozen=True)
class CpSatModel:
    """A search as a CP-SAT model, in units."""

    problem: Problem
    budgets: NDArray[np.int64]
    program: Program
    model: cp_model.CpModel
    variables: list[cp_model.IntVar]

    @classmethod
    def of(cls, problem: Problem, budgets: NDArray[np.int64]) -> CpSatModel:
        """Set up the model.

        Raises:
            InputError: see :meth:`Program.of`; or the numbers are too large for the solver.
        """
        from ortools.sat.python import cp_model

        program = Program.of(problem, budgets)
        model = cp_model.CpModel()
        variables = [model.new_bool_var("") for _ in range(program.objective.size)]
        for first, last in zip(program.offsets[:-1].tolist(), program.offsets[1:].tolist(), strict=True):
            model.add_exactly_one(variables[first:last])
        for costs, capacity in zip(program.costs.tolist(), program.capacities.tolist(), strict=True):
            model.add(cp_model.LinearExpr.weighted_sum(variables, costs) <= capacity)
        for row in np.flatnonzero(~program.allowed | program.is_empty).tolist():
            model.add(variables[row] == 0)
        model.minimize(cp_model.LinearExpr.weighted_sum(variables, program.objective.tolist()))
        if complaint := model.validate():
            raise InputError(f"CP-SAT does not take the model: {complaint.splitlines()[0]}")
        return cls(problem, budgets, program, model, variables)

    def solve(self, max_seconds: float = math.inf, workers: int = 2) -> BaselineResult:
        """Solve with ``workers`` threads; at the time limit the best subnet so far is ``feasible``."""
        from ortools.sat.python import cp_model

        started = time.perf_counter()
        solver = cp_model.CpSolver()
        solver.parameters.num_workers = workers
        solver.parameters.random_seed = 0
        solver.parameters.catch_sigint_signal = False  # otherwise Ctrl-C would end only this search
        if max_seconds < math.inf:
            solver.parameters.max_time_in_seconds = max_seconds
        status = solver.solve(self.model)
        choice = None
        if status in (cp_model.OPTIMAL, cp_model.FEASIBLE):
            choice = self.program.choice(np.array(solver.values(self.variables), dtype=np.bool_))
        is_proved = status == cp_model.OPTIMAL
        return BaselineResult.checked(
            self.problem,
            self.budgets,
            choice,
            "infeasible" if status == cp_model.INFEASIBLE else "optimal" if is_proved else "feasible",
            bound=int(solver.response_proto.inner_objective_lower_bound) + self.program.fixed,
            evaluations=int(solver.num_branches),
            seconds=time.perf_counter() - started,
        )


def cp_sat(
    problem: Problem, budgets: NDArray[np.int64], max_seconds: float = math.inf, workers: int = 2
) -> BaselineResult:
    """Find the subnet with the smallest objective within budgets ``(n_metrics,)`` in units.

    Raises:
        InputError: the problem cannot be modelled: see :class:`CpSatModel`.
        ModuleNotFoundError: OR-Tools is not installed (the extra ``bench``).
    """
    return CpSatModel.of(problem, budgets).solve(max_seconds, workers)

"""A mixed-integer program solved by COIN-OR's CBC through PuLP, which writes a model file and runs CBC on it.

CBC computes in floating point: "optimal" holds within its tolerances, and a choice may exceed a budget by them.
"""

from __future__ import annotations

import math
import re
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from qabwnas.bench.baselines.program import Program
from qabwnas.bench.baselines.result import BaselineResult
from qabwnas.search.model.problem import Problem

if TYPE_CHECKING:
    import pulp

_BOUND = re.compile(r"^Lower bound:\s+(\S+)$", re.MULTILINE)
_NODES = re.compile(r"^Enumerated nodes:\s+([0-9]+)$", re.MULTILINE)


@dataclass(frozen=True)
class CbcModel:
    """A search as a PuLP model; costs are divided by their budgets, because solver tolerances suit numbers near 1."""

    problem: Problem
    budgets: NDArray[np.int64]
    program: Program
    model: pulp.LpProblem
    variables: list[pulp.LpVariable]
    scale: float

    @classmethod
    def of(cls, problem: Problem, budgets: NDArray[np.int64]) -> CbcModel:
        """Set up the model; raises InputError as :meth:`Program.of` does."""
        import pulp

        program = Program.of(problem, budgets)
        upper = program.allowed.astype(int) * (0 if program.is_empty else 1)
        model = pulp.LpProblem("search", pulp.LpMinimize)
        variables = [model.add_variable(f"x{row}", 0, int(most), pulp.LpInteger) for row, most in enumerate(upper)]
        scale = max(1.0, float(np.abs(program.objective).max()))
        model += pulp.LpAffineExpression(zip(variables, (program.objective / scale).tolist(), strict=True))
        for first, last in zip(program.offsets[:-1].tolist(), program.offsets[1:].tolist(), strict=True):
            model += pulp.LpAffineExpression((variable, 1) for variable in variables[first:last]) == 1
        for costs, capacity in zip(program.costs, program.capacities.tolist(), strict=True):
            unit = max(1.0, float(abs(capacity)))
            model += pulp.LpAffineExpression(zip(variables, (costs / unit).tolist(), strict=True)) <= capacity / unit
        return cls(problem, budgets, program, model, variables, scale)

    def solve(self, max_seconds: float = math.inf) -> BaselineResult:
        """Solve with a gap of 0; at the time limit the best subnet so far is ``feasible``."""
        import pulp

        started = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            log = Path(folder) / "cbc.log"
            limit = max_seconds if max_seconds < math.inf else None
            solver = pulp.COIN_CMD(
                path=pulp.PULP_CBC_CMD.pulp_cbc_path,  # the one that comes with PuLP
                msg=False,
                timeLimit=limit,
                gapRel=0,
                gapAbs=0,
                threads=1,
                logPath=str(log),
            )
            self.model.solve(solver)
            text = log.read_text()
        seconds = time.perf_counter() - started
        claim: Literal["optimal", "feasible", "infeasible"] = "feasible"
        if self.model.status == pulp.LpStatusInfeasible:
            claim = "infeasible"
        elif self.model.sol_status == pulp.LpSolutionOptimal:
            claim = "optimal"
        choice = None
        if self.model.sol_status in (pulp.LpSolutionOptimal, pulp.LpSolutionIntegerFeasible):
            choice = self.program.choice(np.array([round(variable.value()) == 1 for variable in self.variables]))
        bound, nodes = _BOUND.search(text), _NODES.search(text)
        return BaselineResult.checked(
            self.problem,
            self.budgets,
            choice,
            claim,
            bound=None if bound is None else math.ceil(float(bound[1]) * self.scale * (1 - 1e-9)) + self.program.fixed,
            evaluations=0 if nodes is None else int(nodes[1]),
            seconds=seconds,
        )


def cbc(problem: Problem, budgets: NDArray[np.int64], max_seconds: float = math.inf) -> BaselineResult:
    """Find the subnet with the smallest objective within budgets ``(n_metrics,)`` in units.

    Raises:
        InputError: the problem cannot be modelled: see :class:`Program`.
        ModuleNotFoundError: PuLP is not installed (the extra ``bench``).
    """
    return CbcModel.of(problem, budgets).solve(max_seconds)

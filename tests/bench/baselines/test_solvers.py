"""HiGHS, CBC and CP-SAT find what the oracle finds, where they are installed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from qabwnas.bench.baselines import BaselineResult, cbc, cp_sat, highs
from qabwnas.bench.compare import tight_budgets
from qabwnas.errors import InputError
from qabwnas.lut.lut import Metric
from qabwnas.search.engine.backend import select_backend
from qabwnas.search.model.grid import UNLIMITED
from qabwnas.search.model.problem import Problem
from tests.bench.baselines.strategies import Case, case_of
from tests.search import BACKENDS
from tests.strategies import lut_from_columns

PACKAGES = {"highs": "scipy", "cbc": "pulp", "cp_sat": "ortools"}
SOLVERS: dict[str, Callable[..., BaselineResult]] = {"highs": highs, "cbc": cbc, "cp_sat": cp_sat}
METRICS = [Metric("loss", fixed=0.5), Metric("size", fixed=2.0), Metric("peak", aggregation="max")]


def solver_of(name: str) -> Callable[..., BaselineResult]:
    pytest.importorskip(PACKAGES[name], reason=f"{PACKAGES[name]} is not installed (the extra bench)")
    return SOLVERS[name]


def case(seed: int) -> Case:
    """Three blocks; the size has a tight budget, and so has, two times of three, the peak."""
    generator = np.random.default_rng(seed)
    columns = {
        name: [np.round(generator.random(n), 2).tolist() for n in (4, 5, 3)] for name in ("loss", "size", "peak")
    }
    lut = lut_from_columns(columns, METRICS)
    budgets = tight_budgets(Problem.of(lut, lut.metric_names, select_backend(BACKENDS[0])))
    budgets[2] = UNLIMITED if seed % 3 == 0 else budgets[2] * 3 // 2
    return case_of(lut, budgets)


@pytest.mark.parametrize("name", SOLVERS)
def test_the_optimum(name: str) -> None:
    solve = solver_of(name)
    statuses = set()
    for seed in range(12):
        posed = case(seed)
        found = solve(posed.problem, posed.budgets)
        statuses.add(found.status)
        assert found.status == ("optimal" if posed.fitting else "infeasible")
        if posed.fitting:
            assert found.value == found.bound == posed.fitting[0][0][0]
    assert statuses == {"optimal", "infeasible"}


@pytest.mark.parametrize("name", SOLVERS)
def test_a_time_limit(name: str) -> None:
    """Knapsack-like blocks take a solver hours: at the limit, what was found is said to be no more."""
    solve = solver_of(name)
    generator = np.random.default_rng(3)
    names = [f"cost{m}" for m in range(8)]
    columns = {name: [generator.integers(0, 10, 10).astype(float).tolist() for _ in range(25)] for name in names}
    sums = np.sum([columns[name] for name in names], axis=0)
    columns["loss"] = np.round(-sums - 9 * generator.random(sums.shape), 2).tolist()
    lut = lut_from_columns(columns)
    problem = Problem.of(lut, ["loss", *names], select_backend(BACKENDS[0]))
    budgets = np.array([UNLIMITED, *[125] * 8])
    found = solve(problem, budgets, 0.5)
    assert found.status in ("feasible", "unknown")
    if found.value is not None and found.bound is not None:
        assert found.bound <= found.value


@pytest.mark.parametrize("name", SOLVERS)
def test_what_is_not_modelled(name: str) -> None:
    solve = solver_of(name)
    lut = lut_from_columns({"loss": [[1.0]], "size": [[1.0]], "peak": [[1.0]]}, METRICS)
    kernels = select_backend(BACKENDS[0])
    with pytest.raises(InputError, match="'peak': the solvers minimise sums, not maxima"):
        solve(Problem.of(lut, ["peak", "size"], kernels), np.array([UNLIMITED, 1]))
    with pytest.raises(InputError, match="'loss': the solvers take no budget on the objective"):
        solve(Problem.of(lut, ["loss", "size"], kernels), np.array([1, 1]))

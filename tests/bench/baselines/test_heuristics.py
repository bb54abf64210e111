"""Random and evolutionary search: seeded, within budgets, never better than the best, and the latter good."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings

from qabwnas.bench.baselines import brute_force, evolutionary_search, random_search
from qabwnas.bench.baselines.result import totals_of
from qabwnas.bench.compare import tight_budgets
from qabwnas.search.engine.backend import select_backend
from qabwnas.search.model.problem import Problem
from tests.bench.baselines.strategies import Case, cases
from tests.search import BACKENDS
from tests.strategies import lut_from_columns

METHODS = {"random": random_search, "evolutionary": evolutionary_search}


@pytest.mark.parametrize("method", METHODS)
@settings(max_examples=60, deadline=None)
@given(case=cases())
def test_what_is_found_fits_and_is_never_better_than_the_best(method: str, case: Case) -> None:
    found = METHODS[method](case.problem, case.budgets, n_subnets=300)
    assert found.evaluations == 300
    if found.choice is None:
        assert (found.status, found.value) == ("unknown", None)
        return
    assert found.status == "feasible"
    totals = totals_of(case.problem, found.choice[np.newaxis])[0]
    assert (totals.tolist(), found.choice.tolist()) in case.fitting
    assert found.value == totals[0] >= case.fitting[0][0][0]


def a_problem() -> Problem:
    generator = np.random.default_rng(5)
    costs = np.round(generator.random((5, 12)), 3)
    losses = np.round(np.exp(-2 * costs) + 0.05 * generator.random((5, 12)), 3)
    lut = lut_from_columns({"loss": losses.tolist(), "cost": costs.tolist()})
    return Problem.of(lut, ["loss", "cost"], select_backend(BACKENDS[0]))


@pytest.mark.parametrize("method", METHODS)
def test_the_same_seed_gives_the_same_answer(method: str) -> None:
    problem = a_problem()
    budgets = tight_budgets(problem)
    one, other = (METHODS[method](problem, budgets, n_subnets=500, seed=3) for _ in range(2))
    assert one.choice is not None
    assert other.choice is not None
    assert one.choice.tolist() == other.choice.tolist()


def test_evolution_comes_near_the_best() -> None:
    problem = a_problem()
    budgets = tight_budgets(problem)
    best = brute_force(problem, budgets, select_backend(BACKENDS[0])).value
    evolved = evolutionary_search(problem, budgets, n_subnets=5000).value
    drawn = random_search(problem, budgets, n_subnets=500).value
    assert best is not None
    assert evolved is not None
    assert drawn is not None
    assert best <= evolved <= 1.05 * best
    assert evolved < drawn

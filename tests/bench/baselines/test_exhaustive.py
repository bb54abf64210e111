"""Brute force and DNA's traversal on both backends: exact where they claim it; as published, the traversal misses."""

from __future__ import annotations

import signal

import numpy as np
import pytest
from hypothesis import given, settings

from qabwnas.bench.baselines import brute_force, dna_traversal
from qabwnas.bench.baselines.exhaustive import brute_force_seconds
from qabwnas.errors import InputError
from qabwnas.lut.lut import Metric
from qabwnas.search.engine.backend import select_backend
from qabwnas.search.model.grid import UNLIMITED
from qabwnas.search.model.problem import Problem
from tests.bench.baselines.strategies import Case, cases, sum_cases
from tests.processes import PATIENCE, python, wait_for_work
from tests.search import BACKENDS
from tests.strategies import lut_from_columns


@pytest.mark.parametrize("backend", BACKENDS)
@settings(max_examples=100, deadline=None)
@given(case=cases())
def test_the_oracles_first_answer(backend: str, case: Case) -> None:
    found = brute_force(case.problem, case.budgets, select_backend(backend))
    assert found.evaluations == np.prod(np.diff(case.problem.offsets))
    if not case.fitting:
        assert (found.status, found.value, found.choice) == ("infeasible", None, None)
        return
    totals, choice = case.fitting[0]
    assert found.status == "optimal"
    assert found.value == found.bound == totals[0]
    assert found.choice is not None
    assert found.choice.tolist() == choice


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_long_inner_loop_is_made_in_parts(backend: str) -> None:
    """Several slabs a turn of the odometer, and the best in a later one."""
    losses = np.arange(5000.0, 0.0, -1.0)
    lut = lut_from_columns({"loss": [[2.0, 1.0], losses.tolist(), [4.0, 3.0]]})
    problem = Problem.of(lut, ["loss"], select_backend(backend))
    found = brute_force(problem, np.array([UNLIMITED]), select_backend(backend))
    assert found.choice is not None
    assert (found.status, found.value, found.choice.tolist()) == ("optimal", 5, [1, 4999, 1])


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("max_subnets", [1, 3, 7, 23])
def test_it_stops_after_so_many(backend: str, max_subnets: int) -> None:
    lut = lut_from_columns({"loss": [[9.0, 0.0], [3.0, 2.0, 1.0, 0.0], [2.0, 1.0, 0.0]]})
    problem = Problem.of(lut, ["loss"], select_backend(backend))
    found = brute_force(problem, np.array([UNLIMITED]), select_backend(backend), max_subnets=max_subnets)
    assert (found.status, found.evaluations, found.bound) == ("feasible", max_subnets, None)
    exact = brute_force(problem, np.array([UNLIMITED]), select_backend(backend), max_subnets=24)
    assert (exact.status, exact.evaluations) == ("optimal", 24)
    assert brute_force_seconds(exact, 48) == pytest.approx(2 * exact.seconds)


LONG = """
import numpy as np
from qabwnas.lut.lut import Lut, LutBlock, Metric, Table
from qabwnas.search.engine.backend import select_backend
from qabwnas.search.model.problem import Problem
from qabwnas.bench.baselines import brute_force, dna_traversal
kernels = select_backend(BACKEND)
generator = np.random.default_rng(0)
blocks = tuple(
    LutBlock(f"b{b}", (Table({"loss": generator.integers(0, 99, 40) * 1.0, "cost": np.arange(40.0)}),))
    for b in range(20)
)
problem = Problem.of(Lut((Metric("loss"), Metric("cost")), blocks), ["loss", "cost"], kernels)
budgets = np.array([2**63 - 1, 300])
def run(**limits):
    CALL
run(max_seconds=0.01)
print("stopped", flush=True)
run()
print("finished", flush=True)
"""
CALLS = {
    "brute force": "assert brute_force(problem, budgets, kernels, **limits).status in ('feasible', 'unknown')",
    "DNA": "assert dna_traversal(problem, budgets, kernels, 'repaired', **limits).status in ('feasible', 'unknown')",
}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("baseline", CALLS)
def test_time_limits_and_ctrl_c(backend: str, baseline: str) -> None:
    """Either ends a run of 40^20 subnets, which nothing else would."""
    code = LONG.replace("BACKEND", repr(backend)).replace("CALL", CALLS[baseline])
    with python(code) as run:
        assert run.stdout is not None
        assert run.stdout.readline() == "stopped\n"
        wait_for_work(run)
        run.send_signal(signal.SIGINT)
        out, err = run.communicate(timeout=PATIENCE)
    assert out == ""
    assert err.strip().endswith("KeyboardInterrupt")


def by_the_rules(case: Case, repaired: bool) -> int | None:
    """The traversal as nested calls, written from the rules alone; returns the objective that it ends with."""
    problem = case.problem
    starts, ends = problem.offsets[:-1].tolist(), problem.offsets[1:].tolist()
    stages = [
        sorted(zip(problem.values[0, a:b].tolist(), problem.values[1, a:b].tolist(), strict=True), key=lambda c: c[0])
        for a, b in zip(starts, ends, strict=True)
    ]
    last = len(stages) - 1
    budget = int(case.budgets[1]) - int(problem.origin[1])
    caps = [budget - sum(min(cost for _, cost in stage) for stage in stages[b + 1 :]) for b in range(last + 1)]
    bounds = [len(stage) for stage in stages]
    at = [0] * (last + 1)
    best: list[int] = []

    def loop(b: int, loss: int, cost: int) -> None:
        if repaired:
            bounds[b] = len(stages[b])
        for k in range(bounds[b]):
            at[b] = k
            more_loss, more_cost = stages[b][k]
            if b == last:
                if cost + more_cost < caps[b] + 1:  # strictly below a budget that is one unit larger
                    if not best or loss + more_loss < best[0]:
                        best[:] = [loss + more_loss]
                    bounds[b] = k
                    if k == 0 and b > 0:
                        bounds[b - 1] = at[b - 1]
                        bounds[b] = len(stages[b])
                    elif k == 0:
                        bounds[b] = len(stages[b])
                    return
                continue
            if b > 0 and k >= bounds[b]:
                if bounds[b] == 0:
                    bounds[b - 1] = at[b - 1]
                    bounds[b] = len(stages[b])
                return
            if cost + more_cost <= caps[b]:
                loop(b + 1, loss + more_loss, cost + more_cost)

    loop(0, int(problem.origin[0]), 0)
    return best[0] if best else None


@pytest.mark.parametrize("backend", BACKENDS)
@settings(max_examples=150, deadline=None)
@given(case=sum_cases(n_budgets=1))
def test_repaired_it_is_exact(backend: str, case: Case) -> None:
    found = dna_traversal(case.problem, case.budgets, select_backend(backend), "repaired")
    assert found.status == ("optimal" if case.fitting else "infeasible")
    assert found.value == (case.fitting[0][0][0] if case.fitting else None)
    assert found.value == by_the_rules(case, repaired=True)


@pytest.mark.parametrize("backend", BACKENDS)
@settings(max_examples=150, deadline=None)
@given(case=sum_cases(n_budgets=1))
def test_as_published_it_follows_its_rules_and_never_beats_the_best(backend: str, case: Case) -> None:
    found = dna_traversal(case.problem, case.budgets, select_backend(backend), "published")
    assert found.value == by_the_rules(case, repaired=False)
    assert found.status == ("unknown" if found.value is None else "feasible")
    assert found.bound is None
    if found.value is not None:
        assert found.value >= case.fitting[0][0][0]


@pytest.mark.parametrize("backend", BACKENDS)
def test_as_published_it_misses_most_optima(backend: str) -> None:
    """Five stages of eight candidates whose loss falls with cost: nearly always, by several percent."""
    kernels = select_backend(backend)
    gaps = []
    for seed in range(40):
        generator = np.random.default_rng(seed)
        costs = np.sort(np.round(generator.random((5, 8)), 4))
        losses = np.round(np.exp(-2 * costs) * generator.uniform(0.5, 2, (5, 1)), 4)
        lut = lut_from_columns({"loss": losses.tolist(), "cost": costs.tolist()})
        problem = Problem.of(lut, ["loss", "cost"], kernels)
        low, high = (end(problem.values[1].reshape(5, 8), axis=1).sum() for end in (np.min, np.max))
        budgets = np.array([UNLIMITED, low + (high - low) * 2 // 5])
        published = dna_traversal(problem, budgets, kernels, "published").value
        best = dna_traversal(problem, budgets, kernels, "repaired").value
        assert published is not None
        assert best is not None
        gaps.append(published / best - 1)
    assert np.mean(np.array(gaps) > 0) > 0.8
    assert 0.03 < np.mean(gaps) < 0.1


@pytest.mark.parametrize("backend", BACKENDS)
def test_it_stops_after_so_many_candidates(backend: str) -> None:
    lut = lut_from_columns({"loss": [[0.0, 1.0, 2.0]] * 6, "cost": [[5.0, 3.0, 1.0]] * 6})
    problem = Problem.of(lut, ["loss", "cost"], select_backend(backend))
    budgets = np.array([UNLIMITED, 15])
    found = dna_traversal(problem, budgets, select_backend(backend), "repaired", max_nodes=20)
    assert (found.status, found.evaluations) == ("feasible", 20)


@pytest.mark.parametrize(
    ("budgets", "message"),
    [
        ([UNLIMITED, UNLIMITED, UNLIMITED], "one budget, not on the objective; given: none"),
        ([UNLIMITED, 1, 1], "one budget, not on the objective; given: size, peak"),
        ([1, UNLIMITED, UNLIMITED], "one budget, not on the objective; given: loss"),
        ([UNLIMITED, UNLIMITED, 1], "needs sums: metric 'peak' is a maximum"),
    ],
)
def test_what_it_cannot_do(budgets: list[int], message: str) -> None:
    metrics = [Metric("loss"), Metric("size"), Metric("peak", aggregation="max")]
    lut = lut_from_columns({"loss": [[1.0]], "size": [[1.0]], "peak": [[1.0]]}, metrics)
    kernels = select_backend(BACKENDS[0])
    problem = Problem.of(lut, lut.metric_names, kernels)
    with pytest.raises(InputError, match=message):
        dna_traversal(problem, np.array(budgets), kernels, "repaired")

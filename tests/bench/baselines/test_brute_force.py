"""Brute force gives the oracle's first answer, on both backends, and says how far it came."""

from __future__ import annotations

import signal

import numpy as np
import pytest
from hypothesis import given, settings

from qabwnas.bench.baselines import brute_force
from qabwnas.bench.baselines.brute_force import brute_force_seconds
from qabwnas.search.engine.backend import select_backend
from qabwnas.search.model.grid import UNLIMITED
from qabwnas.search.model.problem import Problem
from tests.bench.baselines.strategies import Case, cases
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

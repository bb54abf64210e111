"""Multi-dimensional multiple-choice knapsacks, to proved optimality or a time limit, against HiGHS, CP-SAT and CBC.

    python benchmarks/bench_mmkp.py [--full] [--json RESULTS.json]

I01 to I03 of Khan's set are real (../shared/data/mmkp). The others are seeded instances in the shapes of I04 to I07:
weights are integers from 0 to 9, and every budget is five per group, as in the real instances. Profits are either
independent of the weights (easy to prove, as I05 and I06 are known to be), or the sum of an item's weights times a
factor of its group, plus noise (no solver here proves those in a minute). With --full, all four shapes have both kinds.

All times are wall-clock times, because CP-SAT uses two workers. The time limit is 10 seconds, or 60 with --full; runs
that hit it are listed with value and bound.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import json
import math
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import numpy as np
import timing
from timing import Row

from qabwnas.bench.baselines.cbc_model import CbcModel
from qabwnas.bench.baselines.cp_sat_model import CpSatModel
from qabwnas.bench.baselines.highs_model import HighsModel
from qabwnas.bench.baselines.result import BaselineResult
from qabwnas.lut.lut import Lut, LutBlock, Metric, Table
from qabwnas.search.engine.backend import COMPLETE, Backend
from qabwnas.search.model.problem import Problem

SHAPES = {"I04": (20, 10, 10), "I05": (25, 10, 10), "I06": (30, 10, 10), "I07": (100, 10, 10)}
BUDGET_PER_GROUP = 5
HARD = ("I04", "I07")


def seeded_lut(n_groups: int, n_items: int, n_resources: int, follows_weights: bool, seed: int = 0) -> Lut:
    """Return an instance as a LUT: the loss is the negative profit, blocks are groups, costs are resources."""
    generator = np.random.default_rng(seed)
    names = [f"resource{r + 1}" for r in range(n_resources)]
    blocks = []
    for group in range(n_groups):
        weights = generator.integers(0, 10, size=(n_resources, n_items)).astype(np.float64)
        if follows_weights:
            profits = weights.sum(axis=0) * generator.uniform(1.5, 2.5) + generator.uniform(0, 27, size=n_items)
        else:
            profits = generator.uniform(0, 200, size=n_items)
        columns = {"loss": -np.round(profits, 2)} | dict(zip(names, weights, strict=True))
        blocks.append(LutBlock(f"group{group + 1:03}", (Table(columns),)))
    return Lut(tuple(map(Metric, ["loss", *names])), tuple(blocks))


def real_lut(instance: str) -> tuple[Lut, dict[str, str]] | None:
    """Return a real instance and its budgets, or ``None`` if the data are missing."""
    path, expected = timing.data_file(f"mmkp/{instance}.csv"), timing.data_file("mmkp/expected_mmkp.json")
    if path is None or expected is None:
        return None
    return Lut.from_csv(path), json.loads(expected.read_text())[instance]["budgets"]


def ours(kernels: Backend, problem: Problem, budgets: np.ndarray, max_seconds: float) -> BaselineResult:
    started = time.perf_counter()
    status, totals, choice, bound, n_nodes = kernels.top(
        problem.values, problem.offsets, problem.is_max, problem.origin, budgets, 1, max_seconds=max_seconds
    )
    seconds = time.perf_counter() - started
    best, claim = (choice[0] if len(choice) else None), "optimal" if status == COMPLETE else "feasible"
    found = BaselineResult.checked(problem, budgets, best, claim, bound=bound, evaluations=n_nodes, seconds=seconds)
    assert best is None or found.value == totals[0, 0]
    return found


def repeated(solve: Callable[[], BaselineResult]) -> BaselineResult:
    """Return the first run, with the median time of seven runs if they are short."""
    runs = [solve()]
    while len(runs) < 7 and runs[0].seconds < 0.5:
        runs.append(solve())
    return replace(runs[0], seconds=statistics.median(run.seconds for run in runs))


def bench_instance(work: str, lut: Lut, budgets: dict[str, str], max_seconds: float, at_least: float | None) -> Row:
    for kernels in timing.backends().values():
        problem = Problem.of(lut, lut.metric_names, kernels)
        units = problem.budget_units(budgets)
        ours(kernels, problem, units, 0.1)  # Numba compiles
    found = {
        backend: repeated(partial(ours, kernels, problem, units, max_seconds))
        for backend, kernels in timing.backends().items()
    }
    for solver, model in (("HiGHS", HighsModel), ("CP-SAT", CpSatModel), ("CBC", CbcModel)):
        found[solver] = repeated(partial(model.of(problem, units).solve, max_seconds))
    check({solver: result for solver, result in found.items() if solver in ("cpp", "numba", "CP-SAT")})
    stopped = frozenset(solver for solver, result in found.items() if result.status != "optimal")
    seconds = {solver: result.seconds for solver, result in found.items()}
    outcomes = {solver: outcome(problem, result) for solver, result in found.items()}
    detail = ", ".join(f"{solver} {text}" for solver, text in outcomes.items())
    if len(set(outcomes.values())) == 1:
        detail = outcomes["cpp"]
    return Row(work, seconds, detail, at_least, stopped=stopped)


def check(exact: dict[str, BaselineResult]) -> None:
    """Check that exactly proved optima are equal, and that no value contradicts a bound."""
    largest_bound = max(found.bound for found in exact.values() if found.bound is not None)
    smallest_value = min((found.value for found in exact.values() if found.value is not None), default=math.inf)
    assert largest_bound <= smallest_value
    assert len({found.value for found in exact.values() if found.status == "optimal"}) <= 1
    assert all(found.status in ("optimal", "feasible", "unknown") for found in exact.values())


def outcome(problem: Problem, found: BaselineResult) -> str:
    """Return the profit, and its upper bound if it is not proved optimal."""
    profit = "none" if found.value is None else f"{-problem.grids[0].decimal(found.value):f}"
    if found.status == "optimal":
        return profit
    bound = "unknown" if found.bound is None else f"{-problem.grids[0].decimal(found.bound):f}"
    return f"{profit} of at most {bound}" + (" (breaks a budget)" if found.status == "outside" else "")


def rows(full: bool) -> Iterator[Row]:
    max_seconds = 60.0 if full else 10.0
    for name in ("I01", "I02", "I03"):
        instance = real_lut(name)
        if instance is not None:
            yield bench_instance(f"MMKP {name}", *instance, max_seconds, 1.0)
    for name, shape in SHAPES.items():
        for follows_weights in (False, True):
            if follows_weights and not full and name not in HARD:
                continue
            lut = seeded_lut(*shape, follows_weights)
            budgets = {metric: str(BUDGET_PER_GROUP * shape[0]) for metric in lut.metric_names[1:]}
            work = f"MMKP like {name}, profits {'follow weights' if follows_weights else 'free'}"
            target = None if follows_weights or name in HARD else 1.0
            yield bench_instance(work, lut, budgets, max_seconds, target)


if __name__ == "__main__":
    timing.run(rows, __doc__)

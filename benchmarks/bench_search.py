"""Fronts, searches and queries of the paper's space (a seeded LUT) and of real tables, against peers.

    python benchmarks/bench_search.py [--full] [--json RESULTS.json]

Peers of fronts: numpy and moocore, which prune every block, compute all sums of the front so far and a block, and
filter. Peers of searches: HiGHS (SciPy), CP-SAT (OR-Tools, two workers, wall-clock time) and CBC (PuLP), on all rows
and on the Pareto-minimal rows of each block; their models are built beforehand. Peers of queries: numpy.searchsorted,
and a numpy scan.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import timing
from paper_space import paper_lut
from peers import front_by_moocore
from timing import Row, equal_fronts, race

from qabwnas.bench.baselines.cbc_model import CbcModel
from qabwnas.bench.baselines.cp_sat_model import CpSatModel
from qabwnas.bench.baselines.highs_model import HighsModel
from qabwnas.bench.baselines.result import BaselineResult
from qabwnas.bench.compare import tight_budgets
from qabwnas.lut.lut import Lut
from qabwnas.search import Frontier
from qabwnas.search.engine.backend import select_backend
from qabwnas.search.model.problem import Problem

METRICS = ["loss", "size_bytes", "latency_ms", "macs"]
MODELS = {"HiGHS": HighsModel, "CP-SAT": CpSatModel, "CBC": CbcModel}
TABLES = ("spaceevo_pixel4_160", "spaceevo_pixel4_192", "spaceevo_pixel4_224", "hawqv3_resnet18")


def bench_front(work: str, lut: Lut, metrics: list[str], at_least: float | None) -> Row:
    problem = Problem.of(lut, metrics, select_backend("cpp"))
    arguments = (problem.values, problem.offsets, problem.is_max, problem.origin)
    calls: dict[str, Callable[[], Any]] = {}
    for name, kernels in timing.backends().items():
        calls[name] = lambda kernels=kernels: kernels.front(*arguments)
    calls["numpy + moocore"] = lambda: front_by_moocore(problem)
    sizes = set()

    def check(answers: dict[str, Any]) -> None:
        totals = equal_fronts(answers)
        expected = answers["numpy + moocore"].astype(np.int64)
        assert np.array_equal(totals, expected[np.lexsort(expected.T[::-1])])
        sizes.add(len(totals))

    seconds = race(calls, check)
    return Row(work, seconds, f"{sizes.pop():,} points", at_least)


def pareto_minimal(problem: Problem) -> Problem:
    """Return the problem without the dominated rows of every block."""
    prune = select_backend("cpp").prune
    kept = [
        first + prune(np.ascontiguousarray(problem.values[:, first:last]), problem.is_max, 1)
        for first, last in pairwise(problem.offsets)
    ]
    values = np.ascontiguousarray(problem.values[:, np.concatenate(kept)])
    return replace(problem, values=values, offsets=np.cumsum([0, *map(len, kept)], dtype=np.int64))


def check_searches(answers: dict[str, Any]) -> None:
    """Check that exact answers are equal; print the answers of floating-point solvers that differ."""
    value = int(answers["cpp"][1][0, 0])
    assert np.array_equal(answers["cpp"][1], answers["numba"][1])
    assert np.array_equal(answers["cpp"][2], answers["numba"][2])
    for name, found in answers.items():
        if isinstance(found, BaselineResult) and (found.status, found.value) != ("optimal", value):
            assert name != "CP-SAT"
            print(f"{name}: {found.status} {found.value}, but the optimum is {value}", flush=True)


def bench_search(n_budgets: int, at_least: float, at_least_pruned: float) -> Iterator[Row]:
    problem = Problem.of(paper_lut(), METRICS[: n_budgets + 1], select_backend("cpp"))
    budgets = tight_budgets(problem)
    arguments = (problem.values, problem.offsets, problem.is_max, problem.origin, budgets, 1)
    for words, instance, target in (
        ("all rows", problem, at_least),
        ("pruned rows", pareto_minimal(problem), at_least_pruned),
    ):
        calls: dict[str, Callable[[], Any]] = {}
        for name, kernels in timing.backends().items():
            calls[name] = partial(kernels.top, *arguments)
        for name, model in MODELS.items():
            calls[name] = model.of(instance, budgets).solve
        seconds = race(calls, check_searches, wall_clock={"CP-SAT"}, rounds=7)
        size = f"{instance.values.shape[1]:,} rows"
        plural = "s" if n_budgets > 1 else ""
        yield Row(f"cold search, {n_budgets} tight budget{plural}, peers on {words}", seconds, size, target)


def bench_top(k: int, within_seconds: float) -> Row:
    problem = Problem.of(paper_lut(), METRICS[:2], select_backend("cpp"))
    arguments = (problem.values, problem.offsets, problem.is_max, problem.origin, tight_budgets(problem), k)
    calls: dict[str, Callable[[], Any]] = {}
    for name, kernels in timing.backends().items():
        calls[name] = partial(kernels.top, *arguments)

    def check(answers: dict[str, Any]) -> None:
        assert len(answers["cpp"][1]) == k
        assert np.array_equal(answers["cpp"][2], answers["numba"][2])

    return Row(f"top-{k}, one tight budget", race(calls, check), within_seconds=within_seconds)


def bench_queries(n_budgets: int, n_queries: int, at_least: float, threads: int) -> Row:
    front = Frontier.build(paper_lut(), METRICS[: n_budgets + 1])
    generator = np.random.default_rng(1)
    low, high = front.units.min(axis=0), front.units.max(axis=0)
    units = generator.integers(low[1:], high[1:] + 1, size=(n_queries, n_budgets))
    calls: dict[str, Callable[[], Any]] = {}
    for name, kernels in timing.backends().items():
        calls[name] = partial(front.first_within, range(1, n_budgets + 1), units, kernels, threads)
    costs = np.ascontiguousarray(front.units[:, 1:])
    if n_budgets == 1:
        ascending, wanted = costs[::-1, 0].copy(), units[:, 0].copy()
        peer = "numpy.searchsorted"
        calls[peer] = lambda: len(costs) - np.searchsorted(ascending, wanted, side="right")
    else:
        peer = "numpy scan"
        calls[peer] = lambda: np.array([np.argmax((costs <= row).all(axis=1)) for row in units])

    def check(answers: dict[str, Any]) -> None:
        assert np.array_equal(answers["cpp"], answers["numba"])
        fits = answers["cpp"] >= 0
        assert np.array_equal(answers["cpp"][fits], answers[peer][fits])

    seconds = race(calls, check, wall_clock=set(calls) if threads > 1 else ())
    plural = f"{n_budgets} budgets" if n_budgets > 1 else "1 budget"
    work = f"{n_queries:,} queries of a {n_budgets + 1}-D front, {plural}, {threads} thread{'s' if threads > 1 else ''}"
    return Row(work, seconds, f"{len(front):,} points", at_least)


def bench_table(table: str) -> Iterator[Row]:
    """Measure a real table: its front over all metrics, and its searches with known answers, one after the other."""
    path, cases_path = timing.data_file(f"tables/{table}.csv"), timing.data_file(f"expected/{table}.expected.json")
    if path is None or cases_path is None:
        return
    lut = Lut.from_csv(path)
    yield bench_front(f"{table}: front over {len(lut.metrics)} metrics", lut, list(lut.metric_names), None)
    searches = []
    cases = [case for case in json.loads(cases_path.read_text())["cases"] if case["status"] == "optimal"]
    for case in cases:
        names = ["loss", *(name for name in lut.metric_names if name in case["budgets"])]
        problem = Problem.of(lut, names, select_backend("cpp"))
        searches.append((problem, problem.budget_units(case["budgets"])))
    calls: dict[str, Callable[[], Any]] = {}
    for name, kernels in timing.backends().items():
        calls[name] = lambda kernels=kernels: [
            int(kernels.top(p.values, p.offsets, p.is_max, p.origin, budgets, 1)[1][0, 0]) for p, budgets in searches
        ]
    for name, model in MODELS.items():
        models = [model.of(*search) for search in searches]
        calls[name] = lambda models=models: [model.solve().value for model in models]

    def check(answers: dict[str, Any]) -> None:
        assert answers["cpp"] == answers["numba"]
        for case, (problem, _), value in zip(cases, searches, answers["cpp"], strict=True):
            assert problem.grids[0].decimal(value) == Decimal(case["optimal_loss"])
        for name in MODELS:
            wrong = sum(a != b for a, b in zip(answers[name], answers["cpp"], strict=True))
            if wrong:
                print(f"{table}: {name} is wrong in {wrong} of {len(cases)} cases", flush=True)

    seconds = race(calls, check, wall_clock={"CP-SAT"}, rounds=5)
    yield Row(f"{table}: {len(cases)} searches", seconds, f"{searches[0][0].values.shape[1]:,} rows")


def rows(full: bool) -> Iterator[Row]:
    lut = paper_lut()
    for n_metrics, at_least in ((2, 25), (3, 15), (4, 12)):
        yield bench_front(f"exact front, {n_metrics}-D", lut, METRICS[:n_metrics], at_least)
    for n_budgets, at_least, at_least_pruned in ((1, 2000, 60), (2, 100, 10), (3, 50, 6)):
        yield from bench_search(n_budgets, at_least, at_least_pruned)
    yield bench_top(10, 0.1e-3)
    yield bench_top(100, 5e-3)
    for threads in (1, 2):
        yield bench_queries(1, 1_000_000, 8, threads)
    yield bench_queries(2, 1_000, 150, threads=1)
    for table in TABLES if full else TABLES[:1]:
        yield from bench_table(table)


if __name__ == "__main__":
    timing.run(rows, __doc__)

"""The methods that the exact search replaces: DNA's traversal, brute force, heuristics.

    python benchmarks/bench_traversal.py [--full] [--json RESULTS.json]

First, 300 cases of five stages with eight candidates; the loss falls with the cost, and budgets lie between 10 % and 90
% of the way from the smallest to the largest cost. They show how often and by how much DNA's traversal as published
misses the optimum. Then the paper's space with one tight budget; traversals stop after 10 seconds, or 60 with --full.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import timing
from paper_space import paper_lut
from peers import best_by_nsga2
from timing import Row, race

from qabwnas.bench.baselines import (
    BaselineResult,
    brute_force,
    dna_traversal,
    evolutionary_search,
    random_search,
)
from qabwnas.bench.baselines.exhaustive import brute_force_seconds
from qabwnas.bench.compare import tight_budgets
from qabwnas.lut.lut import Lut, LutBlock, Metric, Table
from qabwnas.search.engine.backend import Backend, select_backend
from qabwnas.search.model.problem import Problem

N_CASES, N_STAGES, N_CANDIDATES = 300, 5, 8
EXTRAPOLATED = (1e14, 7e16)

Posed = tuple[Problem, np.ndarray]


def five_stages(seed: int) -> Posed:
    """Return a problem with loss and cost, and its budgets."""
    generator = np.random.default_rng(seed)
    blocks = []
    for b in range(N_STAGES):
        costs = np.sort(generator.random(N_CANDIDATES))
        losses = np.exp(-2 * costs) * generator.uniform(0.5, 2)
        columns = {"loss": np.round(losses, 4), "cost": np.round(costs, 4)}
        blocks.append(LutBlock(f"stage{b}", (Table(columns),)))
    problem = Problem.of(Lut((Metric("loss"), Metric("cost")), tuple(blocks)), ["loss", "cost"], select_backend())
    costs = problem.values[1].reshape(N_STAGES, N_CANDIDATES)
    low, high = costs.min(axis=1).sum(), costs.max(axis=1).sum()
    budgets = tight_budgets(problem)
    budgets[1] = low + int((high - low) * generator.uniform(0.1, 0.9))
    return problem, budgets


def exact(kernels: Backend, problem: Problem, budgets: np.ndarray) -> int:
    arguments = (problem.values, problem.offsets, problem.is_max, problem.origin, budgets, 1)
    return int(kernels.top(*arguments)[1][0, 0])


def bench_five_stages() -> Row:
    cases = [five_stages(seed) for seed in range(N_CASES)]
    core = select_backend("cpp")
    calls: dict[str, Callable[[], Any]] = {
        name: partial(lambda kernels: [exact(kernels, *case) for case in cases], kernels)
        for name, kernels in timing.backends().items()
    }
    for variant in ("published", "repaired"):
        calls[f"DNA {variant}"] = lambda variant=variant: [dna_traversal(*case, core, variant).value for case in cases]
    calls["brute force"] = lambda: [brute_force(*case, core).value for case in cases]
    said = []

    def check(answers: dict[str, Any]) -> None:
        published = np.array(answers.pop("DNA published"))
        best = np.array(answers["cpp"])
        assert all(np.array_equal(values, best) for values in answers.values())
        gaps = published / best - 1
        assert (gaps >= 0).all()
        said.append(
            f"DNA published misses {np.mean(gaps > 0):.0%}, by {gaps[gaps > 0].mean():.1%}, {gaps.mean():.1%} over all"
        )

    seconds = race(calls, check)
    return Row(f"{N_CASES} cases of {N_STAGES} stages × {N_CANDIDATES}", seconds, said[0])


def bench_paper_space(max_seconds: float) -> Iterator[Row]:
    problem = Problem.of(paper_lut(), ["loss", "size_bytes"], select_backend("cpp"))
    budgets = tight_budgets(problem)
    core = select_backend("cpp")
    calls: dict[str, Callable[[], Any]] = {
        name: partial(exact, kernels, problem, budgets) for name, kernels in timing.backends().items()
    }
    for variant in ("published", "repaired"):
        calls[f"DNA {variant}"] = partial(dna_traversal, problem, budgets, core, variant, max_seconds=max_seconds)
    calls["brute force"] = partial(brute_force, problem, budgets, core, max_seconds=max_seconds)
    calls["random"] = partial(random_search, problem, budgets)
    calls["evolutionary"] = partial(evolutionary_search, problem, budgets)
    calls["NSGA-II"] = partial(best_by_nsga2, problem, budgets)
    found: dict[str, Any] = {}
    traversals = ("DNA published", "DNA repaired", "brute force")

    def check(answers: dict[str, Any]) -> None:
        assert answers["cpp"] == answers["numba"]
        found.update(answers)

    seconds = race(calls, check, wall_clock=traversals)
    best = found["cpp"]
    gaps = {
        name: (answer.value if isinstance(answer, BaselineResult) else answer) / best - 1
        for name, answer in found.items()
    }
    stopped = frozenset(name for name in traversals if found[name].seconds >= max_seconds)
    words = ", ".join(f"{name} {gap:.1%}" for name, gap in gaps.items() if name not in timing.OURS)
    slow = {name: seconds[name] for name in (*timing.OURS, *traversals)}
    yield Row("MP space, one tight budget: traversals", slow, f"above the optimum: {words}", stopped=stopped)
    quick = {name: seconds[name] for name in (*timing.OURS, "random", "evolutionary", "NSGA-II")}
    yield Row("MP space, one tight budget: heuristics, 10,000 subnets each", quick)
    counted = found["brute force"]
    years = ", ".join(
        f"{size:.0e} networks in {brute_force_seconds(counted, size) / 86400:,.1f} days" for size in EXTRAPOLATED
    )
    rate = counted.evaluations / counted.seconds
    numba = brute_force(problem, budgets, select_backend("numba"), max_seconds=min(5.0, max_seconds))
    rates = {"cpp": 1e9 / rate, "numba": 1e9 * numba.seconds / numba.evaluations}
    yield Row("brute force, 10^9 networks", rates, f"extrapolated, not measured: {years}")


def rows(full: bool) -> Iterator[Row]:
    yield bench_five_stages()
    yield from bench_paper_space(60.0 if full else 10.0)


if __name__ == "__main__":
    timing.run(rows, __doc__)

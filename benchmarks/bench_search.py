"""Searching the paper's space against named peers, on the same arrays in the same run; answers are compared first.

    python benchmarks/bench_search.py [--json RESULTS.json]

Peers: fronts by numpy and moocore (all sums of a front and a block made, then filtered); single searches by HiGHS
(scipy.optimize.milp) on the raw rows; queries of a front by numpy.searchsorted (one budget) and a numpy scan (two).
Times are CPU times of one thread, medians over rounds in which the peers take turns; ratios are peer / ours.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import moocore
import numpy as np
from paper_space import paper_lut
from scipy.optimize import Bounds, LinearConstraint, milp

from qabwnas.search import Frontier, Problem, select_backend

METRICS = ["loss", "size_bytes", "latency_ms", "macs"]
UNLIMITED = 2**63 - 1


def timed(calls: dict[str, Callable[[], Any]], rounds: int) -> dict[str, float]:
    """Return the median seconds of every call, after one warm-up, the calls taking turns."""
    for call in calls.values():
        call()
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            started = time.process_time()
            call()
            seconds[name].append(time.process_time() - started)
    return {name: statistics.median(values) for name, values in seconds.items()}


def front_by_moocore(problem: Problem) -> np.ndarray:
    """Prune every block, then make all sums of the front so far and a block, and filter; fewest rows first."""
    blocks = [problem.values[:, a:b].T.astype(float) for a, b in pairwise(problem.offsets)]
    blocks = sorted((block[moocore.is_nondominated(block)] for block in blocks), key=len)
    front = blocks[0]
    for block in blocks[1:]:
        sums = (front[:, None] + block[None]).reshape(-1, front.shape[1])
        front = sums[moocore.is_nondominated(sums)]
    return front


def bench_front(n_metrics: int, rounds: int) -> dict[str, float]:
    lut = paper_lut()
    calls: dict[str, Callable[[], Any]] = {}
    found = {}
    for name in ("cpp", "numba"):
        kernels = select_backend(name)
        problem = Problem.of(lut, METRICS[:n_metrics], kernels)
        arguments = (problem.values, problem.offsets, problem.is_max, problem.origin)
        calls[name] = lambda kernels=kernels, arguments=arguments: kernels.front(*arguments)
        found[name] = calls[name]()[1]
    calls["moocore"] = lambda: front_by_moocore(problem)
    expected = front_by_moocore(problem).astype(np.int64)
    expected = expected[np.lexsort(expected.T[::-1])]
    assert np.array_equal(found["cpp"], expected)
    assert np.array_equal(found["numba"], expected)
    return {"points": len(expected)} | timed(calls, rounds)


def tight_budgets(problem: Problem) -> np.ndarray:
    """A fifth of the way from the smallest to the largest total of every cost."""
    blocks = [problem.values[:, a:b] for a, b in pairwise(problem.offsets)]
    low, high = (sum(getattr(block, end)(axis=1) for block in blocks) for end in ("min", "max"))
    budgets = low + (high - low) // 5
    budgets[0] = UNLIMITED
    return budgets


def search_by_highs(problem: Problem, budgets: np.ndarray) -> int:
    """The exact optimum as a mixed-integer program: one binary a row, one choice a block."""
    n_rows = problem.values.shape[1]
    choose = np.zeros((len(problem.offsets) - 1, n_rows))
    for b, (first, last) in enumerate(pairwise(problem.offsets)):
        choose[b, first:last] = 1
    # Costs in units of their budgets: HiGHS's tolerances suit numbers near 1.
    costs = problem.values[1:] / budgets[1:, None]
    loss = problem.values[0].astype(float)
    solved = milp(
        loss / loss.max(),
        constraints=[LinearConstraint(choose, 1, 1), LinearConstraint(costs, -np.inf, 1)],
        bounds=Bounds(0, 1),
        integrality=np.ones(n_rows),
        options={"mip_rel_gap": 0},
    )
    return int(problem.values[0][np.rint(solved.x) == 1].sum())


def bench_search(n_budgets: int, rounds: int) -> dict[str, float]:
    lut = paper_lut()
    calls: dict[str, Callable[[], Any]] = {}
    optima = []
    for name in ("cpp", "numba"):
        kernels = select_backend(name)
        problem = Problem.of(lut, METRICS[: n_budgets + 1], kernels)
        budgets = tight_budgets(problem)
        arguments = (problem.values, problem.offsets, problem.is_max, problem.origin, budgets, 1)
        calls[name] = lambda kernels=kernels, arguments=arguments: kernels.top(*arguments)
        optima.append(int(calls[name]()[1][0, 0]))
    calls["HiGHS"] = lambda: search_by_highs(problem, budgets)
    assert optima[0] == optima[1] == search_by_highs(problem, budgets)
    return timed(calls, rounds)


def bench_queries(n_budgets: int, n_queries: int, rounds: int) -> dict[str, float]:
    front = Frontier.build(paper_lut(), METRICS[: n_budgets + 1])
    generator = np.random.default_rng(1)
    low, high = front.units.min(axis=0), front.units.max(axis=0)
    units = generator.integers(low[1:], high[1:] + 1, size=(n_queries, n_budgets))
    calls: dict[str, Callable[[], Any]] = {}
    for name in ("cpp", "numba"):
        kernels = select_backend(name)
        calls[name] = lambda kernels=kernels: front.first_within(range(1, n_budgets + 1), units, kernels)
    costs = np.ascontiguousarray(front.units[:, 1:])
    if n_budgets == 1:
        ascending = costs[::-1, 0].copy()
        calls["numpy.searchsorted"] = lambda: len(costs) - np.searchsorted(ascending, units[:, 0], side="right")
    else:
        calls["numpy scan"] = lambda: np.array([np.argmax((costs <= row).all(axis=1)) for row in units])
    ours, numba, peer = (call() for call in calls.values())
    assert np.array_equal(ours, numba)
    fits = ours >= 0
    assert np.array_equal(ours[fits], peer[fits])
    return {"points": len(front)} | timed(calls, rounds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="also write the results as JSON")
    arguments = parser.parse_args()
    results = {
        "exact front, 2 metrics": bench_front(2, rounds=21),
        "exact front, 3 metrics": bench_front(3, rounds=7),
        "exact front, 4 metrics": bench_front(4, rounds=3),
        "search, 1 tight budget": bench_search(1, rounds=5),
        "search, 2 tight budgets": bench_search(2, rounds=3),
        "search, 3 tight budgets": bench_search(3, rounds=3),
        "1,000,000 queries, 2-D front": bench_queries(1, 1_000_000, rounds=5),
        "1,000 queries, 3-D front, 2 budgets": bench_queries(2, 1_000, rounds=3),
    }
    print("| work | points | C++ | Numba | peer | peer / C++ |")
    print("|---|---|---|---|---|---|")
    for work, result in results.items():
        peer = next(name for name in result if name not in ("points", "cpp", "numba"))
        times = [f"{result[name] * 1e3:,.2f} ms" for name in ("cpp", "numba", peer)]
        ratio = result[peer] / result["cpp"]
        points = f"{result['points']:,}" if "points" in result else "–"
        print(f"| {work} | {points} | {times[0]} | {times[1]} | {peer}: {times[2]} | {ratio:,.1f}× |")
    if arguments.json is not None:
        machine = {
            "machine": platform.machine(),
            "cpus": os.cpu_count(),
            "threads": 1,
            "python": platform.python_version(),
        }
        arguments.json.write_text(json.dumps({"machine": machine, "seconds": results}, indent=2) + "\n")


if __name__ == "__main__":
    main()

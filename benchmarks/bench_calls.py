"""The public calls next to the kernels, and the points of a front in use.

    python benchmarks/bench_calls.py [--full] [--json RESULTS.json]

On the paper's space with one tight budget: the kernel alone, a first ``qabwnas.search`` of a LUT whose columns are in
memory, a repeated one, and ``Session.search``. The calls of one backend take turns with the kernel; the size column has
the fastest ones. The targets are 0.8 ms for the first call and 0.3 ms for a repeated one.

Points of the 4-D front of the paper's space, or with --full of a front of 1.6 million points (24 blocks): CSV, doubles,
and iteration, compared with one point at a time, which is what users would write with ``Frontier.totals`` and
``Frontier.choice``. One point at a time is timed on the first 20,000 points, and its time is scaled.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import csv
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import timing
from bench_large import lut_of_layers
from paper_space import paper_lut
from timing import Row

import qabwnas
from qabwnas.bench.compare import tight_budgets
from qabwnas.lut.lut import Lut
from qabwnas.search import Frontier, Session
from qabwnas.search.engine.backend import select_backend
from qabwnas.search.model.problem import Problem

METRICS = ["loss", "size_bytes", "latency_ms", "macs"]
KERNEL, SESSION = "kernel alone", "Session.search, repeated"
FIRST, REPEATED = "qabwnas.search, first call", "qabwnas.search, repeated"
TARGETS = {KERNEL: None, FIRST: 0.8e-3, REPEATED: 0.3e-3, SESSION: None}
N_TURNS = 150
N_ONE_BY_ONE = 20_000


def bench_calls() -> Iterator[Row]:
    lut = paper_lut()
    problem = Problem.of(lut, METRICS[:2], select_backend("cpp"))
    units = tight_budgets(problem)
    budgets = {"size_bytes": problem.grids[1].decimal(int(units[1]))}
    kernel_arguments = (problem.values, problem.offsets, problem.is_max, problem.origin, units, 1)
    seconds: dict[str, dict[str, list[float]]] = {call: {} for call in TARGETS}
    answers: dict[str, dict[str, Any]] = {call: {} for call in TARGETS}
    for name, kernels in timing.backends().items():
        first_luts = iter([Lut(lut.metrics, lut.blocks, lut.space, lut.provenance) for _ in range(N_TURNS + 1)])
        calls: dict[str, Callable[[], Any]] = {
            KERNEL: partial(kernels.top, *kernel_arguments),
            FIRST: lambda name=name, luts=first_luts: qabwnas.search(next(luts), budgets=budgets, backend=name),
            REPEATED: partial(qabwnas.search, lut, budgets=budgets, backend=name),
            SESSION: partial(Session(lut, backend=name).search, budgets=budgets),
        }
        for call, function in calls.items():
            answers[call][name] = function()
            seconds[call][name] = []
        # A first call leaves cold caches behind, so it takes turns with the kernel alone.
        for turns in ((KERNEL, FIRST), (KERNEL, REPEATED, SESSION)):
            for _ in range(N_TURNS):
                for call in turns:
                    started = time.process_time()
                    calls[call]()
                    seconds[call][name].append(time.process_time() - started)
    _check_answers(answers, problem)
    for call, target in TARGETS.items():
        fastest = ", ".join(f"{min(times) * 1e6:.0f}" for times in seconds[call].values())
        medians = {name: statistics.median(times) for name, times in seconds[call].items()}
        yield Row(f"{call}, 1 tight budget, MP space", medians, f"minima {fastest} µs", within_seconds=target)


def _check_answers(answers: Mapping[str, Mapping[str, Any]], problem: Problem) -> None:
    """Check that all calls gave the subnet of the kernel, and that public calls gave the same totals."""
    _, totals, rows, *_ = answers[KERNEL]["cpp"]
    expected = answers[FIRST]["cpp"][0]
    assert expected.objective == problem.grids[0].decimal(int(totals[0, 0]))
    assert list(expected.choice.values()) == rows[0].tolist()
    for call, by_backend in answers.items():
        for answer in by_backend.values():
            assert np.array_equal(answer[2], rows) if call == KERNEL else answer[0] == expected


def bench_points(front: Frontier) -> Iterator[Row]:
    n = min(N_ONE_BY_ONE, len(front))
    name, objective = f"{len(front):,} points, {len(front.block_names)} blocks", front.metric_names[0]
    with tempfile.TemporaryDirectory() as folder:
        path, other_path = Path(folder) / "front.csv", Path(folder) / "one_by_one.csv"

        def csv_one_by_one() -> list[str]:
            with other_path.open("w", newline="", encoding="utf-8") as stream:
                out = csv.writer(stream)
                out.writerow([*front.metric_names, *front.block_names])
                for point in range(n):
                    totals = (f"{total:f}" for total in front.totals(point).values())
                    out.writerow([*totals, *front.choice(point).values()])
            return other_path.read_text(encoding="utf-8").splitlines()

        def csv_at_once() -> list[str]:
            front.save_csv(path)
            with path.open(encoding="utf-8", newline="") as stream:
                return [stream.readline().rstrip() for _ in range(n + 1)]

        pairs: dict[str, tuple[Callable[[], Any], Callable[[], Any]]] = {
            "CSV of a front": (csv_at_once, csv_one_by_one),
            "values of a metric": (
                lambda: front.values(objective)[:n].tolist(),
                lambda: [float(front.totals(point)[objective]) for point in range(n)],
            ),
            "iteration over answers": (
                lambda: [answer for point, answer in enumerate(front) if point < n],
                lambda: [front[point] for point in range(n)],
            ),
        }
        for work, (at_once, one_by_one) in pairs.items():
            seconds, answers = {}, []
            for method, call in (("cpp", at_once), ("one point at a time", one_by_one)):
                started = time.process_time()
                answers.append(call())
                seconds[method] = time.process_time() - started
            assert answers[0] == answers[1]
            seconds["one point at a time"] *= len(front) / n
            yield Row(work, seconds, name)


def rows(full: bool) -> Iterator[Row]:
    yield from bench_calls()
    lut = lut_of_layers(24, 36, (4, 6, 8), (4, 6), 1.0, 0.03) if full else paper_lut()
    yield from bench_points(Frontier.build(lut, lut.metric_names))


if __name__ == "__main__":
    timing.run(rows, __doc__)

"""Limits of the search: how many metrics are compared, how many points a front has, how much memory it takes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import qabwnas
from qabwnas.errors import FrontLimitError, InputError
from qabwnas.lut.lut import Lut, Metric
from qabwnas.search import Session, select_backend
from qabwnas.search.batch.batch import answer_batch
from qabwnas.search.engine.backend import LIMIT, Backend
from tests import oracle
from tests.search import BACKENDS
from tests.strategies import lut_from_columns

MOST = 16


def lut_of(n_metrics: int, n_blocks: int = 2, n_rows: int = 5, seed: int = 0) -> Lut:
    generator = np.random.default_rng(seed)
    columns = {
        f"m{m}": [generator.integers(0, 50, n_rows).astype(float).tolist() for _ in range(n_blocks)]
        for m in range(n_metrics)
    }
    return lut_from_columns(columns)


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_limit_is_that_of_the_core(backend: str) -> None:
    kernels = select_backend(backend)
    assert (kernels.max_metrics, kernels.max_points) == (MOST, 2**31 - 1)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("n_metrics", [7, 9, 12, 13, MOST])
def test_all_that_is_found_over_many_metrics(backend: str, n_metrics: int) -> None:
    lut = lut_of(n_metrics)
    names = list(lut.metric_names)
    front = qabwnas.Frontier.build(lut, names, backend=backend)
    assert [tuple(front.totals(i).values()) for i in range(len(front))] == [
        totals for totals, _ in oracle.front(lut, names)
    ]
    budgets = dict.fromkeys(names[1:], 70)
    result = qabwnas.search(lut, minimize="m0", budgets=budgets, top=3, backend=backend)
    expected = oracle.best(lut, "m0", dict.fromkeys(names[1:], 70), 3)
    assert [tuple(answer.choice.values()) for answer in result.answers] == [choice for _, choice in expected]


def by_search(lut: Lut, names: list[str], backend: str, _: Path) -> Any:
    return qabwnas.search(lut, minimize=names[0], budgets=dict.fromkeys(names[1:], 70), backend=backend)


def by_front(lut: Lut, names: list[str], backend: str, _: Path) -> Any:
    return qabwnas.Frontier.build(lut, names, backend=backend)


def by_session(lut: Lut, names: list[str], backend: str, _: Path) -> Any:
    return Session(lut, backend=backend).search(minimize=names[0], budgets=dict.fromkeys(names[1:], 70))


def by_front_of_session(lut: Lut, names: list[str], backend: str, _: Path) -> Any:
    return Session(lut, backend=backend).front(names)


def by_batch(lut: Lut, names: list[str], backend: str, folder: Path) -> Any:
    (folder / "budgets.csv").write_text(",".join(names[1:]) + "\n" + ",".join("70" for _ in names[1:]) + "\n")
    return answer_batch(lut, folder / "budgets.csv", folder / "out.csv", minimize=names[0], backend=backend)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("ask", [by_search, by_front, by_session, by_front_of_session, by_batch])
def test_more_metrics_are_refused_by_number(ask: Callable[..., Any], backend: str, tmp_path: Path) -> None:
    ask(lut_of(MOST), [f"m{m}" for m in range(MOST)], backend, tmp_path)
    (tmp_path / "out.csv").unlink(missing_ok=True)
    for n in (MOST + 1, 40):
        with pytest.raises(InputError, match=f"^{n} metrics are too many to compare, the limit is {MOST}: "):
            ask(lut_of(n), [f"m{m}" for m in range(n)], backend, tmp_path)
    assert not (tmp_path / "out.csv").exists()


def test_the_core_itself_refuses_more() -> None:
    core = pytest.importorskip("qabwnas._core")
    n = MOST + 1
    values, is_max = np.zeros((n, 3), np.int64), np.zeros(n, np.uint8)
    offsets, origin = np.array([0, 3]), np.zeros(n, np.int64)
    calls: list[Callable[[], Any]] = [
        lambda: core.prune(values, is_max, 1),
        lambda: core.front(values, offsets, is_max, origin, origin + 9, 0.0, 2**40),
        lambda: core.top(values, offsets, is_max, origin, origin + 9, 1, 1, 100, 1.0),
        lambda: core.brute_force(values, offsets, is_max, origin, origin + 9, 100, 1.0),
    ]
    for call in calls:
        with pytest.raises(ValueError, match="the core takes 1 to 16 metrics, not 17"):
            call()


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_front_of_more_points_than_can_be_numbered(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(self: Backend, values: Any, *_: Any) -> Any:
        return LIMIT, np.empty((0, len(values)), np.int64), [], 1, self.max_points, 7

    monkeypatch.setattr(Backend, "front", stopped)
    with pytest.raises(FrontLimitError, match="^the front over m0, m1 has more than 2147483647 points, as many"):
        qabwnas.Frontier.build(lut_of(2), ["m0", "m1"], backend=backend)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_limit_is_met_within_a_block(backend: str) -> None:
    lut = lut_of(4, n_blocks=5, n_rows=40)
    with pytest.raises(FrontLimitError, match=r"takes more than 300000 bytes: with block [2-5] of 5 it had \d+ points"):
        qabwnas.Frontier.build(lut, lut.metric_names, max_memory=300_000, backend=backend)


def few_valued(n_first: int, first: bool, kind: str = "sum") -> Lut:
    """Four metrics; either the first or the last one has few values."""
    generator = np.random.default_rng(3)
    columns = {f"m{m}": [generator.integers(0, 10**5, 14).astype(float).tolist() for _ in range(3)] for m in range(3)}
    few = {"few": [generator.integers(0, n_first, 14).astype(float).tolist() for _ in range(3)]}
    named = {**few, **columns} if first else {**columns, **few}
    return lut_from_columns(named, [Metric(name, aggregation=kind if name == "few" else "sum") for name in named])  # type: ignore[arg-type]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("n_first", [1, 2, 4])
def test_answers_keep_the_order_of_the_metrics(backend: str, n_first: int) -> None:
    """Whichever metric a sweep goes by."""
    for kind in ("sum", "max"):
        lut = few_valued(n_first, first=True, kind=kind)
        front = qabwnas.Frontier.build(lut, lut.metric_names, backend=backend)
        found = [tuple(front.totals(i).values()) for i in range(len(front))]
        assert found == [totals for totals, _ in oracle.front(lut, lut.metric_names)]


MEASURED = """
import json, resource, sys
import numpy as np
from qabwnas.search.engine.backend import select_backend
kernels, n_first, position, n_rows = select_backend(sys.argv[1]), *map(int, sys.argv[2:])
def run(n_rows, max_bytes):
    generator = np.random.default_rng(0)
    values = generator.integers(0, 10**6, (3, 4 * n_rows))
    values[position] = generator.integers(0, n_first, 4 * n_rows)
    zeros = np.zeros(3, np.int64)
    return kernels.front(values, np.arange(5) * n_rows, np.zeros(3, np.uint8), zeros, zeros + 2**62, 0.0, max_bytes)
run(8, 2**40)  # loads what is compiled
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
status, totals, _, n_blocks, n_points, _ = run(n_rows, 2**24)
print(json.dumps([status, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024, n_points]))
"""


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("position", [0, 2])
def test_a_process_stays_within_the_memory_of_a_front(backend: str, position: int) -> None:
    """Peak memory of a front with a constant metric, first or last: within 16 MiB and what loading anything takes."""
    command = [sys.executable, "-c", MEASURED, backend, "1", str(position), "1500"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    status, peak, _ = json.loads(done.stdout)
    assert status in (0, LIMIT)
    assert peak < 2**24 + 2**23, f"{peak} bytes"

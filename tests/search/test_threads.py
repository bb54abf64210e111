"""One LUT, one front and one session per thread, used by several threads at once (docs/stability.md)."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import TypeVar

import numpy as np
import pytest

import qabwnas
from tests.search import BACKENDS
from tests.strategies import lut_from_columns

N_THREADS = 4
BUDGETS = [{"size": total, "latency": total} for total in (1.5, 2.0, 2.5, 3.0)]

Value = TypeVar("Value")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    generator = np.random.default_rng(0)
    columns = {name: [generator.random(40).round(3).tolist() for _ in range(5)] for name in ("loss", "size", "latency")}
    lut_from_columns(columns).save(tmp_path / "lut.h5")
    return tmp_path / "lut.h5"


def at_once(call: Callable[[int], Value]) -> list[Value]:
    """Return ``call(i)`` of every thread; all threads begin together, each for several rounds."""
    barrier = Barrier(N_THREADS)

    def rounds(i: int) -> Value:
        barrier.wait()
        results = [call(i) for _ in range(5)]
        assert all(result == results[0] for result in results)
        return results[0]

    with ThreadPoolExecutor(N_THREADS) as threads:
        return list(threads.map(rounds, range(N_THREADS)))


@pytest.mark.parametrize("backend", BACKENDS)
def test_threads_search_one_lut_whose_columns_are_not_read_yet(path: Path, backend: str) -> None:
    alone = [qabwnas.search(qabwnas.Lut.open(path), budgets=each, backend=backend).answers for each in BUDGETS]
    assert len({str(answers) for answers in alone}) > 1
    lut = qabwnas.Lut.open(path)
    assert at_once(lambda i: qabwnas.search(lut, budgets=BUDGETS[i], backend=backend).answers) == alone


@pytest.mark.parametrize("backend", BACKENDS)
def test_threads_query_one_front(path: Path, backend: str) -> None:
    minimize = ["loss", "size", "latency"]
    queries = [{name: np.linspace(0, total, 300) for name, total in each.items()} for each in BUDGETS]
    alone = [qabwnas.Frontier.build(qabwnas.Lut.open(path), minimize, backend=backend).query(each) for each in queries]
    front = qabwnas.Frontier.build(qabwnas.Lut.open(path), minimize, backend=backend)
    found = at_once(lambda i: front.query(queries[i], backend=backend).tolist())
    assert found == [each.tolist() for each in alone]


@pytest.mark.parametrize("backend", BACKENDS)
def test_each_thread_has_a_session_of_one_lut(path: Path, backend: str) -> None:
    lut = qabwnas.Lut.open(path)
    sessions = [qabwnas.Session(lut, backend=backend) for _ in range(N_THREADS)]
    alone = [qabwnas.search(qabwnas.Lut.open(path), budgets=each, backend=backend).answers for each in BUDGETS]
    assert at_once(lambda i: sessions[i].search(budgets=BUDGETS[i]).answers) == alone

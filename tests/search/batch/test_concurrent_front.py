"""A front that is built while direct searches run: when it starts, what stops what, and that answers do not change."""

from __future__ import annotations

import csv
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import qabwnas
from qabwnas.errors import FrontLimitError, InputError
from qabwnas.lut.lut import Lut, Metric
from qabwnas.search.batch import answers as batch_answers
from qabwnas.search.batch import batch, concurrent_front
from qabwnas.search.batch import rows as batch_rows
from qabwnas.search.batch.answers import BatchProgress, DirectAnswers, FrontAnswers
from qabwnas.search.batch.batch import answer_batch
from qabwnas.search.batch.concurrent_front import ConcurrentFront, StopCheck, building_pays
from qabwnas.search.batch.headings import AskedHeading
from qabwnas.search.batch.rows import RowSearch, ShownTotals
from qabwnas.search.constraints.scope import Scope
from qabwnas.search.engine.backend import select_backend
from qabwnas.search.engine.bit_width_groups import Subnets
from qabwnas.search.model.problem import Problem
from tests import oracle
from tests.search import BACKENDS
from tests.search.batch import counts, finish_fronts_when_they_start
from tests.search.batch.test_batch import example
from tests.strategies import lut_from_columns, luts, luts_of_spaces, scopes

WAIT_SECONDS = 60


@pytest.mark.parametrize(
    ("n_searches", "seconds", "running", "n_left", "pays"),
    [
        (0, 0.0, 0.0, 10**6, False),
        (100, 0.01, 0.0, 10**6, False),  # a hundred easy rows say nothing yet
        (200, 0.02, 0.0, 10**6, True),  # a million of them do
        (200, 0.02, 0.0, 199, False),  # no more of them is left than was searched
        (200, 0.02, 0.0, None, True),  # nobody knows how many are left
        (1, 0.045, 0.0, 19, True),  # twenty slow ones
        (19, 0.19, 0.0, 1, False),  # the last of many
        (19, 0.19, 0.02, 1, True),  # which does not end
        (0, 0.0, 0.02, 1, True),  # a single one that does not end
        (0, 0.0, 0.01, 1, False),
    ],
)
def test_building_pays_where_slow_rows_are_left(
    n_searches: int, seconds: float, running: float, n_left: int | None, pays: bool
) -> None:
    assert building_pays(n_searches, seconds, running, n_left) is pays


class Script:
    """A clock and direct searches that take the seconds that are written down for them; each finds one subnet."""

    def __init__(self, seconds: list[float]) -> None:
        self.now = 0.0
        self.n_started_after: int | None = None
        self._seconds = iter(seconds)
        self._n = 0

    def clock(self) -> float:
        return self.now

    def best(self, problem: Problem, units: NDArray[np.int64], k: int, kernels: Any) -> Subnets:  # noqa: ARG002
        self.now += next(self._seconds)
        self._n += 1
        return Subnets(0, np.array([[self._n] * len(problem.metrics)]), np.array([[0, 0]], dtype=np.int32))

    def build(self, check: StopCheck) -> FrontAnswers:
        self.n_started_after = self._n
        return never(check)


def never(check: StopCheck) -> FrontAnswers:
    """A front that never ends."""
    for _ in range(WAIT_SECONDS * 1000):
        check()
        time.sleep(0.001)
    raise AssertionError("nobody has ended it")


def direct(
    lut: Lut, headings: Sequence[str], concurrent: Any = None, backend: str | None = None, **options: Any
) -> Any:
    """Direct answers to a table of budgets with these headings; the first metric is the objective."""
    asked = [AskedHeading.of(lut, heading) for heading in headings]
    kernels = select_backend(backend)
    search = RowSearch(lut, lut.metric_names[0], asked, None, kernels)
    return DirectAnswers(search, ShownTotals(lut, search, asked, kernels), kernels, concurrent, **options)


@pytest.mark.parametrize(
    ("seconds", "started_after"),
    [
        ([0.045] * 20, 1),
        ([0.0001] * 1000, 200),
        ([0.0001] * 300, None),  # two thirds of the work are done when it may first be started
        ([0.015, 0.015, 0.015], None),
        ([1.0], None),
        ([1.0, 1.0], 1),
    ],
)
def test_a_front_that_never_ends_keeps_no_row_from_its_answer(
    monkeypatch: pytest.MonkeyPatch, seconds: list[float], started_after: int | None
) -> None:
    script = Script(seconds)
    monkeypatch.setattr(batch_rows, "best", script.best)
    units = np.arange(len(seconds), dtype=np.int64)[:, np.newaxis]
    with closing(ConcurrentFront(script.build)) as concurrent:
        answers = direct(example(), ["size_bytes"], concurrent, clock=script.clock)
        assert answers.find([(1,)], units, 0).tolist() == list(range(len(seconds)))
        assert concurrent.is_building is (started_after is not None)
    assert not concurrent.is_building
    assert concurrent.is_started is (started_after is not None)
    if started_after == 1:  # the thread may begin later, after more searches
        assert script.n_started_after is not None
        assert script.n_started_after >= 1
    assert (answers.method, answers.n_direct, answers.n_front) == ("direct", len(seconds), 0)


def test_the_building_is_started_by_the_first_search_after_it_pays(monkeypatch: pytest.MonkeyPatch) -> None:
    script = Script([0.0001] * 1000)
    monkeypatch.setattr(batch_rows, "best", script.best)
    started: list[BatchProgress] = []

    def record(progress: BatchProgress) -> None:
        if progress.is_building:
            started.append(progress)

    with closing(ConcurrentFront(script.build)) as concurrent:
        answers = direct(example(), ["size_bytes"], concurrent, report=record, clock=script.clock)
        answers.find([(1,)], np.arange(1000, dtype=np.int64)[:, np.newaxis], 10**6)
    assert 198 <= started[0].n_direct <= 202  # sums of doubles
    assert started[0].n_rows == 1000 + 10**6


def test_rows_that_are_equal_are_searched_once_and_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    script = Script([0.004] * 3)  # a fourth search would be an error
    monkeypatch.setattr(batch_rows, "best", script.best)
    units = (np.arange(5000, dtype=np.int64) % 3)[:, np.newaxis]
    with closing(ConcurrentFront(script.build)) as concurrent:
        answers = direct(example(), ["size_bytes"], concurrent, clock=script.clock)
        assert answers.find([(1,)], units, 0).tolist() == (units[:, 0]).tolist()
        assert not concurrent.is_started
    assert answers.n_direct == 5000


class OnePoint(FrontAnswers):
    """The answers of a front with a single point."""

    def __init__(self) -> None:
        pass

    def find(self, targets: Any, units: NDArray[np.int64], n_remaining: int | None) -> NDArray[np.int64]:  # noqa: ARG002
        return np.zeros(len(units), dtype=np.int64)


def endless() -> Lut:
    """A LUT whose direct search takes minutes at least: random costs, budgets that few subnets keep."""
    generator = np.random.default_rng(0)
    columns = {f"m{m}": generator.integers(0, 10**9, (30, 30)).astype(float).tolist() for m in range(9)}
    return lut_from_columns(columns)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_search_that_never_ends_hands_over_to_the_front(monkeypatch: pytest.MonkeyPatch, backend: str) -> None:
    """The front interrupts the kernel, and answers this row and all later rows."""
    monkeypatch.setattr(concurrent_front, "MIN_SECONDS", 0.0)
    lut = endless()
    units = np.full((3, 8), 135 * 10**8, dtype=np.int64) + np.arange(3)[:, np.newaxis]
    with closing(ConcurrentFront(lambda _: OnePoint())) as concurrent:
        answers = direct(lut, lut.metric_names[1:], concurrent, backend)
        found = answers.find([(m,) for m in range(1, 9)], units, 0)
    assert found.tolist() == [0, 0, 0]
    assert (answers.method, answers.n_direct, answers.n_front) == ("front", 0, 3)


@pytest.mark.parametrize("error", [FrontLimitError("it takes more than 1 bytes"), MemoryError()])
def test_a_front_that_is_too_large_leaves_the_searches_alone(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    monkeypatch.setattr(concurrent_front, "MIN_SECONDS", 0.0)

    def build(_: StopCheck) -> FrontAnswers:
        raise error

    units = np.arange(1149, 1949, dtype=np.int64)[:, np.newaxis]
    with closing(ConcurrentFront(build)) as concurrent:
        answers = direct(example(), ["size_bytes"], concurrent)
        found = answers.find([(1,)], units, 0)
        wait_for(lambda: concurrent.done() is None and concurrent.is_too_large)
        assert answers.find([(1,)], units, 0).tolist() == found.tolist()
    assert (answers.method, answers.n_direct) == ("direct", 1600)


def test_what_is_wrong_with_a_front_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(concurrent_front, "MIN_SECONDS", 0.0)

    def build(_: StopCheck) -> FrontAnswers:
        raise InputError("it is wrong")

    with closing(ConcurrentFront(build)) as concurrent:
        answers = direct(example(), ["size_bytes"], concurrent)
        with pytest.raises(InputError, match="it is wrong"):
            answers.find([(1,)], np.arange(10**6, dtype=np.int64)[:, np.newaxis], 0)


def wait_for(condition: Callable[[], bool]) -> None:
    ends = time.monotonic() + WAIT_SECONDS
    while not condition():
        assert time.monotonic() < ends
        time.sleep(0.001)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("kernel", ["front", "top", "prune"])
def test_kernels_end_with_what_is_raised_while_they_work(backend: str, kernel: str) -> None:
    """In a thread of their own, too, which Ctrl-C does not reach."""
    lut = endless()
    problem = Problem.of(lut, lut.metric_names, select_backend())
    arguments = problem.values, problem.offsets, problem.is_max, problem.origin
    asked = []

    def check() -> None:
        asked.append(threading.current_thread())
        raise EndedError

    kernels = select_backend(backend).asking(check)
    budgets = np.full(9, 135 * 10**8, dtype=np.int64)
    many = np.random.default_rng(0).integers(0, 10**9, (6, 200_000))
    calls = {
        "front": lambda: kernels.front(*arguments),
        "top": lambda: kernels.top(*arguments, budgets, 1),
        "prune": lambda: kernels.prune(many, np.zeros(6, dtype=np.uint8), 1),
    }
    ended = []

    def work() -> None:
        with pytest.raises(EndedError):
            calls[kernel]()
        ended.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(WAIT_SECONDS)
    assert (ended, asked) == ([True], [thread])


class EndedError(Exception):
    """Raised while a kernel works."""


class DoneAfter(ConcurrentFront[FrontAnswers]):
    """A concurrent front that is complete after a number of calls of :meth:`done`, at whatever time."""

    def __init__(self, build: Callable[[StopCheck], FrontAnswers], n_looks: int) -> None:
        super().__init__(build)
        self._n_looks = n_looks

    def done(self) -> FrontAnswers | None:
        self._n_looks -= 1
        if self._n_looks >= 0:
            return None
        with ThreadPoolExecutor(1) as thread:  # as in use: not in the thread whose search is interrupted for this look
            return thread.submit(self._build, lambda: None).result()


@contextmanager
def handing_over_after(n_searches: int) -> Iterator[None]:
    """Make ``auto`` search so many distinct rows, in small parts, before its front is complete."""
    with (
        patch.object(batch, "ConcurrentFront", lambda build: DoneAfter(build, n_searches)),
        patch.object(batch_answers, "ROWS_PER_STEP", 3),
    ):
        yield


@pytest.mark.parametrize("backend", BACKENDS)
@settings(max_examples=15, deadline=None)
@given(lut=luts(min_metrics=2, max_subnets=60), data=st.data())
def test_answers_do_not_depend_on_when_the_front_is_complete(backend: str, lut: Lut, data: st.DataObject) -> None:
    names = lut.metric_names
    columns = data.draw(st.lists(st.sampled_from(names), unique=True, min_size=1))
    front = qabwnas.Frontier.build(lut, names)
    cells = {
        name: st.sampled_from(["", "-1e9", *(f"{front.totals(i)[name]:f}" for i in range(len(front)))])
        for name in columns
    }
    budgets = data.draw(st.lists(st.tuples(*(cells[name] for name in columns)), min_size=1, max_size=8))
    compare_ways(lut, columns, budgets, data.draw(st.integers(0, 9)), names[0], None, backend)


@pytest.mark.parametrize("backend", BACKENDS)
@settings(max_examples=15, deadline=None)
@given(lut=luts_of_spaces(), data=st.data())
def test_nor_within_a_scope(backend: str, lut: Lut, data: st.DataObject) -> None:
    scope, limited = data.draw(scopes(lut))
    names = lut.metric_names
    if not oracle.subnets(lut, names, limited):
        return
    columns = data.draw(st.lists(st.sampled_from(names), unique=True, min_size=1))
    cell = st.sampled_from(["", "-1e9", "1", "3", "10", "100", "1e9"])
    budgets = data.draw(st.lists(st.tuples(*(cell for _ in columns)), min_size=1, max_size=8))
    compare_ways(lut, columns, budgets, data.draw(st.integers(0, 9)), names[0], scope, backend)


def compare_ways(
    lut: Lut, columns: list[str], budgets: list[Any], n_searches: int, minimize: str, scope: Scope | None, backend: str
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "budgets.csv").write_text("\n".join([",".join(columns), *map(",".join, budgets), ""]))
        options: dict[str, Any] = {"minimize": minimize, "scope": scope, "backend": backend}
        for way in ("direct", "front"):
            answer_batch(lut, folder / "budgets.csv", folder / f"{way}.csv", method=way, **options)  # type: ignore[arg-type]
        with handing_over_after(n_searches):
            result = answer_batch(lut, folder / "budgets.csv", folder / "auto.csv", **options)
        answers = {(folder / f"{way}.csv").read_bytes() for way in ("direct", "front", "auto")}
        assert len(answers) == 1
        assert result.n_budgets == len(budgets)
        assert result.n_front == len(budgets) or n_searches > 0


@pytest.mark.parametrize("written", ["csv", "parquet"])
@pytest.mark.parametrize(("n_searches", "method", "n_front"), [(0, "front", 7), (1, "both", 4), (9, "direct", 0)])
def test_the_result_says_who_answered_how_many_rows(
    tmp_path: Path, written: str, n_searches: int, method: Any, n_front: int
) -> None:
    if written == "parquet":
        pytest.importorskip("pyarrow")
    (tmp_path / "budgets.csv").write_text("size_bytes\n1300\n1300\n1300\n1149\n\n1250\n1251\n")
    reports: list[BatchProgress] = []
    with handing_over_after(n_searches):
        result = answer_batch(
            example(), tmp_path / "budgets.csv", tmp_path / f"answers.{written}", progress=reports.append
        )
    assert counts(result) == (7, 6, method, select_backend().name, n_front)
    answered = [progress.n_direct + progress.n_front for progress in reports]
    assert answered == sorted(answered)
    assert reports[-1] == BatchProgress(7 - n_front, n_front, 7)


def test_a_real_front_takes_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is scripted but when it starts and that it ends: many distinct rows, and a front of a few points."""
    finish_fronts_when_they_start(monkeypatch)
    lines = ["size_bytes", *(f"{1100 + n / 100:.2f}" for n in range(30_000))]
    (tmp_path / "budgets.csv").write_text("\n".join(lines))
    result = answer_batch(example(), tmp_path / "budgets.csv", tmp_path / "answers.csv")
    assert result.method == "both"
    assert result.n_front > 0
    answer_batch(example(), tmp_path / "budgets.csv", tmp_path / "front.csv", method="front")
    assert (tmp_path / "answers.csv").read_bytes() == (tmp_path / "front.csv").read_bytes()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("front")]


@pytest.mark.parametrize("max_memory", [0, -1, 1.5, "4GiB", True, None])
@pytest.mark.parametrize("method", ["auto", "front", "direct"])
def test_max_memory_is_checked_whether_or_not_a_front_is_built(tmp_path: Path, max_memory: Any, method: Any) -> None:
    (tmp_path / "budgets.csv").write_text("size_bytes\n1300\n")
    paths = tmp_path / "budgets.csv", tmp_path / "answers.csv"
    with pytest.raises(InputError, match="max_memory: .* is not a whole number"):
        answer_batch(example(), *paths, max_memory=max_memory, method=method)
    assert [path.name for path in tmp_path.iterdir()] == ["budgets.csv"]


def test_a_lut_of_one_block_and_one_metric(tmp_path: Path) -> None:
    lut = lut_from_columns({"loss": [[3.0, 1.0, 2.0]]}, [Metric("loss")])
    (tmp_path / "budgets.csv").write_text("loss\n0\n1\n\n2\n")
    for n_searches in range(4):
        with handing_over_after(n_searches):
            answer_batch(lut, tmp_path / "budgets.csv", tmp_path / "answers.csv")
        with (tmp_path / "answers.csv").open(newline="") as stream:
            assert [row["loss"] for row in csv.DictReader(stream)] == ["", "1", "1", "1"]

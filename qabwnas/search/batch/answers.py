"""Answers to rows of budgets: from a front, or by one direct search per distinct row."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from qabwnas.lut.lut import Metric
from qabwnas.search.batch.concurrent_front import ConcurrentFront, building_pays
from qabwnas.search.batch.headings import Reach, Target
from qabwnas.search.batch.rows import RowSearch, ShownTotals
from qabwnas.search.engine.backend import Backend
from qabwnas.search.frontier import Frontier
from qabwnas.search.model.grid import Grid

ROWS_PER_STEP = 1 << 10

BatchMethod = Literal["front", "direct", "both"]


class BatchProgress(NamedTuple):
    """The progress of a batch.

    Attributes:
        n_direct: how many rows direct searches have answered.
        n_front: how many rows a front has answered.
        n_rows: how many rows there are, possibly an estimate; ``None`` if that is not known.
        is_building: whether a front is being built at the moment.
    """

    n_direct: int
    n_front: int
    n_rows: int | None
    is_building: bool = False


ProgressCallback = Callable[[BatchProgress], object]


class Answers(Protocol):
    """A source of answers: subnets by number. ``metrics`` and ``grids`` are those of the totals, the objective first.

    ``n_direct`` and ``n_front`` count the rows that direct searches and a front answered.
    """

    n_direct: int
    n_front: int

    @property
    def method(self) -> BatchMethod: ...
    @property
    def metrics(self) -> Sequence[Metric]: ...
    @property
    def grids(self) -> Sequence[Grid]: ...
    @property
    def block_names(self) -> Sequence[str]: ...

    def find(self, targets: Sequence[Target], units: NDArray[np.int64], n_remaining: int | None) -> NDArray[np.int64]:
        """Return the number of the best subnet within every row of ``units`` ``(n, len(targets))``, or −1.

        About ``n_remaining`` rows follow these; ``None`` if that is not known.
        """
        ...

    def rows(self, numbers: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """Return totals in units ``(n, n_metrics)`` and candidates ``(n, n_blocks)`` of found subnets."""
        ...


class FrontAnswers:
    """Answers from the points of a front; totals are as users see them."""

    method: BatchMethod = "front"

    def __init__(self, front: Frontier, kernels: Backend) -> None:
        self.metrics, self.grids, self.block_names = front.metrics, front.grids, front.block_names
        self.n_direct = self.n_front = 0
        self._front = front
        self._kernels = kernels

    def find(self, targets: Sequence[Target], units: NDArray[np.int64], n_remaining: int | None) -> NDArray[np.int64]:  # noqa: ARG002
        self.n_front += len(units)
        positions = [target for target in targets if not isinstance(target, Reach)]
        return self._front.first_within(positions, units, self._kernels)

    def rows(self, numbers: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        return self._front.shown_units(self._front.units[numbers]), self._front.candidates_of(numbers)

    def compared_rows(self, numbers: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """Return the same with totals as they are compared: negated if they are maximised."""
        return self._front.units[numbers], self._front.candidates_of(numbers)


class _FoundSubnets:
    """Found subnets, by number, in arrays that double when they are full."""

    def __init__(self, n_metrics: int, n_blocks: int) -> None:
        self._n = 0
        self.n_metrics = n_metrics
        self._units = np.empty((1, n_metrics), dtype=np.int64)
        self._candidates = np.empty((1, n_blocks), dtype=np.int32)

    def __len__(self) -> int:
        return self._n

    def append(self, units: NDArray[np.int64], candidates: NDArray[np.int32]) -> None:
        if self._n == len(self._units):
            self._units = np.concatenate([self._units, np.empty_like(self._units)])
            self._candidates = np.concatenate([self._candidates, np.empty_like(self._candidates)])
        self._units[self._n], self._candidates[self._n] = units, candidates
        self._n += 1

    def rows(self, numbers: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        return self._units[numbers], self._candidates[numbers]


class _FrontIsDoneError(Exception):
    """The front is complete, so the direct search can stop."""


class DirectAnswers:
    """Answers from one direct search per distinct row of budgets, until a front takes over.

    Both give the same subnet for a row. A concurrent front (:mod:`qabwnas.search.batch.concurrent_front`) is started
    when it pays. Once it is complete, it stops the running search and answers all later rows. Its points are numbered
    after the answers of the searches.

    Use from one thread only; the concurrent front has its own.
    """

    def __init__(
        self,
        search: RowSearch,
        shown: ShownTotals,
        kernels: Backend,
        concurrent: ConcurrentFront[FrontAnswers] | None = None,
        report: ProgressCallback | None = None,
        clock: Callable[[], float] = time.perf_counter,
        front: FrontAnswers | None = None,
    ) -> None:
        """Start without answers, or with a front. ``report`` is called after every search, and during long ones."""
        self.metrics, self.grids, self.block_names = shown.metrics, shown.grids, search.problem.block_names
        self.n_direct = self.n_front = 0
        self._search_row = search.search
        self._shown = shown
        self._kernels = kernels.asking(self._during_search)
        self._concurrent = concurrent
        self._report = report
        self._clock = clock
        self._front = self._front_at_start = front
        self._numbers: dict[tuple[int, ...], int] = {}
        self._found = _FoundSubnets(len(search.problem.metrics), len(self.block_names))
        self._n_searches, self._seconds = 0, 0.0
        self._running_since: float | None = None
        self._n_rows: int | None = 0

    @property
    def method(self) -> BatchMethod:
        if self.n_front == 0 and self._front_at_start is None:
            return "direct"
        return "both" if self.n_direct > 0 else "front"

    def find(self, targets: Sequence[Target], units: NDArray[np.int64], n_remaining: int | None) -> NDArray[np.int64]:
        n_before = self.n_direct + self.n_front
        self._n_rows = None if n_remaining is None else n_before + len(units) + n_remaining
        found = np.empty(len(units), dtype=np.int64)
        for first in range(0, len(units), ROWS_PER_STEP):
            if self._front is not None:
                found[first:] = self._of_front(targets, units[first:], self._front)
                self.n_front += len(units) - first
                break
            rows = units[first : first + ROWS_PER_STEP]
            found[first : first + ROWS_PER_STEP] = self._find_distinct(targets, rows)
        return found

    def rows(self, numbers: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        units, candidates = self._compared_rows(numbers)
        return self._shown.units(units, candidates), candidates

    def _compared_rows(self, numbers: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        points = numbers - len(self._found)
        if self._front is None or (points < 0).all():
            return self._found.rows(numbers)
        if (points >= 0).all():
            return self._front.compared_rows(points)
        units = np.empty((numbers.size, self._found.n_metrics), dtype=np.int64)
        candidates = np.empty((numbers.size, len(self.block_names)), dtype=np.int32)
        of_front = points >= 0
        units[of_front], candidates[of_front] = self._front.compared_rows(points[of_front])
        units[~of_front], candidates[~of_front] = self._found.rows(numbers[~of_front])
        return units, candidates

    def _find_distinct(self, targets: Sequence[Target], units: NDArray[np.int64]) -> NDArray[np.int64]:
        distinct, which, counts = np.unique(units, axis=0, return_inverse=True, return_counts=True)
        numbers = np.empty(len(distinct), dtype=np.int64)
        for i, (row, n_equal) in enumerate(zip(distinct.tolist(), counts.tolist(), strict=True)):
            number = self._number(targets, tuple(row))
            if number is None:
                assert self._front is not None
                numbers[i:] = self._of_front(targets, distinct[i:], self._front)
                self.n_front += int(counts[i:].sum())
                break
            numbers[i] = number
            self.n_direct += n_equal
        return numbers[which.ravel()]

    def _of_front(self, targets: Sequence[Target], units: NDArray[np.int64], front: FrontAnswers) -> NDArray[np.int64]:
        points = front.find(targets, units, None)
        return np.where(points < 0, -1, points + len(self._found))

    def _number(self, targets: Sequence[Target], bounds: tuple[int, ...]) -> int | None:
        """Return the number of the answer of a row, or −1; ``None`` if a new row must be answered by the front."""
        if bounds not in self._numbers:
            try:
                self._stop_if_front_is_done()
                self._numbers[bounds] = self._search(targets, bounds)
            except _FrontIsDoneError:
                return None
            self._report_progress()
        return self._numbers[bounds]

    def _search(self, targets: Sequence[Target], bounds: Sequence[int]) -> int:
        self._running_since = self._clock()
        found = self._search_row(targets, bounds, self._kernels)
        self._seconds += self._clock() - self._running_since
        self._running_since = None
        self._n_searches += 1
        if not len(found.totals):
            return -1
        self._found.append(found.totals[0], found.candidates[0])
        return len(self._found) - 1

    def _during_search(self) -> None:
        self._report_progress()
        self._stop_if_front_is_done()

    def _stop_if_front_is_done(self) -> None:
        if self._concurrent is None:
            return
        self._front = self._concurrent.done()
        if self._front is not None:
            raise _FrontIsDoneError
        if not self._concurrent.is_started:
            running = 0.0 if self._running_since is None else self._clock() - self._running_since
            n_left = None if self._n_rows is None else self._n_rows - self.n_direct
            if building_pays(self._n_searches, self._seconds, running, n_left):
                self._concurrent.start()

    def _report_progress(self) -> None:
        if self._report is not None:
            is_building = self._concurrent is not None and self._concurrent.is_building
            self._report(BatchProgress(self.n_direct, self.n_front, self._n_rows, is_building))

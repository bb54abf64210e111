"""How rows of budgets are answered: from a front, or by a direct search for each distinct row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from qabwnas.lut.lut import Lut, Metric
from qabwnas.search.backend import Backend
from qabwnas.search.frontier import Frontier
from qabwnas.search.grid import UNLIMITED, Grid
from qabwnas.search.parts import best
from qabwnas.search.problem import Problem
from qabwnas.search.scope import Scope


class Answers(Protocol):
    """Subnets by number; ``metrics`` and ``grids`` as in a :class:`Frontier`, the objective first."""

    @property
    def method(self) -> Literal["front", "direct"]: ...
    @property
    def metrics(self) -> Sequence[Metric]: ...
    @property
    def grids(self) -> Sequence[Grid]: ...
    @property
    def block_names(self) -> Sequence[str]: ...

    def find(self, metrics: Sequence[int], units: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the number of the best subnet within every row of ``units`` ``(n, len(metrics))``, or −1."""
        ...

    def rows(self, numbers: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """Return totals in units ``(n, n_metrics)`` and candidates ``(n, n_blocks)`` of subnets that were found."""
        ...


class FrontAnswers:
    """The points of a front."""

    method: Literal["front"] = "front"

    def __init__(self, front: Frontier, kernels: Backend) -> None:
        self.metrics, self.grids, self.block_names = front.metrics, front.grids, front.block_names
        self._front = front
        self._kernels = kernels

    def find(self, metrics: Sequence[int], units: NDArray[np.int64]) -> NDArray[np.int64]:
        return self._front.first_within(metrics, units, self._kernels)

    def rows(self, numbers: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        return self._front.units[numbers], self._front.candidates_of(numbers)


class DirectAnswers:
    """One search a distinct row of budgets; what was found is kept."""

    method: Literal["direct"] = "direct"

    def __init__(self, lut: Lut, metric_names: Sequence[str], kernels: Backend, scope: Scope | None) -> None:
        problem = Problem.of(lut, metric_names, kernels, scope, k=1)
        self.metrics, self.grids, self.block_names = problem.metrics, problem.grids, problem.block_names
        self._problem = problem
        self._kernels = kernels
        self._numbers: dict[tuple[int, ...], int] = {}
        self._units: list[NDArray[np.int64]] = []
        self._candidates: list[NDArray[np.int32]] = []

    def find(self, metrics: Sequence[int], units: NDArray[np.int64]) -> NDArray[np.int64]:
        distinct, which = np.unique(units, axis=0, return_inverse=True)
        numbers = [self._number(metrics, tuple(row)) for row in distinct.tolist()]
        return np.array(numbers, dtype=np.int64)[which.ravel()]

    def rows(self, numbers: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        units = [self._units[number] for number in numbers.tolist()]
        candidates = [self._candidates[number] for number in numbers.tolist()]
        return (
            np.array(units, dtype=np.int64).reshape(-1, len(self.metrics)),
            np.array(candidates, dtype=np.int32).reshape(-1, len(self.block_names)),
        )

    def _number(self, metrics: Sequence[int], bounds: tuple[int, ...]) -> int:
        if bounds not in self._numbers:
            self._numbers[bounds] = self._search(metrics, bounds)
        return self._numbers[bounds]

    def _search(self, metrics: Sequence[int], bounds: Sequence[int]) -> int:
        # A metric without a budget is searched with too, so that it still decides between equal objectives, as it does
        # in a front.
        units = np.full(len(self.metrics), UNLIMITED, dtype=np.int64)
        units[list(metrics)] = bounds
        found = best(self._problem, units, 1, self._kernels)
        if not len(found.totals):
            return -1
        self._units.append(found.totals[0])
        self._candidates.append(found.candidates[0])
        return len(self._units) - 1

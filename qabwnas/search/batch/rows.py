"""The searches of a batch: one problem for all rows, or one for every value of a lower bound on a maximum."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from qabwnas.lut.lut import Lut, Metric
from qabwnas.search.arguments import compared_metrics
from qabwnas.search.batch.headings import AskedHeading, Heading, Reach, Target
from qabwnas.search.constraints.budgets import Budgeted, Column, reaching
from qabwnas.search.constraints.scope import Scope
from qabwnas.search.engine.backend import Backend
from qabwnas.search.engine.bit_width_groups import Subnets, best
from qabwnas.search.engine.coupled import Coupling, best_coupled
from qabwnas.search.model.derived import MixedSum, as_shown
from qabwnas.search.model.grid import UNLIMITED, Grid
from qabwnas.search.model.problem import Problem
from qabwnas.search.model.totals import grid_in, total_units

MAX_PROBLEMS = 64


class RowSearch:
    """Searches rows of budgets in a LUT.

    Attributes:
        problem: the objective and everything that the headings bound, without lower bounds on maxima.
        headings: the headings, with the positions of what they bound in the problem.
    """

    def __init__(
        self,
        lut: Lut,
        objective: Column,
        asked: Sequence[AskedHeading],
        scope: Scope | None,
        kernels: Backend,
        reference: str | None = None,
    ) -> None:
        """Set up the problem; raises InputError as :meth:`.Problem.of`."""
        self._lut, self._objective, self._asked, self._scope, self._kernels = lut, objective, asked, scope, kernels
        self.columns = self._columns([each.columns for each in asked])
        self.problem = Problem.of(lut, self.columns, kernels, scope, k=1)
        reached = {each.lower.name for each in asked if type(each.lower) is Metric} - set(self.problem.metric_names)
        if reached:  # the totals of these maxima are shown in every row, so they must be measured
            Problem.of(lut, [*self.columns, *sorted(reached)], kernels, scope, k=1)
        self.headings: list[Heading] = [
            each.resolved(lut, self._positions, self.problem.grids, self._grid_of, reference) for each in asked
        ]
        self._problems: dict[tuple[int | None, ...], tuple[Problem, list[int]]] = {}

    @property
    def needs_several_problems(self) -> bool:
        """Whether there is a lower bound on a maximum, so that no front answers all rows."""
        return any(isinstance(bound.target, Reach) for heading in self.headings for bound in heading.bounds)

    def search(self, targets: Sequence[Target], bounds: Sequence[int], kernels: Backend) -> Subnets:
        """Return the best subnet within a row of bounds, in units; its totals are those of :attr:`problem`."""
        reaches = [bound for target, bound in zip(targets, bounds, strict=True) if isinstance(target, Reach)]
        problem, positions = self._problem_of(tuple(reaches)) if reaches else (self.problem, None)
        # Metrics without a budget take part too, so that they break ties in the objective as they do in a front.
        units = np.full(len(problem.metrics), UNLIMITED, dtype=np.int64)
        couplings = []
        for target, bound in zip(targets, bounds, strict=True):
            if isinstance(target, Reach) or bound == UNLIMITED:
                continue
            if positions is not None:
                target = tuple(positions[m] for m in target)
            if len(target) == 1:
                units[target[0]] = bound
            else:
                couplings.append(Coupling.of(problem, target, bound))
        if positions is not None:
            units[[m for m in range(len(units)) if m not in positions]] = -1
        found = best_coupled(problem, units, 1, kernels, couplings) if couplings else best(problem, units, 1, kernels)
        return found if positions is None else found._replace(totals=found.totals[:, positions])

    def _problem_of(self, reaches: tuple[int, ...]) -> tuple[Problem, list[int]]:
        """Return the problem under these lower bounds on maxima, and the positions of the columns of all rows in it."""
        if reaches not in self._problems:
            of_heading: list[list[Budgeted]] = []
            values = iter(reaches)
            for asked, heading in zip(self._asked, self.headings, strict=True):
                of_row = list(asked.columns)
                for bound in heading.bounds:
                    if isinstance(bound.target, Reach):
                        value = next(values)
                        if value != UNLIMITED:
                            of_row.append(reaching(bound.target.metric, bound.grid.decimal(-value)))
                of_heading.append(of_row)
            columns = self._columns(of_heading)
            problem = Problem.of(self._lut, columns, self._kernels, self._scope, k=1)
            if len(self._problems) >= MAX_PROBLEMS:
                self._problems.pop(next(iter(self._problems)))
            self._problems[reaches] = problem, [columns.index(column) for column in self.columns]
        return self._problems[reaches]

    def _columns(self, of_headings: Sequence[Sequence[Budgeted]]) -> list[Column]:
        bounded = [column for columns in of_headings for column in columns]
        return compared_metrics(self._lut, self._objective, bounded, self._scope)

    def _positions(self, bounded: Budgeted) -> tuple[int, ...]:
        columns = bounded.columns if isinstance(bounded, MixedSum) else (bounded,)
        # With weights, the objective is in front of its plain column.
        return tuple(len(self.columns) - 1 - self.columns[::-1].index(column) for column in columns)

    def _grid_of(self, maximum: Metric) -> Grid:
        return grid_in(self._lut, maximum, self._kernels)


class ShownTotals:
    """The totals of a batch as users see them: the objective, then all other metrics that headings name.

    Attributes:
        metrics, grids: of the shown totals.
    """

    def __init__(self, lut: Lut, search: RowSearch, asked: Sequence[AskedHeading], kernels: Backend) -> None:
        self._lut, self._kernels = lut, kernels
        problem = search.problem
        shown = as_shown(problem.metrics[0])
        named = {metric.name for each in asked for metric in each.metrics}
        weighted = shown.name not in lut.metric_names
        others = [m for m in lut.metrics if m.name in named and (weighted or m.name != shown.name)]
        self.metrics = (shown, *others)
        # By shown metric, the position of its column; None if it is none of the compared columns.
        names = problem.metric_names
        self._positions = [0, *(names.index(m.name) if m.name in names else None for m in others)]
        self._signs = [-1 if names[0] != shown.name else 1, *(1 for _ in others)]
        in_order = self._positions == list(range(len(problem.metrics)))
        self._are_compared = in_order and all(sign > 0 for sign in self._signs)
        self.grids = tuple(
            problem.grids[m] if m is not None else grid_in(lut, metric, kernels)
            for m, metric in zip(self._positions, self.metrics, strict=True)
        )

    def units(self, compared: NDArray[np.int64], candidates: NDArray[np.int32]) -> NDArray[np.int64]:
        """Return the shown totals ``(n, n_shown)`` from those of the compared columns, and from the candidates."""
        if self._are_compared:
            return compared
        if not len(candidates):
            return np.empty((0, len(self.metrics)), dtype=np.int64)
        columns = []
        for m, sign, metric in zip(self._positions, self._signs, self.metrics, strict=True):
            if m is not None:
                columns.append(compared[:, m] * np.int64(sign) if sign < 0 else compared[:, m])
            else:
                columns.append(total_units(self._lut, metric, candidates, self._kernels))
        return np.column_stack(columns)

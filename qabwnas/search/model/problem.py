"""A search over a LUT as kernels want it: chosen metrics on exact integer grids, blocks behind one another."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from qabwnas.errors import InputError
from qabwnas.io.numeric import Number, exact_number, shown
from qabwnas.lut.lut import Lut, LutBlock, Metric
from qabwnas.search.engine.backend import Backend
from qabwnas.search.model.grid import UNLIMITED, Grid, Needs, choose_grid
from qabwnas.search.model.streaming import Pruning, Rows, grids_in_parts, is_large, largest_in_parts, rows_in_parts

if TYPE_CHECKING:
    from qabwnas.search.constraints.scope import Scope, Selection
    from qabwnas.search.model.weights import Weighing

NO_MAXIMUM = -(2**63)
"""The origin of a max-aggregated metric without a fixed part."""

UnitsOf = Callable[[Lut, Metric, Backend], tuple[Grid, NDArray[np.int64]]]
"""What :func:`units_of` computes, or has kept."""


@dataclass(frozen=True, eq=False, repr=False)
class Problem:
    """Metrics of a LUT as int64 units; the first metric is the objective of a search. Compared by identity.

    Attributes:
        metrics: the metrics, in the order of the vectors that are compared.
        grids: the grid of every metric.
        block_names: in block order.
        values: int64 ``(n_metrics, n_rows)``, candidates of the first block, then of the second, …
        offsets: int64 ``(n_blocks + 1,)``, where each block's rows begin, and last the number of all rows.
        is_max: uint8 ``(n_metrics,)``, 1 where totals are maxima.
        origin: int64 ``(n_metrics,)``, the fixed parts.
        candidates: int64 ``(n_rows,)``, every row's number in the LUT; ``None`` where rows are all candidates.
        groups: int64 ``(n_rows,)``; a subnet may only take rows of one group. ``None`` where it may take any.
    """

    metrics: tuple[Metric, ...]
    grids: tuple[Grid, ...]
    block_names: tuple[str, ...]
    values: NDArray[np.int64]
    offsets: NDArray[np.int64]
    is_max: NDArray[np.uint8]
    origin: NDArray[np.int64]
    candidates: NDArray[np.int64] | None = None
    groups: NDArray[np.int64] | None = None

    @classmethod
    def of(
        cls,
        lut: Lut,
        metric_names: Sequence[str],
        backend: Backend,
        scope: Scope | None = None,
        units: UnitsOf | None = None,
        k: int | None = None,
    ) -> Problem:
        """Set up a search over the named metrics, within a scope; O(rows × metrics).

        Where the scope has weights, the first metric is the weighted one, by the name of :func:`weighted_name`; the
        plain one may then be named again behind it. Grids are those of all candidates, so totals do not depend on what
        a scope leaves out. ``units`` gives them with the columns, by default :func:`units_of`.

        Where ``k`` says how many best subnets are looked for, a large LUT is set up in memory for the rows that these
        may need (:mod:`qabwnas.search.model.streaming`).

        Raises:
            InputError: there are more metrics than :attr:`.Backend.max_metrics`; a metric is unknown or named twice,
                was not measured for a candidate that may be chosen, or has a value or total that cannot be held; the
                message names metric, block and candidate. Or the scope does not suit the LUT.
        """
        check_lut(lut)
        check_scope(scope)
        metrics = tuple(lut.metric(name) for name in listed_metrics("metric_names", metric_names))
        if len(metrics) > backend.max_metrics:
            raise InputError(
                f"{len(metrics)} metrics are too many to compare, the limit is {backend.max_metrics}: "
                "minimise or set budgets on fewer"
            )
        weighted = scope is not None and scope.is_weighted
        compared = [weighted_name(metric_names[0]), *metric_names[1:]] if weighted else metric_names
        for index, name in enumerate(compared):
            if name in compared[:index]:
                raise InputError(f"metric {name!r} is named twice")
        if k is not None and units is None and is_large(lut):
            return cls._in_parts(lut, metrics, backend, scope, k)
        selection = scope.selection(lut) if scope is not None else None
        grids, rows = _all_rows(lut, metrics, backend, units or units_of, selection)
        problem = cls._of_rows(lut, metrics, grids, backend, rows)
        if selection is not None:
            problem = problem.selected(selection)
        return problem.weighted(scope.factors(lut.block_names)) if scope is not None and weighted else problem

    @classmethod
    def _of_rows(
        cls, lut: Lut, metrics: tuple[Metric, ...], grids: tuple[Grid, ...], backend: Backend, rows: Rows
    ) -> Problem:
        origin = np.array([_origin(*pair, backend) for pair in zip(metrics, grids, strict=True)], dtype=np.int64)
        return cls(metrics, grids, lut.block_names, rows.values, rows.offsets, _is_max(metrics), origin, *rows[2:])

    @classmethod
    def _in_parts(cls, lut: Lut, metrics: tuple[Metric, ...], backend: Backend, scope: Scope | None, k: int) -> Problem:
        rules = scope.rules(lut) if scope is not None else None
        grids = grids_in_parts(lut, metrics, rules)
        pruning = Pruning(_is_max(metrics), k, backend)
        if scope is None or not scope.is_weighted:
            return cls._of_rows(lut, metrics, grids, backend, rows_in_parts(lut, metrics, grids, pruning, rules))
        from qabwnas.search.model.weights import Weighing

        fixed = _origin(metrics[0], grids[0], backend) if metrics[0].fixed is not None else None
        largest = largest_in_parts(lut, metrics[0], grids[0], backend, rules)
        weighing = Weighing.of(metrics[0], grids[0], scope.factors(lut.block_names), largest, fixed)
        rows = rows_in_parts(lut, metrics, grids, pruning, rules, weighing)
        return cls._of_rows(lut, metrics, grids, backend, rows)._led_by_weighted(weighing, rows.values[0])

    def __repr__(self) -> str:
        metrics = ", ".join(map(repr, self.metric_names))
        return f"<Problem: blocks {len(self.block_names)}, rows {self.values.shape[1]}, metrics {metrics}>"

    def selected(self, selection: Selection) -> Problem:
        """Return the problem of a selection's candidates; rows are all candidates here."""
        offsets = np.cumsum([0, *(numbers.size for numbers in selection.candidates)], dtype=np.int64)
        candidates = np.concatenate(selection.candidates)
        rows = candidates + np.repeat(self.offsets[:-1], np.diff(offsets))
        groups = np.concatenate(selection.groups) if selection.groups is not None else None
        return replace(
            self,
            values=np.ascontiguousarray(self.values[:, rows]),
            offsets=offsets,
            candidates=candidates,
            groups=groups,
        )

    def weighted(self, factors: Mapping[str, Decimal]) -> Problem:
        """Return the problem whose first metric counts by a factor a block; raises as :meth:`.Weighing.of` does."""
        from qabwnas.search.model.weights import Weighing, largest_size

        fixed = int(self.origin[0]) if self.metrics[0].fixed is not None else None
        blocks = [self.values[0, first:last] for first, last in pairwise(self.offsets.tolist())]
        weighing = Weighing.of(self.metrics[0], self.grids[0], factors, list(map(largest_size, blocks)), fixed)
        values = np.concatenate([weighing.of_block(units, b) for b, units in enumerate(blocks)])
        return self._led_by_weighted(weighing, values)

    def _led_by_weighted(self, weighing: Weighing, values: NDArray[np.int64]) -> Problem:
        """Return the problem with the weighted values of its first metric instead of the plain ones."""
        origin = self.origin[0] if self.metrics[0].fixed is None else weighing.of_fixed(int(self.origin[0]))
        return replace(
            self,
            metrics=(replace(self.metrics[0], name=weighted_name(self.metrics[0].name)), *self.metrics[1:]),
            grids=(weighing.grid, *self.grids[1:]),
            values=np.concatenate([values[np.newaxis], self.values[1:]]),
            origin=np.concatenate([[origin], self.origin[1:]]),
        )

    def parts(self) -> list[Problem]:
        """Return the problems, without groups, whose subnets are together those of this one."""
        if self.groups is None:
            return [self]
        blocks = list(pairwise(self.offsets.tolist()))
        common = set.intersection(*(set(self.groups[first:last].tolist()) for first, last in blocks))
        return [replace(self.with_rows(self.groups == group), groups=None) for group in sorted(common)]

    def with_rows(self, kept: NDArray[np.bool_]) -> Problem:
        """Return the problem of some rows, bool ``(n_rows,)``, at least one of every block."""
        candidates = self.candidates
        if candidates is None:
            candidates = np.arange(kept.size) - np.repeat(self.offsets[:-1], np.diff(self.offsets))
        return replace(
            self,
            values=np.ascontiguousarray(self.values[:, kept]),
            offsets=np.concatenate([[0], np.cumsum(kept)])[self.offsets],
            candidates=candidates[kept],
            groups=self.groups[kept] if self.groups is not None else None,
        )

    def led_by(self, m: int) -> Problem:
        """Return the same problem with metric number ``m`` before the others."""
        order = [m, *(other for other in range(len(self.metrics)) if other != m)]
        return replace(
            self,
            metrics=tuple(self.metrics[other] for other in order),
            grids=tuple(self.grids[other] for other in order),
            values=np.ascontiguousarray(self.values[order]),
            is_max=self.is_max[order],
            origin=self.origin[order],
        )

    def choice(self, rows: NDArray[np.int32], blocks: NDArray[np.int64] | None = None) -> NDArray[np.int32]:
        """Return the candidates that rows, as kernels number them in their blocks, are: both ``(n, n_blocks)``.

        Of some ``blocks`` only: of all, by default.
        """
        if self.candidates is None:
            return rows
        starts = self.offsets[:-1] if blocks is None else self.offsets[blocks]
        return np.asarray(self.candidates[starts + rows], dtype=np.int32)

    @property
    def metric_names(self) -> tuple[str, ...]:
        return tuple(metric.name for metric in self.metrics)

    def budget_units(self, budgets: Mapping[str, Number]) -> NDArray[np.int64]:
        """Return one upper bound a metric, in units: int64 ``(n_metrics,)``; every budget names one of the metrics.

        Raises:
            InputError: a budget is not a number.
        """
        units = np.full(len(self.metrics), UNLIMITED, dtype=np.int64)
        for m, (metric, grid) in enumerate(zip(self.metrics, self.grids, strict=True)):
            if metric.name in budgets:
                units[m] = grid.floor(exact_number(f"budget {metric.name!r}", budgets[metric.name]))
        return units

    def decimals(self, totals: NDArray[np.int64]) -> dict[str, Decimal]:
        """Return one row of totals as exact decimals, by metric name."""
        return {
            metric.name: grid.decimal(int(total))
            for metric, grid, total in zip(self.metrics, self.grids, totals, strict=True)
        }


def check_lut(lut: object) -> None:
    """Raise InputError unless it is a LUT."""
    if not isinstance(lut, Lut):
        raise InputError(f"lut: {shown(lut)} is not a Lut; Lut.open and Lut.from_csv read one")


def check_scope(scope: object) -> None:
    """Raise InputError unless it is a scope, or ``None``."""
    if scope is None:
        return
    from qabwnas.search.constraints.scope import Scope

    if not isinstance(scope, Scope):
        raise InputError(f"scope: {shown(scope)} is not a Scope")


def listed_metrics(what: str, names: object) -> list[str]:
    """Return a list of one name or more; raises InputError of anything else."""
    listed = list(names) if isinstance(names, Sequence | np.ndarray) and not isinstance(names, str) else []
    if not listed or not all(isinstance(name, str) for name in listed):
        raise InputError(f"{what}: {shown(names)} is not a list of metrics")
    return listed


def weighted_name(metric: str) -> str:
    """Return the name of a metric in which blocks count by their weights."""
    return f"weighted {metric}"


def _is_max(metrics: Sequence[Metric]) -> NDArray[np.uint8]:
    return np.array([metric.aggregation == "max" for metric in metrics], dtype=np.uint8)


def _all_rows(
    lut: Lut, metrics: Sequence[Metric], backend: Backend, units: UnitsOf, selection: Selection | None
) -> tuple[tuple[Grid, ...], Rows]:
    grids, columns = zip(*(units(lut, metric, backend) for metric in metrics), strict=True)
    for metric in metrics:
        _check_measured(lut, metric.name, selection)
    offsets = np.cumsum([0, *(block.n_candidates for block in lut.blocks)], dtype=np.int64)
    return grids, Rows(np.stack(columns), offsets, None)


def units_of(lut: Lut, metric: Metric, backend: Backend) -> tuple[Grid, NDArray[np.int64]]:
    """Return a metric's grid, and all candidates of the first block in its units, then of the second, …

    The grid is that of what was measured; the rest is 0.

    Raises:
        InputError: a value or total cannot be held; the message names metric, block and candidate.
    """
    columns = [known_column(block, metric.name) for block in lut.blocks]
    grid = grid_of(lut, metric, columns)
    return grid, np.concatenate([grid.units(column, backend, metric.name) for column in columns])


def grid_of(lut: Lut, metric: Metric, columns: Sequence[NDArray[Any]]) -> Grid:
    """Return the grid of a metric, given every block's column; raises as :func:`.choose_grid` does."""
    needs = [
        Needs().and_of(column, f"metric {metric.name!r}, block {name!r}")
        for name, column in zip(lut.block_names, columns, strict=True)
    ]
    return choose_grid(metric, needs, lut.block_names)


def known_column(block: LutBlock, metric: str) -> NDArray[Any]:
    """Return :meth:`.LutBlock.column` with 0 where a candidate was not measured."""
    column, measured = block.column(metric), block.measured(metric)
    return column if measured is None else np.where(measured, column, np.zeros_like(column))


def _origin(metric: Metric, grid: Grid, backend: Backend) -> int:
    if metric.fixed is not None:
        return int(grid.units(np.array([metric.fixed]), backend)[0])
    return NO_MAXIMUM if metric.aggregation == "max" else 0


def _check_measured(lut: Lut, metric: str, selection: Selection | None) -> None:
    for b, block in enumerate(lut.blocks):
        measured = block.measured(metric)
        if measured is None:
            continue
        numbers = np.arange(block.n_candidates) if selection is None else selection.candidates[b]
        missing = numbers[~measured[numbers]]
        if missing.size:
            raise InputError(
                f"metric {metric!r}, block {block.name!r}: {missing.size} of {numbers.size} candidates were not "
                f"measured, the first of them candidate {missing[0]}"
            )

"""The problem instance for the kernels: chosen metrics on exact integer grids, the rows of all blocks concatenated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING, Literal
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from qabwnas.errors import InputError
from qabwnas.io.numeric import Number, exact_number
from qabwnas.lut.lut import Lut, Metric
from qabwnas.search.arguments import check_lut, check_scope
from qabwnas.search.engine.backend import Backend
from qabwnas.search.model.grid import UNLIMITED, Grid
from qabwnas.search.model.kept_columns import KeptColumns, fixed_units
from qabwnas.search.model.streaming import (
    ChunkedColumns,
    Pruning,
    grids_in_chunks,
    is_large,
    largest_in_chunks,
    rows_in_chunks,
)

if TYPE_CHECKING:  # scopes and weights load when they are used, so that other searches start sooner
    from qabwnas.search.constraints.budgets import Budgeted, Column
    from qabwnas.search.constraints.scope import Scope, Selection
    from qabwnas.search.model.weights import WeightedObjective

NO_MAXIMUM = -(2**63)
"""The origin of a max-aggregated metric that has no fixed part."""


@dataclass(frozen=True, eq=False, repr=False)
class Problem:
    """Metrics of a LUT as int64 units; the first metric is the objective. Problems compare by identity.

    Attributes:
        metrics: the metrics, in the order in which totals are compared.
        grids: the grid of each metric.
        block_names: in block order.
        values: int64 ``(n_metrics, n_rows)``: the candidates of the first block, then of the second, …
        offsets: int64 ``(n_blocks + 1,)``: the first row of each block, and finally the number of rows.
        is_max: uint8 ``(n_metrics,)``, 1 if totals are maxima.
        origin: int64 ``(n_metrics,)``, the fixed parts.
        candidates: int64 ``(n_rows,)``, the number of each row in the LUT; ``None`` if rows are all candidates.
        groups: int64 ``(n_rows,)``; all rows of a subnet must be of one group. ``None``: no such restriction.
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
        columns: Sequence[Column],
        backend: Backend,
        scope: Scope | None = None,
        k: int | None = None,
    ) -> Problem:
        """Set up a search over metrics, given by name, and derived ones, within a scope; O(rows × metrics).

        If the scope has weights, the first metric becomes the weighted one, named by :func:`weighted_name`. The plain
        metric may then be listed again after it. Grids are those of all candidates, so totals do not depend on what a
        scope excludes. Columns, and the last problem over all rows, are kept as long as the LUT lives.

        With ``k``, the number of best subnets to find, a large LUT is read in chunks, and only rows that these subnets
        may need are kept (:mod:`qabwnas.search.model.streaming`).

        Raises:
            InputError: there are more metrics than :attr:`.Backend.max_metrics`; a metric is unknown or listed twice,
                was not measured for an allowed candidate, or has a value or total that cannot be represented (the
                message names metric, block and candidate); or the scope does not suit the LUT.
        """
        check_lut(lut)
        check_scope(scope)
        metrics = tuple(lut.metric(column) if isinstance(column, str) else column for column in columns)
        if len(metrics) > backend.max_metrics:
            raise InputError(
                f"{len(metrics)} metrics are too many to compare, the limit is {backend.max_metrics}: "
                "minimise or set budgets on fewer"
            )
        weighted = scope is not None and scope.is_weighted
        names = [metric.name for metric in metrics]
        compared = [weighted_name(names[0]), *names[1:]] if weighted else names
        for index, name in enumerate(compared):
            if name in compared[:index]:
                raise InputError(f"metric {name!r} is listed twice")
        if k is not None and is_large(lut):
            return cls._in_chunks(lut, metrics, backend, scope, k)
        sources = _sources(metrics)
        selection = scope.selection(lut, [metric.name for metric in sources]) if scope is not None else None
        problem = cls._whole(lut, sources, backend, selection)
        if sources is not metrics:
            problem = problem.derived(metrics)
        return problem.weighted(scope.factors(lut.block_names)) if scope is not None and weighted else problem

    @classmethod
    def _whole(cls, lut: Lut, metrics: tuple[Metric, ...], backend: Backend, selection: Selection | None) -> Problem:
        """Return the problem over metrics of the LUT, read as a whole."""
        kept = KeptColumns.of(lut)
        columns, values = kept.compared(lut, metrics, backend)  # warns of rounding in each call
        last = _LAST.get(lut)
        if selection is None and last is not None and last.metrics == metrics:
            return last
        for metric, column in zip(metrics, columns, strict=True):
            if column.measured is not None:
                _check_measured(lut, metric.name, selection)
        problem = cls(
            metrics,
            tuple(column.grid for column in columns),
            lut.block_names,
            np.stack([column.units for column in columns]) if values is None else values,
            np.append(columns[0].starts, columns[0].units.size),
            _is_max(metrics),
            _origins(metrics, [column.fixed for column in columns]),
        )
        if selection is not None:
            return problem.selected(selection)
        if not is_large(lut):
            _LAST[lut] = problem
        return problem

    @classmethod
    def _in_chunks(
        cls, lut: Lut, metrics: tuple[Metric, ...], backend: Backend, scope: Scope | None, k: int
    ) -> Problem:
        sources = _sources(metrics)
        rules = scope.rules(lut, [metric.name for metric in sources]) if scope is not None else None
        grids = grids_in_chunks(lut, sources, rules)
        origin = _origins(sources, [fixed_units(*pair, backend) for pair in zip(sources, grids, strict=True)])
        derivation = None
        if sources is not metrics:
            from qabwnas.search.model.derived import Derivation

            totals = [
                sum(largest_in_chunks(lut, metric, grid, backend, rules)) + (abs(fixed) if fixed != NO_MAXIMUM else 0)
                for metric, grid, fixed in zip(sources, grids, origin.tolist(), strict=True)
            ]
            derivation = Derivation.of(metrics, sources, grids, totals)
            grids, origin = derivation.grids, derivation.of_fixed(origin)
        objective = None
        if scope is not None and scope.is_weighted:
            from qabwnas.search.model.weights import WeightedObjective

            fixed = int(origin[0]) if metrics[0].fixed is not None else None
            plain = sources[0]  # a negated objective has the grid and the sizes of its metric
            largest = largest_in_chunks(lut, plain, grids[0], backend, rules)
            objective = WeightedObjective.of(metrics[0], grids[0], scope.factors(lut.block_names), largest, fixed)
        chunks = ChunkedColumns(sources, grids if derivation is None else derivation.source_grids, derivation)
        rows = rows_in_chunks(lut, chunks, Pruning(_is_max(metrics), k, backend), rules, objective)
        problem = cls(
            metrics, tuple(grids), lut.block_names, rows.values, rows.offsets, _is_max(metrics), origin, *rows[2:]
        )
        return problem if objective is None else problem._with_weighted(objective, rows.values[0])

    def __repr__(self) -> str:
        metrics = ", ".join(map(repr, self.metric_names))
        return f"<Problem: blocks {len(self.block_names)}, rows {self.values.shape[1]}, metrics {metrics}>"

    def selected(self, selection: Selection) -> Problem:
        """Return the problem of the selected candidates; rows must be all candidates."""
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
        """Return the problem with its first metric weighted by block; raises like :meth:`.WeightedObjective.of`."""
        from qabwnas.search.model.weights import WeightedObjective, largest_size

        fixed = int(self.origin[0]) if self.metrics[0].fixed is not None else None
        blocks = [self.values[0, first:last] for first, last in pairwise(self.offsets.tolist())]
        largest = list(map(largest_size, blocks))
        objective = WeightedObjective.of(self.metrics[0], self.grids[0], factors, largest, fixed)
        values = np.concatenate([objective.of_block(units, b) for b, units in enumerate(blocks)])
        return self._with_weighted(objective, values)

    def _with_weighted(self, objective: WeightedObjective, values: NDArray[np.int64]) -> Problem:
        """Return the problem with the weighted ``values`` ``(n_rows,)`` in place of its first metric."""
        origin = self.origin[0] if self.metrics[0].fixed is None else objective.of_fixed(int(self.origin[0]))
        return replace(
            self,
            metrics=(replace(self.metrics[0], name=weighted_name(self.metrics[0].name)), *self.metrics[1:]),
            grids=(objective.grid, *self.grids[1:]),
            values=np.concatenate([values[np.newaxis], self.values[1:]]),
            origin=np.concatenate([[origin], self.origin[1:]]),
        )

    def derived(self, metrics: tuple[Metric, ...]) -> Problem:
        """Return the problem over ``metrics``, derived or not, which are computed from those of this problem.

        Raises:
            InputError: the totals of a sum of metrics cannot be represented.
        """
        from qabwnas.search.model.derived import Derivation

        starts = self.offsets[:-1]
        of_rows = np.maximum.reduceat(np.abs(self.values), starts, axis=1).sum(axis=1, dtype=object).tolist()
        of_fixed = [0 if fixed == NO_MAXIMUM else abs(fixed) for fixed in self.origin.tolist()]
        largest = [rows + fixed for rows, fixed in zip(of_rows, of_fixed, strict=True)]
        derivation = Derivation.of(metrics, self.metrics, self.grids, largest)
        blocks = pairwise(self.offsets.tolist())
        values = [derivation.of_block(self.values[:, first:last]) for first, last in blocks]
        return replace(
            self,
            metrics=metrics,
            grids=derivation.grids,
            values=np.concatenate(values, axis=1),
            is_max=_is_max(metrics),
            origin=derivation.of_fixed(self.origin),
        )

    def bit_width_groups(self) -> list[Problem]:
        """Return one problem without groups per combination of groups; a subnet is in exactly one of them.

        There is one combination per group that all blocks have, or, if some sets of blocks have groups of their own
        (:mod:`qabwnas.search.constraints.equal_widths`), per product of those that all blocks of each set have.
        """
        if self.groups is None:
            return [self]
        from qabwnas.search.constraints.equal_widths import combinations

        blocks = [self.groups[first:last] for first, last in pairwise(self.offsets.tolist())]
        return [replace(self.with_rows(np.isin(self.groups, chosen)), groups=None) for chosen in combinations(blocks)]

    def with_rows(self, kept: NDArray[np.bool_]) -> Problem:
        """Return the problem of some rows, bool ``(n_rows,)``, at least one row of every block."""
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

    def with_objective(self, m: int) -> Problem:
        """Return the same problem with metric number ``m`` first, as the objective."""
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
        """Return the candidate numbers of rows, which kernels number within their blocks: both ``(n, n_blocks)``.

        ``blocks`` restricts both to some blocks; by default they are for all blocks.
        """
        if self.candidates is None:
            return rows
        starts = self.offsets[:-1] if blocks is None else self.offsets[blocks]
        return np.asarray(self.candidates[starts + rows], dtype=np.int32)

    @property
    def metric_names(self) -> tuple[str, ...]:
        return tuple(metric.name for metric in self.metrics)

    def budget_units(self, budgets: Mapping[str, Number] | Mapping[Budgeted, Number]) -> NDArray[np.int64]:
        """Return one upper bound per metric, in units: int64 ``(n_metrics,)``; budgets name metrics of the problem.

        A budget that couples several columns has no bound here: :mod:`qabwnas.search.engine.coupled` takes it.

        Raises:
            InputError: a budget is not a number.
        """
        from qabwnas.search.model.derived import MixedSum

        units = np.full(len(self.metrics), UNLIMITED, dtype=np.int64)
        for column, budget in budgets.items():
            if isinstance(column, MixedSum):
                continue
            m = self.position(column)
            units[m] = self.grids[m].floor(exact_number(f"budget {self.metrics[m].name!r}", budget))
        return units

    def position(self, column: Column) -> int:
        """Return the position of a column of the problem in :attr:`metrics`."""
        return self.metric_names.index(column if isinstance(column, str) else column.name)

    def decimals(self, totals: NDArray[np.int64]) -> dict[str, Decimal]:
        """Return one row of totals as exact decimals, by metric name."""
        return {
            metric.name: grid.decimal(int(total))
            for metric, grid, total in zip(self.metrics, self.grids, totals, strict=True)
        }


_LAST: WeakKeyDictionary[Lut, Problem] = WeakKeyDictionary()
"""The last problem over all rows of a LUT, which is not larger than the columns of the LUT."""


def objective_of(problem: Problem) -> tuple[str, Literal["minimize", "maximize"]]:
    """Return the name of the objective without a sign, and its sense."""
    metric = problem.metrics[0]
    if type(metric) is Metric:
        return metric.name, "minimize"
    (source,) = _sources((metric,))
    is_weighted = metric.name == weighted_name(f"-{source.name}")
    return (weighted_name(source.name) if is_weighted else source.name), "maximize"


def _sources(metrics: tuple[Metric, ...]) -> tuple[Metric, ...]:
    """Return the metrics of the LUT that columns are made of: ``metrics`` itself if none is derived."""
    if all(type(metric) is Metric for metric in metrics):
        return metrics
    from qabwnas.search.model.derived import source_metrics

    return source_metrics(metrics)


def weighted_name(metric: str) -> str:
    """Return the name of a metric after weighting: ``weighted loss`` for ``loss``."""
    return f"weighted {metric}"


def _is_max(metrics: Sequence[Metric]) -> NDArray[np.uint8]:
    return np.array([metric.aggregation == "max" for metric in metrics], dtype=np.uint8)


def _origins(metrics: Sequence[Metric], fixed: Sequence[int | None]) -> NDArray[np.int64]:
    """Return the fixed parts ``(n_metrics,)`` from those in units, ``None`` for none."""
    absent = {"sum": 0, "max": NO_MAXIMUM}
    pairs = zip(metrics, fixed, strict=True)
    return np.array([absent[metric.aggregation] if units is None else units for metric, units in pairs], dtype=np.int64)


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

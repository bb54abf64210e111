"""A search over a LUT as kernels want it: chosen metrics on exact integer grids, blocks behind one another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from qabwnas.errors import InputError
from qabwnas.lut.lut import Lut, Metric
from qabwnas.search.backend import Backend
from qabwnas.search.grid import UNLIMITED, Grid, choose_grid
from qabwnas.search.weights import weigh

if TYPE_CHECKING:
    from qabwnas.search.scope import Scope, Selection

NO_MAXIMUM = -(2**63)
"""The origin of a max-aggregated metric without a fixed part."""

Number = int | float | str | Decimal


@dataclass(frozen=True)
class Problem:
    """Metrics of a LUT as int64 units; the first metric is the objective of a search.

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
    def of(cls, lut: Lut, metric_names: Sequence[str], backend: Backend, scope: Scope | None = None) -> Problem:
        """Set up a search over the named metrics, within a scope; O(rows × metrics).

        Where the scope has weights, the first metric is the weighted one, by the name of :func:`weighted_name`; the
        plain one may then be named again behind it.

        Raises:
            InputError: a metric is unknown or named twice, was not measured for a candidate, or has a value or total
                that cannot be held; the message names metric, block and candidate. Or the scope does not suit the LUT.
        """
        metrics = tuple(lut.metric(name) for name in metric_names)
        weighted = scope is not None and scope.is_weighted
        compared = [weighted_name(metric_names[0]), *metric_names[1:]] if weighted else metric_names
        for index, name in enumerate(compared):
            if name in compared[:index]:
                raise InputError(f"metric {name!r} is named twice")
        selection = scope.selection(lut) if scope is not None else None
        offsets = _offsets(lut, selection)
        values = np.empty((len(metrics), int(offsets[-1])), dtype=np.int64)
        origin = np.zeros(len(metrics), dtype=np.int64)
        grids = []
        for m, metric in enumerate(metrics):
            columns = [_measured_column(lut, index, metric.name, selection) for index in range(len(lut.blocks))]
            grid = choose_grid(metric, columns, lut.block_names)
            values[m] = grid.units(np.concatenate(columns), backend)
            if metric.fixed is not None:
                origin[m] = grid.units(np.array([metric.fixed]), backend)[0]
            elif metric.aggregation == "max":
                origin[m] = NO_MAXIMUM
            grids.append(grid)
        if weighted and scope is not None:
            fixed = int(origin[0]) if metrics[0].fixed is not None else None
            factors = scope.factors(lut.block_names)
            grids[0], values[0], fixed = weigh(metrics[0], grids[0], factors, values[0], offsets, fixed)
            metrics = (replace(metrics[0], name=compared[0]), *metrics[1:])
            origin[0] = fixed if fixed is not None else origin[0]
        is_max = np.array([metric.aggregation == "max" for metric in metrics], dtype=np.uint8)
        candidates = np.concatenate(selection.candidates) if selection is not None else None
        groups = np.concatenate(selection.groups) if selection is not None and selection.groups is not None else None
        return cls(
            metrics,
            tuple(grids),
            lut.block_names,
            values,
            offsets,
            is_max,
            origin,
            candidates=candidates,
            groups=groups,
        )

    def parts(self) -> list[Problem]:
        """Return the problems, without groups, whose subnets are together those of this one."""
        if self.groups is None:
            return [self]
        blocks = list(pairwise(self.offsets.tolist()))
        common = set.intersection(*(set(self.groups[first:last].tolist()) for first, last in blocks))
        return [self._rows(self.groups == group) for group in sorted(common)]

    def _rows(self, kept: NDArray[np.bool_]) -> Problem:
        assert self.candidates is not None  # as groups come from a selection
        return replace(
            self,
            values=np.ascontiguousarray(self.values[:, kept]),
            offsets=np.concatenate([[0], np.cumsum(kept)])[self.offsets],
            candidates=self.candidates[kept],
            groups=None,
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

    def choice(self, rows: NDArray[np.int32]) -> NDArray[np.int32]:
        """Return the candidates that rows, as kernels number them in their blocks, are: both ``(n, n_blocks)``."""
        if self.candidates is None:
            return rows
        return np.asarray(self.candidates[self.offsets[:-1] + rows], dtype=np.int32)

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
                units[m] = grid.floor(exact_number(budgets[metric.name], f"budget {metric.name!r}"))
        return units

    def decimals(self, totals: NDArray[np.int64]) -> dict[str, Decimal]:
        """Return one row of totals as exact decimals, by metric name."""
        return {
            metric.name: grid.decimal(int(total))
            for metric, grid, total in zip(self.metrics, self.grids, totals, strict=True)
        }


def exact_number(value: Number, what: str) -> Decimal:
    """Return a number as the decimal that it is written as; a float as its shortest decimal.

    Raises:
        InputError: it is not a finite number; the message starts with ``what``.
    """
    try:
        number = Decimal(repr(float(value)) if isinstance(value, float) else value)
    except (InvalidOperation, TypeError, ValueError) as error:
        raise InputError(f"{what}: {value!r} is not a number") from error
    if not number.is_finite():
        raise InputError(f"{what}: {value!r} is not a finite number")
    return number


def weighted_name(metric: str) -> str:
    """Return the name of a metric in which blocks count by their weights."""
    return f"weighted {metric}"


def _offsets(lut: Lut, selection: Selection | None) -> NDArray[np.int64]:
    if selection is None:
        sizes = [block.n_candidates for block in lut.blocks]
    else:
        sizes = [numbers.size for numbers in selection.candidates]
    return np.cumsum([0, *sizes], dtype=np.int64)


def _measured_column(lut: Lut, index: int, metric: str, selection: Selection | None) -> NDArray[np.float64]:
    """The metric of a block's candidates, or of those selected, ``(n_rows,)``."""
    block = lut.blocks[index]
    column, measured = block.column(metric), block.measured(metric)
    if measured is not None:
        numbers = np.arange(block.n_candidates) if selection is None else selection.candidates[index]
        missing = numbers[~measured[numbers]]
        if missing.size:
            raise InputError(
                f"metric {metric!r}, block {block.name!r}: {missing.size} of {numbers.size} candidates were not "
                f"measured, the first of them candidate {missing[0]}"
            )
    return column if selection is None else column[selection.candidates[index]]

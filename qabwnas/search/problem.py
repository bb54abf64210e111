"""A search over a LUT as kernels want it: chosen metrics on exact integer grids, blocks behind one another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

import numpy as np
from numpy.typing import NDArray

from qabwnas.errors import InputError
from qabwnas.lut.lut import Lut, LutBlock, Metric
from qabwnas.search.backend import Backend
from qabwnas.search.grid import UNLIMITED, Grid, Needs, choose_grid
from qabwnas.search.streaming import Rows, check_measured, is_large, rows_in_parts

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
        values: int64 ``(n_metrics, n_rows)``, the rows of the first block, then of the second, …
        offsets: int64 ``(n_blocks + 1,)``, where each block's rows begin, and last the number of all rows.
        is_max: uint8 ``(n_metrics,)``, 1 where totals are maxima.
        origin: int64 ``(n_metrics,)``, the fixed parts.
        candidates: int64 ``(n_rows,)``, the candidate that every row is, ascending in a block; ``None`` where the rows
            are all candidates in order.
    """

    metrics: tuple[Metric, ...]
    grids: tuple[Grid, ...]
    block_names: tuple[str, ...]
    values: NDArray[np.int64]
    offsets: NDArray[np.int64]
    is_max: NDArray[np.uint8]
    origin: NDArray[np.int64]
    candidates: NDArray[np.int64] | None = None

    @classmethod
    def of(cls, lut: Lut, metric_names: Sequence[str], backend: Backend, k: int | None = None) -> Problem:
        """Set up a search over the named metrics; O(rows × metrics), and for large LUTs that of pruning.

        Args:
            lut: the tables.
            metric_names: the metrics, the objective first.
            backend: whose kernels turn values into units.
            k: how many best subnets are looked for, so that rows that these do without may be left out. A large LUT is
                then set up in memory for the rows that are left (:mod:`qabwnas.search.streaming`).

        Raises:
            InputError: a metric is unknown or named twice, was not measured for a candidate, or has a value or total
                that cannot be held; the message names metric, block and candidate.
        """
        metrics = tuple(lut.metric(name) for name in metric_names)
        for index, name in enumerate(metric_names):
            if name in metric_names[:index]:
                raise InputError(f"metric {name!r} is named twice")
        is_max = np.array([metric.aggregation == "max" for metric in metrics], dtype=np.uint8)
        if k is not None and is_large(lut):
            grids, rows = rows_in_parts(lut, metrics, is_max, k, backend)
        else:
            grids, rows = _all_rows(lut, metrics, backend)
        origin = np.zeros(len(metrics), dtype=np.int64)
        for m, (metric, grid) in enumerate(zip(metrics, grids, strict=True)):
            if metric.fixed is not None:
                origin[m] = grid.units(np.array([metric.fixed]), backend)[0]
            elif metric.aggregation == "max":
                origin[m] = NO_MAXIMUM
        return cls(metrics, grids, lut.block_names, rows.values, rows.offsets, is_max, origin, rows.candidates)

    def choice(self, rows: NDArray[np.int32]) -> NDArray[np.int32]:
        """Return the candidates that rows, as kernels number them in their blocks, are: both ``(n, n_blocks)``."""
        return rows if self.candidates is None else self.candidates[self.offsets[:-1] + rows].astype(np.int32)

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


def _all_rows(lut: Lut, metrics: Sequence[Metric], backend: Backend) -> tuple[tuple[Grid, ...], Rows]:
    offsets = np.cumsum([0, *(block.n_candidates for block in lut.blocks)], dtype=np.int64)
    values = np.empty((len(metrics), int(offsets[-1])), dtype=np.int64)
    grids = []
    for m, metric in enumerate(metrics):
        columns = [_measured_column(block, metric.name) for block in lut.blocks]
        needs = [
            Needs().and_of(column, f"metric {metric.name!r}, block {block.name!r}")
            for block, column in zip(lut.blocks, columns, strict=True)
        ]
        grids.append(choose_grid(metric, needs, lut.block_names))
        values[m] = grids[m].units(np.concatenate(columns), backend)
    return tuple(grids), Rows(values, offsets, None)


def _measured_column(block: LutBlock, metric: str) -> NDArray[np.float64]:
    check_measured(block, metric)
    return block.column(metric)

"""A search over a LUT as kernels want it: chosen metrics on exact integer grids, blocks behind one another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

import numpy as np
from numpy.typing import NDArray

from qabwnas.errors import InputError
from qabwnas.lut.lut import Lut, Metric
from qabwnas.search.backend import Backend
from qabwnas.search.grid import UNLIMITED, Grid, choose_grid

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
        values: int64 ``(n_metrics, n_rows)``, all candidates of the first block, then of the second, …
        offsets: int64 ``(n_blocks + 1,)``, where each block's rows begin, and last the number of all rows.
        is_max: uint8 ``(n_metrics,)``, 1 where totals are maxima.
        origin: int64 ``(n_metrics,)``, the fixed parts.
    """

    metrics: tuple[Metric, ...]
    grids: tuple[Grid, ...]
    block_names: tuple[str, ...]
    values: NDArray[np.int64]
    offsets: NDArray[np.int64]
    is_max: NDArray[np.uint8]
    origin: NDArray[np.int64]

    @classmethod
    def of(cls, lut: Lut, metric_names: Sequence[str], backend: Backend) -> Problem:
        """Set up a search over the named metrics; O(rows × metrics).

        Raises:
            InputError: a metric is unknown or named twice, was not measured for a candidate, or has a value or total
                that cannot be held; the message names metric, block and candidate.
        """
        metrics = tuple(lut.metric(name) for name in metric_names)
        for index, name in enumerate(metric_names):
            if name in metric_names[:index]:
                raise InputError(f"metric {name!r} is named twice")
        offsets = np.cumsum([0, *(block.n_candidates for block in lut.blocks)], dtype=np.int64)
        values = np.empty((len(metrics), int(offsets[-1])), dtype=np.int64)
        origin = np.zeros(len(metrics), dtype=np.int64)
        grids = []
        for m, metric in enumerate(metrics):
            columns = [_measured_column(lut, index, metric.name) for index in range(len(lut.blocks))]
            grid = choose_grid(metric, columns, lut.block_names)
            values[m] = grid.units(np.concatenate(columns), backend)
            if metric.fixed is not None:
                origin[m] = grid.units(np.array([metric.fixed]), backend)[0]
            elif metric.aggregation == "max":
                origin[m] = NO_MAXIMUM
            grids.append(grid)
        is_max = np.array([metric.aggregation == "max" for metric in metrics], dtype=np.uint8)
        return cls(metrics, tuple(grids), lut.block_names, values, offsets, is_max, origin)

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


def _measured_column(lut: Lut, index: int, metric: str) -> NDArray[np.float64]:
    block = lut.blocks[index]
    measured = block.measured(metric)
    if measured is not None and not measured.all():
        missing = np.flatnonzero(~measured)
        raise InputError(
            f"metric {metric!r}, block {block.name!r}: {missing.size} of {block.n_candidates} candidates were not "
            f"measured, the first of them candidate {missing[0]}"
        )
    return block.column(metric)

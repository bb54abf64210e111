"""Totals of chosen subnets in any metric of a LUT, on its grid."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qabwnas.lut.arrays import common_type
from qabwnas.lut.lut import Lut, LutBlock, Metric
from qabwnas.search.engine.backend import Backend
from qabwnas.search.model.columns import known_values, row_chunks
from qabwnas.search.model.grid import Grid
from qabwnas.search.model.kept_columns import KeptColumn, KeptColumns, fixed_units
from qabwnas.search.model.streaming import is_large

TotalsIn = Callable[[Lut, str, NDArray[np.int32], Backend], Sequence[Decimal | None]]
""":func:`totals_in` or :func:`kept_totals_in`."""


def totals_in(lut: Lut, metric_name: str, choice: NDArray[np.int32], backend: Backend) -> list[Decimal | None]:
    """Return the total of every subnet, or ``None`` if one of its candidates was not measured.

    ``choice`` is ``(n_subnets, n_blocks)``. The grid depends on all measured candidates. From the second time on, the
    column is kept as long as the LUT, unless the LUT is large.

    Raises:
        InputError: a measured value or a total cannot be represented.
    """
    if not is_large(lut):
        return kept_totals_in(lut, metric_name, choice, backend)
    metric = lut.metric(metric_name)
    return _decimals(KeptColumns.of(lut).grid(lut, metric), *_units_in_chunks(lut, metric, choice, backend))


def total_units(lut: Lut, metric: Metric, choice: NDArray[np.int32], backend: Backend) -> NDArray[np.int64]:
    """Return the totals of subnets ``(n_subnets, n_blocks)`` in units of :func:`grid_in`, int64 ``(n_subnets,)``.

    All of their candidates are measured. Raises as :func:`totals_in`.
    """
    if is_large(lut):
        return _units_in_chunks(lut, metric, choice, backend)[0]
    return _units_of(KeptColumns.of(lut).column(lut, metric, backend), metric, choice)


def kept_totals_in(lut: Lut, metric_name: str, choice: NDArray[np.int32], backend: Backend) -> list[Decimal | None]:
    """Return the same as :func:`totals_in`, from a column that is kept from the second time on."""
    metric = lut.metric(metric_name)
    grid, units, known, fixed = KeptColumns.of(lut).chosen(lut, metric, choice, backend)
    return _decimals(grid, _total(metric, units, fixed), None if known is None else np.asarray(known.all(axis=1)))


def grid_in(lut: Lut, metric: Metric, backend: Backend) -> Grid:
    """Return the grid of a metric; raises as :func:`totals_in`."""
    kept = KeptColumns.of(lut)
    return kept.grid(lut, metric) if is_large(lut) else kept.column(lut, metric, backend).grid


def _units_of(column: KeptColumn, metric: Metric, choice: NDArray[np.int32]) -> NDArray[np.int64]:
    return _total(metric, column.units[column.starts + choice], column.fixed)


def _units_in_chunks(
    lut: Lut, metric: Metric, choice: NDArray[np.int32], backend: Backend
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return totals in units, and whether all candidates are measured, both ``(n_subnets,)``."""
    grid = KeptColumns.of(lut).grid(lut, metric)
    chosen, measured = [], np.ones(len(choice), dtype=np.bool_)
    for b, block in enumerate(lut.blocks):
        values, known = _values_of(block, metric.name, choice[:, b])
        chosen.append(grid.units(values, backend))
        measured &= known
    return _total(metric, np.stack(chosen, axis=1), fixed_units(metric, grid, backend)), measured


def _total(metric: Metric, chosen: NDArray[np.int64], fixed: int | None) -> NDArray[np.int64]:
    """Return the totals of subnets whose blocks have the units ``chosen`` ``(n_subnets, n_blocks)``."""
    if metric.aggregation == "sum":
        return np.asarray(chosen.sum(axis=1) + (fixed or 0))
    return np.asarray(chosen.max(axis=1) if fixed is None else np.maximum(chosen.max(axis=1), fixed))


def _decimals(grid: Grid, units: NDArray[np.int64], measured: NDArray[np.bool_] | None) -> list[Decimal | None]:
    totals: list[Decimal | None] = [grid.decimal(total) for total in units.tolist()]
    if measured is None:
        return totals
    return [total if known else None for total, known in zip(totals, measured, strict=True)]


def _values_of(block: LutBlock, metric: str, candidates: NDArray[np.int32]) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Return the values of candidates, 0 where not measured, and which are measured; O(range of rows in each chunk)."""
    measured = np.ones(candidates.size, dtype=np.bool_)
    chosen: list[tuple[NDArray[np.bool_], NDArray[Any]]] = []
    for start, end in row_chunks(block):
        here = (start <= candidates) & (candidates < end)
        if not here.any():
            continue
        rows = candidates[here]
        first, last = int(rows.min()), int(rows.max()) + 1
        values, mask = known_values(block, metric, first, last), block.measured_rows(metric, first, last)
        if mask is not None:
            measured[here] = mask[rows - first]
        chosen.append((here, values[rows - first]))
    where, parts = zip(*chosen, strict=True)
    parts = common_type(parts)
    found = np.zeros(candidates.size, dtype=parts[0].dtype)
    for here, values in zip(where, parts, strict=True):
        found[here] = values
    return found, measured

"""Totals of chosen subnets: in any metric of a LUT on its grid, and as text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from qabwnas.lut.arrays import common_type
from qabwnas.lut.lut import Lut, LutBlock, Metric
from qabwnas.search.engine.backend import Backend
from qabwnas.search.model.columns import known_values, needs_in_chunks, row_chunks
from qabwnas.search.model.grid import Grid, choose_grid

# Grids of columns by metric name. LUTs hash by identity; copies and pickled LUTs start without any.
_GRIDS: WeakKeyDictionary[Lut, dict[str, Grid]] = WeakKeyDictionary()

TotalsIn = Callable[[Lut, str, NDArray[np.int32], Backend], Sequence[Decimal | None]]
"""A function like :func:`totals_in`; a session passes one that caches."""


def totals_in(lut: Lut, metric_name: str, choice: NDArray[np.int32], backend: Backend) -> list[Decimal | None]:
    """Return the total of every subnet, or ``None`` if one of its candidates was not measured.

    ``choice`` is ``(n_subnets, n_blocks)``. The grid depends on all measured candidates.

    Raises:
        InputError: a measured value or a total cannot be represented.
    """
    metric = lut.metric(metric_name)
    grid = grid_in(lut, metric)
    totals, measured = _total_units(lut, metric, choice, backend)
    return [grid.decimal(int(total)) if known else None for total, known in zip(totals, measured, strict=True)]


def total_units(lut: Lut, metric: Metric, choice: NDArray[np.int32], backend: Backend) -> NDArray[np.int64]:
    """Return the totals of subnets ``(n_subnets, n_blocks)`` in units of :func:`grid_in`, int64 ``(n_subnets,)``.

    All of their candidates are measured. Raises as :func:`totals_in`.
    """
    return _total_units(lut, metric, choice, backend)[0]


def _total_units(
    lut: Lut, metric: Metric, choice: NDArray[np.int32], backend: Backend
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return totals in units, and whether all candidates are measured, both ``(n_subnets,)``."""
    grid = grid_in(lut, metric)
    chosen, measured = [], np.ones(len(choice), dtype=np.bool_)
    for b, block in enumerate(lut.blocks):
        values, known = _values_of(block, metric.name, choice[:, b])
        chosen.append(values)
        measured &= known
    if metric.fixed is not None:
        chosen.append(np.full(len(choice), metric.fixed))
    units = np.stack([grid.units(values, backend) for values in chosen])
    return (units.sum(axis=0) if metric.aggregation == "sum" else units.max(axis=0)), measured


def grid_in(lut: Lut, metric: Metric) -> Grid:
    """Return the grid of a metric, read in chunks and kept as long as the LUT lives, which never changes."""
    kept = _GRIDS.setdefault(lut, {})
    grid = kept.get(metric.name)
    if grid is None:
        needs = [needs_in_chunks(block, metric.name) for block in lut.blocks]
        grid = kept[metric.name] = choose_grid(metric, needs, lut.block_names)
    return grid


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


def subnet_cells(
    grids: Sequence[Grid], units: NDArray[np.int64], candidates: NDArray[np.int32]
) -> Iterator[tuple[str, ...]]:
    """Yield the CSV cells of every subnet: exact totals from ``units`` ``(n, n_metrics)``, then its ``candidates``."""
    totals = [map(grid.text, column.tolist()) for grid, column in zip(grids, units.T, strict=True)]
    return zip(*totals, *(map(str, column.tolist()) for column in candidates.T), strict=True)

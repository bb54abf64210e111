"""Columns of a LUT's metrics: values with 0 where nothing was measured, their grids, and reading in chunks of rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qabwnas.lut.lut import Lut, LutBlock, Metric
from qabwnas.search.engine.backend import Backend
from qabwnas.search.model.grid import Grid, GridNeeds, choose_grid

ROWS_PER_CHUNK = 1 << 17

UnitsOf = Callable[[Lut, Metric, Backend], tuple[Grid, NDArray[np.int64]]]
"""A function like :func:`units_of`; a session passes one that caches."""


def units_of(lut: Lut, metric: Metric, backend: Backend) -> tuple[Grid, NDArray[np.int64]]:
    """Return the grid of a metric and its values in units, int64 ``(n_rows,)``: all blocks, in order.

    The grid depends on measured values only. A candidate without a measurement has the value 0.

    Raises:
        InputError: a value or total cannot be represented; the message names metric, block and candidate.
    """
    columns = [known_column(block, metric.name) for block in lut.blocks]
    grid = grid_of(lut, metric, columns)
    return grid, np.concatenate([grid.units(column, backend, metric.name) for column in columns])


def grid_of(lut: Lut, metric: Metric, columns: Sequence[NDArray[Any]]) -> Grid:
    """Return the grid of a metric from the column of every block; raises like :func:`.choose_grid`."""
    needs = [
        GridNeeds().including(column, f"metric {metric.name!r}, block {name!r}")
        for name, column in zip(lut.block_names, columns, strict=True)
    ]
    return choose_grid(metric, needs, lut.block_names)


def known_column(block: LutBlock, metric: str) -> NDArray[Any]:
    """Return :meth:`.LutBlock.column` with 0 where a candidate was not measured."""
    column, measured = block.column(metric), block.measured(metric)
    return column if measured is None else np.where(measured, column, np.zeros_like(column))


def row_chunks(block: LutBlock) -> Iterator[tuple[int, int]]:
    """Yield the first candidate of every chunk of rows, and the candidate after its last."""
    for first in range(0, block.n_candidates, ROWS_PER_CHUNK):
        yield first, min(first + ROWS_PER_CHUNK, block.n_candidates)


def known_values(block: LutBlock, metric: str, first: int, last: int) -> NDArray[Any]:
    """Return a metric of candidates ``first … last − 1``, with 0 where a candidate was not measured."""
    values, measured = block.column_rows(metric, first, last), block.measured_rows(metric, first, last)
    return values if measured is None else np.where(measured, values, np.zeros_like(values))


def needs_in_chunks(block: LutBlock, metric: str) -> GridNeeds:
    """Return what the values of a metric in a block need of a grid, read in chunks.

    Raises:
        InputError: a value is NaN or infinite. A stored LUT raises its own error for that.
    """
    needs = GridNeeds()
    for first, last in row_chunks(block):
        values = known_values(block, metric, first, last)
        needs = needs.including(values, f"metric {metric!r}, block {block.name!r}", first)
    return needs

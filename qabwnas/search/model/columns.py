"""Columns of a LUT's metrics: values with 0 where nothing was measured, and reading in chunks of rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qabwnas.lut.lut import Lut, LutBlock
from qabwnas.search.model.grid import GridNeeds

ROWS_PER_CHUNK = 1 << 17


def known_column(block: LutBlock, metric: str) -> NDArray[Any]:
    """Return :meth:`.LutBlock.column` with 0 where a candidate was not measured."""
    return _known(block.column(metric), block.measured(metric))


def known_doubles(lut: Lut, metric: str) -> NDArray[np.float64] | None:
    """Return :func:`known_column` of all blocks, ``(n_rows,)``; ``None`` unless all tables have doubles."""
    tables = [table for block in lut.blocks for table in block.tables]
    columns = [_known(table.columns[metric], table.measured.get(metric)) for table in tables]
    return np.concatenate(columns) if all(column.dtype == np.float64 for column in columns) else None


def measured_rows(lut: Lut, metric: str) -> NDArray[np.bool_] | None:
    """Return which candidates of all blocks were measured, bool ``(n_rows,)``, or ``None`` if all were."""
    tables = [table for block in lut.blocks for table in block.tables]
    if not any(metric in table.measured for table in tables):
        return None
    return np.concatenate([table.measured.get(metric, np.ones(table.n_rows, dtype=np.bool_)) for table in tables])


def row_chunks(block: LutBlock) -> Iterator[tuple[int, int]]:
    """Yield the first candidate of every chunk of rows, and the candidate after its last."""
    for first in range(0, block.n_candidates, ROWS_PER_CHUNK):
        yield first, min(first + ROWS_PER_CHUNK, block.n_candidates)


def known_values(block: LutBlock, metric: str, first: int, last: int) -> NDArray[Any]:
    """Return a metric of candidates ``first … last − 1``, with 0 where a candidate was not measured."""
    return _known(block.column_rows(metric, first, last), block.measured_rows(metric, first, last))


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


def _known(values: NDArray[Any], measured: NDArray[np.bool_] | None) -> NDArray[Any]:
    return values if measured is None else np.where(measured, values, np.zeros_like(values))

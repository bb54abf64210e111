"""Columns in units of their grids, kept as long as their LUT lives, which never changes.

The units of a column take as much memory as its values, which the LUT keeps too. Copies and pickled LUTs start without
any.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import pairwise
from typing import NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from qabwnas.lut.lut import Lut, Metric
from qabwnas.search.engine.backend import Backend
from qabwnas.search.model.columns import known_column, known_doubles, measured_rows, needs_in_chunks
from qabwnas.search.model.grid import Grid, GridNeeds, choose_grid, joint_needs

Ints = NDArray[np.int64]


class KeptColumn(NamedTuple):
    """A metric of all candidates, blocks in order.

    Attributes:
        grid: it depends on measured values only.
        units: int64 ``(n_rows,)``, read-only; 0 for a candidate that was not measured.
        starts: int64 ``(n_blocks,)``, the first row of each block.
        measured: bool ``(n_rows,)``, or ``None`` if all candidates were measured.
        fixed: the fixed part in units, or ``None`` if there is none.
    """

    grid: Grid
    units: Ints
    starts: Ints
    measured: NDArray[np.bool_] | None
    fixed: int | None


class KeptColumns:
    """The columns of one LUT, by metric. Threads may share them; at worst, two do the same work."""

    def __init__(self) -> None:
        self._columns: dict[str, KeptColumn] = {}
        self._grids: dict[str, Grid] = {}
        self._loses_digits: dict[str, bool] = {}
        # By metric, then by block: what an earlier LUT had, until the column is converted on its new grid.
        self._earlier: dict[str, dict[str, tuple[Grid, Ints]]] = {}

    @classmethod
    def of(cls, lut: Lut) -> KeptColumns:
        """Return what is kept for a LUT."""
        kept = _KEPT.get(lut)
        return _KEPT.setdefault(lut, cls()) if kept is None else kept

    @classmethod
    def pass_on(cls, lut: Lut, changed: Lut, blocks: Collection[str], metrics: Collection[str]) -> None:
        """Keep for ``changed`` what it shares with ``lut``: it differs in the columns of ``metrics`` in ``blocks``."""
        before, after = cls.of(lut), cls()
        after._columns = {name: column for name, column in before._columns.items() if name not in metrics}
        after._grids = {name: grid for name, grid in before._grids.items() if name not in metrics}
        after._loses_digits = {name: loses for name, loses in before._loses_digits.items() if name not in metrics}
        after._earlier = {name: parts for name, parts in before._earlier.items() if name not in metrics}
        for name in metrics:
            parts = before._parts(lut, name)
            after._earlier[name] = {block: part for block, part in parts.items() if block not in blocks}
        _KEPT[changed] = after

    def grid(self, lut: Lut, metric: Metric) -> Grid:
        """Return the grid of a metric, whose column is read in chunks, and not kept.

        Raises:
            InputError: a value or total cannot be represented.
        """
        if metric.name not in self._grids:
            needs = [needs_in_chunks(block, metric.name) for block in lut.blocks]
            self._grids[metric.name] = choose_grid(metric, needs, lut.block_names)
        return self._grids[metric.name]

    def column(self, lut: Lut, metric: Metric, backend: Backend) -> KeptColumn:
        """Return the column of a metric of the LUT.

        Raises:
            InputError: a value or total cannot be represented; the message names metric, block and candidate.
        """
        column = self._columns.get(metric.name)
        if column is None:
            column = self._columns[metric.name] = self._converted(lut, metric, backend)
            self._earlier.pop(metric.name, None)
        return column

    def compared_column(self, lut: Lut, metric: Metric, backend: Backend) -> KeptColumn:
        """Return :meth:`column`. A RoundingWarning names the metric if a value of up to 15 digits is rounded."""
        column, name = self.column(lut, metric, backend), metric.name
        if name not in self._loses_digits:
            self._loses_digits[name] = any(column.grid.loses_digits(known_column(block, name)) for block in lut.blocks)
        if self._loses_digits[name]:
            column.grid.warn_of_rounding(name)
        return column

    def joined_units(self, metrics: Sequence[Metric]) -> Ints:
        """Return the units of kept columns as rows, ``(n_metrics, n_rows)``."""
        columns = [self._columns[metric.name] for metric in metrics]
        joined = np.stack([column.units for column in columns])
        if all(column.units.base is None for column in columns):  # the rows take the place of the columns in memory
            for metric, column, units in zip(metrics, columns, joined, strict=True):
                units.flags.writeable = False
                self._columns[metric.name] = column._replace(units=units)
        return joined

    def _converted(self, lut: Lut, metric: Metric, backend: Backend) -> KeptColumn:
        starts = np.array(_offsets(lut)[:-1], dtype=np.int64)
        grid, units = self._grid_and_units(lut, metric, starts, backend)
        units.flags.writeable = False  # callers share it
        return KeptColumn(grid, units, starts, measured_rows(lut, metric.name), fixed_units(metric, grid, backend))

    def _grid_and_units(self, lut: Lut, metric: Metric, starts: Ints, backend: Backend) -> tuple[Grid, Ints]:
        name, values = metric.name, known_doubles(lut, metric.name)
        exact = None if values is None else joint_needs(values, starts)
        if values is not None and exact is not None:
            decimals, needs = exact
            grid = choose_grid(metric, needs, lut.block_names)
            if decimals <= grid.decimals:
                self._loses_digits[name] = False
                return grid, grid.exact_units(values, decimals)
        columns = [known_column(block, name) for block in lut.blocks]
        needs = [
            GridNeeds().including(column, f"metric {name!r}, block {block!r}")
            for block, column in zip(lut.block_names, columns, strict=True)
        ]
        grid = choose_grid(metric, needs, lut.block_names)
        earlier = self._earlier.get(name, {})
        parts = []
        for block, column in zip(lut.block_names, columns, strict=True):
            grid_before, units = earlier.get(block, (None, None))
            parts.append(units if units is not None and grid_before == grid else grid.units(column, backend))
        return grid, np.concatenate(parts)

    def _parts(self, lut: Lut, metric: str) -> dict[str, tuple[Grid, Ints]]:
        """Return grid and units of every block, as far as they are known."""
        column = self._columns.get(metric)
        if column is None:
            return self._earlier.get(metric, {})
        ranges = zip(lut.block_names, pairwise(_offsets(lut)), strict=True)
        return {block: (column.grid, column.units[first:last]) for block, (first, last) in ranges}


_KEPT: WeakKeyDictionary[Lut, KeptColumns] = WeakKeyDictionary()


def fixed_units(metric: Metric, grid: Grid, backend: Backend) -> int | None:
    """Return the fixed part of a metric in units, or ``None`` if it has none."""
    return None if metric.fixed is None else int(grid.units(np.array([metric.fixed]), backend)[0])


def _offsets(lut: Lut) -> list[int]:
    """Return the first row of each block, then the number of rows."""
    offsets = [0]
    for block in lut.blocks:
        offsets.append(offsets[-1] + block.n_candidates)
    return offsets

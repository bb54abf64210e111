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


class Chosen(NamedTuple):
    """A metric of chosen candidates.

    Attributes:
        grid: of the whole column.
        units: int64 ``(n, n_blocks)``.
        measured: bool ``(n, n_blocks)``, or ``None`` if all candidates of the LUT were measured.
        fixed: the fixed part in units, or ``None`` if there is none.
    """

    grid: Grid
    units: Ints
    measured: NDArray[np.bool_] | None
    fixed: int | None


class KeptColumns:
    """The columns of one LUT, by metric. Threads may share them; at worst, two do the same work."""

    def __init__(self) -> None:
        self._columns: dict[str, KeptColumn] = {}
        self._grids: dict[str, Grid] = {}
        self._exact_grids: dict[str, tuple[Grid, int]] = {}
        self._reported: set[str] = set()
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
        after._exact_grids = {name: grid for name, grid in before._exact_grids.items() if name not in metrics}
        after._reported = before._reported.difference(metrics)
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

    def column(self, lut: Lut, metric: Metric, backend: Backend, out: Ints | None = None) -> KeptColumn:
        """Return the column of a metric of the LUT. If it is not kept yet, ``out`` ``(n_rows,)`` will hold its units.

        Raises:
            InputError: a value or total cannot be represented; the message names metric, block and candidate.
        """
        column = self._columns.get(metric.name)
        if column is None:
            column = self._columns[metric.name] = self._converted(lut, metric, backend, out)
            self._earlier.pop(metric.name, None)
        return column

    def compared(self, lut: Lut, metrics: Sequence[Metric], backend: Backend) -> tuple[list[KeptColumn], Ints | None]:
        """Return columns, and the array ``(n_metrics, n_rows)`` that holds their units, if all are new and distinct.

        A RoundingWarning names a metric if a value of up to 15 digits is rounded.
        """
        names = {metric.name for metric in metrics}
        if len(names) < len(metrics) or not names.isdisjoint(self._columns):
            return [self._compared(lut, metric, backend) for metric in metrics], None
        values = np.empty((len(metrics), _offsets(lut)[-1]), dtype=np.int64)
        columns = [self._compared(lut, metric, backend, row) for metric, row in zip(metrics, values, strict=True)]
        # Another thread may have converted a column in the meantime; then its row was not written.
        return columns, values if all(column.units.base is values for column in columns) else None

    def _compared(self, lut: Lut, metric: Metric, backend: Backend, out: Ints | None = None) -> KeptColumn:
        column, name = self.column(lut, metric, backend, out), metric.name
        if name not in self._loses_digits:
            self._loses_digits[name] = any(column.grid.loses_digits(known_column(block, name)) for block in lut.blocks)
        if self._loses_digits[name]:
            column.grid.warn_of_rounding(name)
        return column

    def chosen(self, lut: Lut, metric: Metric, choice: NDArray[np.int32], backend: Backend) -> Chosen:
        """Return a metric of the candidates ``choice`` ``(n, n_blocks)``; raises like :meth:`column`.

        The first time, a column that is only reported is not kept: most LUTs are searched once.
        """
        name = metric.name
        if name not in self._columns and name not in self._reported:
            self._reported.add(name)
            starts, values = _starts(lut), known_doubles(lut, name)
            exact = None if values is None else self._exact_grid(lut, metric, values, starts)
            if values is not None and exact is not None:
                grid, decimals = exact
                rows, measured = starts + choice, measured_rows(lut, name)
                units = grid.exact_units(values[rows], decimals)
                is_known = None if measured is None else measured[rows]
                return Chosen(grid, units, is_known, fixed_units(metric, grid, backend))
        column = self.column(lut, metric, backend)
        rows = column.starts + choice
        is_known = None if column.measured is None else column.measured[rows]
        return Chosen(column.grid, column.units[rows], is_known, column.fixed)

    def _converted(self, lut: Lut, metric: Metric, backend: Backend, out: Ints | None) -> KeptColumn:
        starts = _starts(lut)
        grid, units = self._grid_and_units(lut, metric, starts, backend, out)
        units.flags.writeable = False  # callers share it
        return KeptColumn(grid, units, starts, measured_rows(lut, metric.name), fixed_units(metric, grid, backend))

    def _grid_and_units(
        self, lut: Lut, metric: Metric, starts: Ints, backend: Backend, out: Ints | None
    ) -> tuple[Grid, Ints]:
        name, values = metric.name, known_doubles(lut, metric.name)
        exact = None if values is None else self._exact_grid(lut, metric, values, starts)
        if values is not None and exact is not None:
            grid, decimals = exact
            self._loses_digits[name] = False
            return grid, grid.exact_units(values, decimals, out)
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
        return grid, np.concatenate(parts, out=out)

    def _exact_grid(
        self, lut: Lut, metric: Metric, values: NDArray[np.float64], starts: Ints
    ) -> tuple[Grid, int] | None:
        """Return the grid, and how many decimals all values have, if that makes every value exact on the grid."""
        if metric.name not in self._exact_grids:
            found = joint_needs(values, starts)
            if found is None:
                return None
            decimals, needs = found
            self._exact_grids[metric.name] = choose_grid(metric, needs, lut.block_names), decimals
        grid, decimals = self._exact_grids[metric.name]
        return (grid, decimals) if decimals <= grid.decimals else None

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


def _starts(lut: Lut) -> Ints:
    return np.array(_offsets(lut)[:-1], dtype=np.int64)


def _offsets(lut: Lut) -> list[int]:
    """Return the first row of each block, then the number of rows."""
    offsets = [0]
    for block in lut.blocks:
        offsets.append(offsets[-1] + block.n_candidates)
    return offsets

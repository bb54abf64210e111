"""The look-up table in memory: a row a candidate, a column a metric, one table a (block, bit width).

Where layers have bit widths of their own, a block has one table, and every row the widths that its code says.

Tables know nothing of how they were made or where they are stored: :mod:`qabwnas.lut.store` keeps them in HDF5, and
:mod:`qabwnas.lut.csv_read` and :mod:`qabwnas.lut.csv_write` exchange them as text. The candidates of a block are
numbered through its tables, in their order: candidate ``c`` of a block whose first table has ``n`` rows is row ``c`` of
that table, or row ``c − n`` of what follows.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from qabwnas.errors import InputError
from qabwnas.layer_policy import LayerChoices, block_widths
from qabwnas.lut.parts import part
from qabwnas.lut.rows import LayerRows
from qabwnas.space import BitWidths, BlockWidths, SearchSpace

Aggregation = Literal["sum", "max"]
AGGREGATIONS: tuple[Aggregation, ...] = ("sum", "max")


@dataclass(frozen=True)
class Metric:
    """A named column: how the blocks' values make a network's, and what the fixed parts (stem, head) add.

    ``aggregation`` ``sum``: total = ``fixed`` + sum over blocks; ``max``: total = maximum of ``fixed`` and the blocks.
    ``fixed`` is ``None`` where there is no fixed part: nothing is added, or enters the maximum.
    ``unit`` is text such as ``bytes`` or ``ms``, empty where there is none.
    """

    name: str
    unit: str = ""
    aggregation: Aggregation = "sum"
    fixed: float | None = None


@dataclass(frozen=True)
class Table:
    """The rows of one block at one bit width, or at bit widths of every layer.

    Attributes:
        widths: the bit widths that the rows were quantised at; ``None`` where the source does not say (imports), and
            where ``rows`` does.
        columns: metric name → float64 array ``(n_rows,)``. Where a row was not measured its value has no meaning.
        measured: metric name → bool array ``(n_rows,)``, only for metrics with rows that were not measured.
        descriptions: text a row; ``None`` where the space gives it. A sequence, so that a store may read it late.
        rows: what the rows choose, where the space's policy is ``layer``; otherwise ``None``.
    """

    n_rows: int
    columns: Mapping[str, NDArray[np.float64]]
    widths: BitWidths | None = None
    measured: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict)
    descriptions: Sequence[str] | None = None
    rows: LayerRows | None = None

    def code(self, row: int) -> int:
        """Return the code of a row's operations, in a table whose candidates a space describes."""
        return row if self.rows is None else self.rows.candidate(row).code

    def widths_of(self, row: int) -> BlockWidths | None:
        """Return the bit widths of a row; ``None`` where the source does not say."""
        return self.widths if self.rows is None else block_widths(self.rows.candidate(row).widths)


@dataclass(frozen=True)
class LutBlock:
    """One block's tables, concatenated when searched."""

    name: str
    tables: tuple[Table, ...]

    @cached_property
    def starts(self) -> tuple[int, ...]:
        """The candidate number of every table's first row, and last the number of all rows."""
        return tuple(np.cumsum([0, *(table.n_rows for table in self.tables)]).tolist())

    @property
    def n_candidates(self) -> int:
        return self.starts[-1]

    def column(self, metric: str) -> NDArray[np.float64]:
        """Return the metric of every candidate, float64 ``(n_candidates,)``; see :meth:`measured` for holes."""
        return np.concatenate([table.columns[metric] for table in self.tables])

    def measured(self, metric: str) -> NDArray[np.bool_] | None:
        """Return which candidates have a measured value, bool ``(n_candidates,)``, or ``None`` if all have."""
        if not any(metric in table.measured for table in self.tables):
            return None
        return np.concatenate(
            [table.measured.get(metric, np.ones(table.n_rows, dtype=np.bool_)) for table in self.tables]
        )

    def column_part(self, metric: str, first: int, last: int) -> NDArray[np.float64]:
        """Return :meth:`column` of candidates ``first … last − 1``; a stored one is read so far, and not kept."""
        return _joined([part(table.columns, metric, *rows) for table, *rows in self.tables_of(first, last)])

    def measured_part(self, metric: str, first: int, last: int) -> NDArray[np.bool_] | None:
        """Return :meth:`measured` of candidates ``first … last − 1``, read as by :meth:`column_part`."""
        if not any(metric in table.measured for table in self.tables):
            return None
        return _joined(
            [
                part(table.measured, metric, low, high)
                if metric in table.measured
                else np.ones(high - low, dtype=np.bool_)
                for table, low, high in self.tables_of(first, last)
            ]
        )

    def tables_of(self, first: int, last: int) -> Iterator[tuple[Table, int, int]]:
        """Give the tables that hold candidates ``first … last − 1``, each with the first row of them and the end."""
        for table, start in zip(self.tables, self.starts, strict=False):
            low, high = max(first - start, 0), min(last - start, table.n_rows)
            if low < high:
                yield table, low, high

    def locate(self, candidate: int) -> tuple[Table, int]:
        """Return the table that holds ``candidate``, and the row in it.

        Raises:
            InputError: ``candidate`` is not in ``0 … n_candidates − 1``.
        """
        if not 0 <= candidate < self.n_candidates:
            raise InputError(f"{self.name}: candidate {candidate} is not in 0 … {self.n_candidates - 1}")
        index = int(np.searchsorted(self.starts, candidate, side="right")) - 1
        return self.tables[index], candidate - self.starts[index]


@dataclass(frozen=True)
class Lut:
    """Blocks of candidates with their metrics: what is searched.

    Attributes:
        metrics: the columns, in a fixed order; every table has all of them.
        blocks: in network order; names are unique.
        space: the space whose candidates the rows are (row = candidate code, or what ``Table.rows`` says), or ``None``
            for imported tables.
        provenance: JSON values that say what the rows were measured with (hashes of teacher, supernet, calibration
            data and settings); empty for imports.
    """

    metrics: tuple[Metric, ...]
    blocks: tuple[LutBlock, ...]
    space: SearchSpace | None = None
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check_names("metric", self.metric_names)
        _check_names("block", self.block_names)
        if not self.blocks or not self.metrics:
            raise InputError("a LUT needs at least one block and one metric")
        for block in self.blocks:
            self._check_tables(block)

    def _check_tables(self, block: LutBlock) -> None:
        if not block.tables:
            raise InputError(f"{block.name}: no candidates")
        seen = set()
        for table in block.tables:
            where = block.name if table.widths is None else f"{block.name} {table.widths.name}"
            if table.widths in seen:
                raise InputError(f"{where}: two tables of the same bit widths")
            seen.add(table.widths)
            if table.n_rows < 1:
                raise InputError(f"{where}: no candidates")
            for name in self.metric_names:
                if name not in table.columns:
                    raise InputError(f"{where}: the metric {name!r} has no column")
            _check_rows(self.space, block.name, table, where)

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Lut:
        """Open a stored LUT, as :func:`qabwnas.lut.store.open_lut` does."""
        from qabwnas.lut.store import open_lut  # here, for a LUT in memory needs no HDF5

        return open_lut(path)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the LUT to an HDF5 file, as :func:`qabwnas.lut.store.save_lut` does."""
        from qabwnas.lut.store import save_lut

        save_lut(self, path)

    @classmethod
    def from_csv(
        cls,
        path: str | os.PathLike[str],
        aggregate: Mapping[str, Aggregation] | None = None,
        fixed: Mapping[str, float] | None = None,
    ) -> Lut:
        """Read a ``.csv`` or ``.csv.gz`` table, as :func:`qabwnas.lut.csv_read.read_csv` does."""
        from qabwnas.lut.csv_read import read_csv

        return read_csv(path, aggregate, fixed)

    def to_csv(self, path: str | os.PathLike[str]) -> None:
        """Write the LUT as a ``.csv`` or ``.csv.gz`` table, as :func:`qabwnas.lut.csv_write.write_csv` does."""
        from qabwnas.lut.csv_write import write_csv

        write_csv(self, path)

    @property
    def n_subnets(self) -> int:
        """How many networks the blocks' candidates combine to."""
        return math.prod(block.n_candidates for block in self.blocks)

    @property
    def block_names(self) -> tuple[str, ...]:
        return tuple(block.name for block in self.blocks)

    @property
    def metric_names(self) -> tuple[str, ...]:
        return tuple(metric.name for metric in self.metrics)

    def metric(self, name: str) -> Metric:
        """Return the metric of that name.

        Raises:
            InputError: the LUT has none; the message lists those it has.
        """
        for metric in self.metrics:
            if metric.name == name:
                return metric
        raise InputError(f"metric {name!r} is not in the LUT, which has {', '.join(self.metric_names)}")

    def block(self, name: str) -> LutBlock:
        """Return the block of that name; raises InputError as :meth:`metric` does."""
        for block in self.blocks:
            if block.name == name:
                return block
        raise InputError(f"block {name!r} is not in the LUT, which has {', '.join(self.block_names)}")

    def describe(self, block_name: str, candidate: int) -> str:
        """Return a candidate as text: its operations and bit widths (``k3e6 k5e3 w4a4``), or the source's words."""
        table, row = self.block(block_name).locate(candidate)
        if table.descriptions is not None:
            words = table.descriptions[row]
        elif table.rows is not None:
            words = table.rows.describe(row)
        elif self.space is not None:
            words = self.space.blocks[self.space.block_index(block_name)].describe(row)
        else:
            words = f"#{row}"
        return f"{words} {table.widths.name}" if table.widths is not None else words


def _check_rows(space: SearchSpace | None, block_name: str, table: Table, where: str) -> None:
    """Raise InputError unless a table's rows are candidates of the space, as many as its policy has them."""
    if space is None or space.policy == "block":
        if table.rows is not None:
            raise InputError(f"{where}: its rows have codes, but there is no space whose layers choose bit widths")
        offered = None if space is None else space.blocks[space.block_index(block_name)].n_candidates
        if offered not in (None, table.n_rows):
            raise InputError(f"{where}: {table.n_rows} rows, but the space has {offered} candidates")
        return
    if table.rows is None or table.widths is not None:
        raise InputError(f"{where}: layers of the space choose bit widths, but no codes say what its rows choose")
    if table.rows.choices != LayerChoices(space.blocks[space.block_index(block_name)], space.bit_widths):
        raise InputError(f"{where}: its codes are those of another block")
    if len(table.rows.codes) != table.n_rows:
        raise InputError(f"{where}: {len(table.rows.codes)} codes for {table.n_rows} rows")


def _joined(pieces: Sequence[NDArray[Any]]) -> NDArray[Any]:
    return pieces[0] if len(pieces) == 1 else np.concatenate(pieces)


def _check_names(kind: str, names: Sequence[str]) -> None:
    for index, name in enumerate(names):
        if not name:
            raise InputError(f"{kind} {index} has no name")
        if name in names[:index]:
            raise InputError(f"the {kind} {name!r} stands twice")

"""The content of a LUT: blocks of candidates with their metrics, which readers return and writers take.

It knows no files: readers and writers import it, and :class:`qabwnas.lut.lut.Lut` imports them.

One table per block and bit width; if layers have bit widths of their own, one table per block, whose rows say the bit
widths of every layer. The candidates of a block are numbered through its tables, in their order: candidate ``c`` of a
block whose first table has ``n`` rows is row ``c`` of that table if ``c < n``, and otherwise row ``c − n`` of the rest.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from html import escape
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from qabwnas.errors import InputError
from qabwnas.io.numeric import check_mapping, shown, whole_number
from qabwnas.io.suggest import did_you_mean
from qabwnas.lut.arrays import array_rows, concatenated
from qabwnas.lut.table import Metric, Table, check_name
from qabwnas.space import BitWidths, SearchSpace
from qabwnas.space.layer_policy import LayerChoices

T = TypeVar("T")


@dataclass(frozen=True, eq=False, repr=False)
class LutBlock:
    """The tables of one block; a search sees them concatenated. Blocks compare and hash by identity.

    Raises:
        InputError: the name is empty, there are no tables or no rows, two tables have the same bit widths, or a
            measured value in memory is NaN or infinite; the message names block, metric and candidate.
    """

    name: str
    tables: tuple[Table, ...]

    def __post_init__(self) -> None:
        check_name("block", self.name)
        object.__setattr__(self, "tables", _tuple_of(Table, f"{self.name}: tables", self.tables))
        if not self.tables:
            raise InputError(f"{self.name}: no candidates")
        seen: set[BitWidths | None] = set()
        for table, start in zip(self.tables, self.starts, strict=False):
            where = self.where(table)
            if table.widths in seen:
                raise InputError(f"{where}: two tables have the same bit widths")
            seen.add(table.widths)
            if table.n_rows < 1:
                raise InputError(f"{where}: no candidates")
            not_finite = table.first_not_finite()
            if not_finite is not None:
                name, row = not_finite
                raise InputError(
                    f"metric {name!r}, block {self.name!r}, candidate {start + row}: {table.columns[name][row]} is not "
                    "a finite number; mask rows that were not measured"
                )

    def __repr__(self) -> str:
        return f"<LutBlock {self.name!r}: tables {len(self.tables)}, candidates {self.n_candidates}>"

    def where(self, table: Table) -> str:
        """Return the name of one of the tables in messages."""
        return self.name if table.widths is None else f"{self.name} {table.widths.name}"

    @cached_property
    def starts(self) -> tuple[int, ...]:
        """The candidate number of every table's first row, then the number of all rows."""
        return tuple(np.cumsum([0, *(table.n_rows for table in self.tables)]).tolist())

    @property
    def n_candidates(self) -> int:
        return self.starts[-1]

    def column(self, metric: str) -> NDArray[Any]:
        """Return the metric of every candidate, ``(n_candidates,)``; see :meth:`measured` for rows without a value.

        It is float64, or another type of :func:`qabwnas.lut.arrays.common_type` if it has integers beyond doubles.

        Raises:
            InputError: there is no such column.
        """
        if metric not in self.tables[0].columns:
            known = ", ".join(self.tables[0].columns)
            raise InputError(f"{self.name}: there is no column {metric!r}; there are {known}")
        return concatenated([table.columns[metric] for table in self.tables])

    def measured(self, metric: str) -> NDArray[np.bool_] | None:
        """Return which candidates have a measured value, bool ``(n_candidates,)``, or ``None`` if all have."""
        if not any(metric in table.measured for table in self.tables):
            return None
        return np.concatenate(
            [table.measured.get(metric, np.ones(table.n_rows, dtype=np.bool_)) for table in self.tables]
        )

    def column_rows(self, metric: str, first: int, last: int) -> NDArray[Any]:
        """Return :meth:`column` of candidates ``first … last − 1``; of lazy columns, only these rows are read."""
        return concatenated([array_rows(table.columns, metric, *rows) for table, *rows in self.tables_of(first, last)])

    def measured_rows(self, metric: str, first: int, last: int) -> NDArray[np.bool_] | None:
        """Return :meth:`measured` of candidates ``first … last − 1``, read as by :meth:`column_rows`."""
        if not any(metric in table.measured for table in self.tables):
            return None
        return concatenated(
            [
                array_rows(table.measured, metric, low, high)
                if metric in table.measured
                else np.ones(high - low, dtype=np.bool_)
                for table, low, high in self.tables_of(first, last)
            ]
        )

    def tables_of(self, first: int, last: int) -> Iterator[tuple[Table, int, int]]:
        """Yield the tables of candidates ``first … last − 1``, each with its range of rows: first row and end."""
        for table, start in zip(self.tables, self.starts, strict=False):
            low, high = max(first - start, 0), min(last - start, table.n_rows)
            if low < high:
                yield table, low, high

    def locate(self, candidate: int) -> tuple[Table, int]:
        """Return the table that holds ``candidate``, and its row there.

        Raises:
            InputError: ``candidate`` is not in ``0 … n_candidates − 1``.
        """
        candidate = whole_number(f"{self.name}: candidate", candidate, smallest=None)
        if not 0 <= candidate < self.n_candidates:
            raise InputError(f"{self.name}: candidate {candidate} is not in 0 … {self.n_candidates - 1}")
        index = int(np.searchsorted(self.starts, candidate, side="right")) - 1
        return self.tables[index], candidate - self.starts[index]


@dataclass(frozen=True, eq=False, repr=False)
class LutContent:
    """What a LUT holds, without access to files; :class:`qabwnas.lut.lut.Lut` adds that.

    Attributes:
        metrics: the columns in use, in a fixed order; every table has all of them. A table may have other columns only
            if all tables have them.
        blocks: in network order; names are unique.
        space: the space whose candidates the rows are (row = candidate code, or what ``Table.rows`` says), or ``None``
            for imported tables.
        provenance: JSON values that say how the rows were measured (hashes of teacher, supernet, calibration data and
            settings); empty for imports.

    Raises:
        InputError: there are no blocks or metrics, two have the same name, a table lacks a metric or has other columns
            than the first, or its rows do not match the space.
    """

    metrics: tuple[Metric, ...]
    blocks: tuple[LutBlock, ...]
    space: SearchSpace | None = None
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "metrics", _tuple_of(Metric, "metrics", self.metrics))
        object.__setattr__(self, "blocks", _tuple_of(LutBlock, "blocks", self.blocks))
        check_mapping("provenance", self.provenance, "name to JSON value")
        object.__setattr__(self, "provenance", dict(self.provenance))
        if self.space is not None and not isinstance(self.space, SearchSpace):
            raise InputError(f"space: {shown(self.space)} is not a SearchSpace")
        _check_unique("metric", self.metric_names)
        _check_unique("block", self.block_names)
        if not self.blocks or not self.metrics:
            raise InputError("a LUT needs at least one block and one metric")
        for block in self.blocks:
            for table in block.tables:
                self._check_table(block, table)

    def _check_table(self, block: LutBlock, table: Table) -> None:
        where = block.where(table)
        for name in self.metric_names:
            if name not in table.columns:
                raise InputError(f"{where}: the metric {name!r} has no column")
        differing = table.columns.keys() ^ self.blocks[0].tables[0].columns.keys()
        if differing:
            first = self.blocks[0].name
            raise InputError(f"{where}: only one of this table and that of {first} has a column {min(differing)!r}")
        _check_rows(self.space, block.name, table, where)

    def __repr__(self) -> str:
        n_candidates = sum(block.n_candidates for block in self.blocks)
        metrics = ", ".join(map(repr, self.metric_names))
        return f"<{type(self).__name__}: blocks {len(self.blocks)}, candidates {n_candidates}, metrics {metrics}>"

    def _repr_html_(self) -> str:
        """Return the metrics and blocks as tables, for notebooks; columns are not read."""
        metrics = [(metric.name, metric.unit, metric.aggregation) for metric in self.metrics]
        blocks = []
        for block in self.blocks:
            bits = " ".join(table.widths.name for table in block.tables if table.widths is not None)
            blocks.append((block.name, f"{block.n_candidates:,}", bits))
        tables = _html_table(("metric", "unit", "aggregation"), metrics)
        tables += _html_table(("block", "candidates", "bits"), blocks)
        return f"<p>{escape(repr(self))}</p>{tables}"

    @property
    def n_subnets(self) -> int:
        """The number of networks that the blocks' candidates combine to."""
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
            InputError: the LUT has none; the message lists those that it has.
        """
        for metric in self.metrics:
            if metric.name == name:
                return metric
        raise InputError(
            f"metric {name!r} is not in the LUT, which has {', '.join(self.metric_names)}"
            + did_you_mean(name, self.metric_names)
        )

    def block(self, name: str) -> LutBlock:
        """Return the block of that name; raises InputError as :meth:`metric` does."""
        for block in self.blocks:
            if block.name == name:
                return block
        raise InputError(
            f"block {name!r} is not in the LUT, which has {', '.join(self.block_names)}"
            + did_you_mean(name, self.block_names)
        )

    def describe(self, block_name: str, candidate: int) -> str:
        """Return a candidate as text: operations and bit widths (``k3e6 k5e3 w4a4``), or the text of its source."""
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


def _html_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = ["".join(f"<th>{escape(cell)}</th>" for cell in head)]
    lines += ["".join(f"<td>{escape(cell)}</td>" for cell in row) for row in rows]
    return f"<table>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"


def _check_rows(space: SearchSpace | None, block_name: str, table: Table, where: str) -> None:
    """Raise InputError unless a table's rows are candidates of the space, and all of them unless layers have widths."""
    if space is None or space.policy == "block":
        if table.rows is not None:
            raise InputError(f"{where}: its rows have codes, but there is no space whose layers choose bit widths")
        expected = None if space is None else space.blocks[space.block_index(block_name)].n_candidates
        if expected not in (None, table.n_rows):
            raise InputError(f"{where}: {table.n_rows} rows, but the space has {expected} candidates")
        return
    if table.rows is None or table.widths is not None:
        raise InputError(f"{where}: layers of the space choose bit widths, but the rows have no codes")
    if table.rows.choices != LayerChoices(space.blocks[space.block_index(block_name)], space.bit_widths):
        raise InputError(f"{where}: its codes are those of another block")


def _tuple_of(kind: type[T], what: str, things: object) -> tuple[T, ...]:
    if isinstance(things, str) or not isinstance(things, Iterable):
        raise InputError(f"{what}: {shown(things)} is not a list of {kind.__name__}")
    found = tuple(things)
    for thing in found:
        if not isinstance(thing, kind):
            raise InputError(f"{what}: {shown(thing)} is not a {kind.__name__}")
    return found


def _check_unique(kind: str, names: Sequence[str]) -> None:
    for index, name in enumerate(names):
        if name in names[:index]:
            raise InputError(f"two {kind}s are named {name!r}")

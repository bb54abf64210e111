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
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal, TypeVar, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qabwnas.errors import InputError
from qabwnas.io.numeric import check_mapping, exact_number, exact_numbers, shown, whole_number
from qabwnas.lut.chunks import ArraysInParts, Replaced, frozen, in_memory, part
from qabwnas.lut.rows import LayerRows
from qabwnas.lut.whole import joined
from qabwnas.space import BitWidths, BlockWidths, SearchSpace
from qabwnas.space.layer_policy import LayerChoices, block_widths

Aggregation = Literal["sum", "max"]
AGGREGATIONS: tuple[Aggregation, ...] = ("sum", "max")

T = TypeVar("T")


@dataclass(frozen=True)
class Metric:
    """A named column: how the blocks' values make a network's, and what the fixed parts (stem, head) add.

    ``aggregation`` ``sum``: total = ``fixed`` + sum over blocks; ``max``: total = maximum of ``fixed`` and the blocks.
    ``fixed`` is ``None`` where there is no fixed part: nothing is added, or enters the maximum.
    It is an int where it is a whole number that a double does not hold.
    ``unit`` is text such as ``bytes`` or ``ms``, empty where there is none.

    Raises:
        InputError: the name is empty or no text, the unit is no text, the aggregation is neither, or the fixed part is
            not a finite number that a double can hold.
    """

    name: str
    unit: str = ""
    aggregation: Aggregation = "sum"
    fixed: float | None = None

    def __post_init__(self) -> None:
        _check_name("metric", self.name)
        if not isinstance(self.unit, str):
            raise InputError(f"metric {self.name!r}: the unit {shown(self.unit)} is not a text")
        if self.aggregation not in AGGREGATIONS:
            known = ", ".join(AGGREGATIONS)
            raise InputError(f"metric {self.name!r}: the aggregation {shown(self.aggregation)} is not one of {known}")
        if self.fixed is not None:
            what = f"metric {self.name!r}: the fixed part"
            object.__setattr__(self, "fixed", exact_numbers(what, np.array(exact_number(what, self.fixed))).item())


@dataclass(frozen=True, eq=False, repr=False)
class Table:
    """The rows of one block at one bit width, or at bit widths of every layer.

    Arrays in memory are copied and made read-only, so later changes of a caller's arrays do not reach the table.
    Columns in a file stay there until they are asked for, and are checked then. Tables compare and hash by identity. A
    pickled or deep-copied table has everything in memory.

    Attributes:
        columns: metric name → float64 array ``(n_rows,)``, at least one. Numbers of other types are converted: float32
            and float16 count as their shortest decimals. Whole numbers of which doubles do not hold all are int64.
            Where a row was not measured its value has no meaning.
        widths: the bit widths that the rows were quantised at; ``None`` where the source does not say (imports), and
            where ``rows`` does.
        measured: metric name → bool array ``(n_rows,)``, only for metrics with rows that were not measured.
        descriptions: text a row; ``None`` where the space gives it. A sequence, so that a store may read it late.
        rows: what the rows choose, where the space's policy is ``layer``; otherwise ``None``.

    Raises:
        InputError: columns, masks, descriptions or codes are not of these types, or not as many as rows.
    """

    columns: Mapping[str, NDArray[Any]]
    widths: BitWidths | None = None
    measured: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict)
    descriptions: Sequence[str] | None = None
    rows: LayerRows | None = None

    def __post_init__(self) -> None:
        check_mapping("columns", self.columns, "metric to values")
        check_mapping("measured", self.measured, "metric to mask")
        if not self.columns:
            raise InputError("columns: a table needs at least one metric")
        if self.widths is not None and not isinstance(self.widths, BitWidths):
            raise InputError(f"widths: {shown(self.widths)} are not BitWidths")
        if not isinstance(self.columns, ArraysInParts):
            columns = {name: _column(name, values) for name, values in self.columns.items()}
            object.__setattr__(self, "columns", columns)
            self._check_lengths({f"metric {name!r}": len(column) for name, column in columns.items()})
        for name in self.measured:
            if name not in self.columns:
                raise InputError(f"measured: there is no column of {name!r}")
        if not isinstance(self.measured, ArraysInParts):
            masks = {name: _mask(name, mask, self.n_rows) for name, mask in self.measured.items()}
            object.__setattr__(self, "measured", masks)
        if self.descriptions is not None:
            texts = _texts(self.descriptions)
            object.__setattr__(self, "descriptions", texts)
            self._check_lengths({"descriptions": len(texts)})
        if self.rows is not None:
            if not isinstance(self.rows, LayerRows):
                raise InputError(f"rows: {shown(self.rows)} are not LayerRows")
            self._check_lengths({"codes": len(self.rows.codes)})

    @cached_property
    def n_rows(self) -> int:
        """How many rows there are: as many as the columns have."""
        if isinstance(self.columns, ArraysInParts):
            return self.columns.n_rows
        return len(next(iter(self.columns.values())))

    def _check_lengths(self, lengths: Mapping[str, int]) -> None:
        for what, length in lengths.items():
            if length != self.n_rows:
                raise InputError(f"{what}: {length} for the {self.n_rows} rows of {next(iter(self.columns))!r}")

    def with_column(self, metric: str, values: ArrayLike, measured: NDArray[np.bool_] | None = None) -> Table:
        """Return a table with a column more, or another one in its place; the others are not read where they lie.

        ``measured`` is its mask, ``None`` where all rows were measured. Raises InputError as the table does.
        """
        masks = {name: mask for name, mask in self.measured.items() if name != metric}
        if measured is not None:
            masks[metric] = measured
        columns: Mapping[str, NDArray[Any]]
        if isinstance(self.columns, ArraysInParts):
            column = _column(metric, values)
            self._check_lengths({f"metric {metric!r}": len(column)})
            columns = Replaced(self.columns, {metric: column})
        else:
            columns = {**self.columns, metric: cast("NDArray[Any]", values)}  # converted with the others
        return replace(self, columns=columns, measured=masks)

    def first_unknown(self) -> tuple[str, int] | None:
        """Return metric and row of a value in memory that is not finite though it was measured; else ``None``."""
        for name, column in in_memory(self.columns).items():
            known = np.isfinite(column)
            if not known.all() and name in self.measured:
                known |= ~self.measured[name]
            if not known.all():
                return name, int(known.argmin())
        return None

    def __reduce__(self) -> tuple[type[Table], tuple[object, ...]]:
        return Table, (self.columns, self.widths, self.measured, self.descriptions, self.rows)

    def __repr__(self) -> str:
        widths = "" if self.widths is None else f" {self.widths.name}"
        return f"<Table{widths}: rows {self.n_rows}, metrics {', '.join(map(repr, self.columns))}>"

    def code(self, row: int) -> int:
        """Return the code of a row's operations, in a table whose candidates a space describes."""
        return row if self.rows is None else self.rows.candidate(row).code

    def widths_of(self, row: int) -> BlockWidths | None:
        """Return the bit widths of a row; ``None`` where the source does not say."""
        return self.widths if self.rows is None else block_widths(self.rows.candidate(row).widths)


@dataclass(frozen=True, eq=False, repr=False)
class LutBlock:
    """One block's tables, concatenated when searched; blocks compare and hash by identity.

    Raises:
        InputError: the name is empty, there are no tables or no rows, two tables have the same bit widths, or a
            measured value in memory is NaN or infinite; the message names block, metric and candidate.
    """

    name: str
    tables: tuple[Table, ...]

    def __post_init__(self) -> None:
        _check_name("block", self.name)
        object.__setattr__(self, "tables", _tuple_of(Table, f"{self.name}: tables", self.tables))
        if not self.tables:
            raise InputError(f"{self.name}: no candidates")
        seen: set[BitWidths | None] = set()
        for table, start in zip(self.tables, self.starts, strict=False):
            where = self.where(table)
            if table.widths in seen:
                raise InputError(f"{where}: two tables of the same bit widths")
            seen.add(table.widths)
            if table.n_rows < 1:
                raise InputError(f"{where}: no candidates")
            unknown = table.first_unknown()
            if unknown is not None:
                name, row = unknown
                raise InputError(
                    f"metric {name!r}, block {self.name!r}, candidate {start + row}: {table.columns[name][row]} is not "
                    "a number; mask what was not measured"
                )

    def __repr__(self) -> str:
        return f"<LutBlock {self.name!r}: tables {len(self.tables)}, candidates {self.n_candidates}>"

    def where(self, table: Table) -> str:
        """Return what messages call one of the tables."""
        return self.name if table.widths is None else f"{self.name} {table.widths.name}"

    @cached_property
    def starts(self) -> tuple[int, ...]:
        """The candidate number of every table's first row, and last the number of all rows."""
        return tuple(np.cumsum([0, *(table.n_rows for table in self.tables)]).tolist())

    @property
    def n_candidates(self) -> int:
        return self.starts[-1]

    def column(self, metric: str) -> NDArray[Any]:
        """Return the metric of every candidate, ``(n_candidates,)``; see :meth:`measured` for holes.

        It is float64, or in another type that :func:`qabwnas.lut.whole.alike` gives to whole numbers beyond doubles.

        Raises:
            InputError: there is no such column.
        """
        if metric not in self.tables[0].columns:
            known = ", ".join(self.tables[0].columns)
            raise InputError(f"{self.name}: there is no column {metric!r}; there are {known}")
        return joined([table.columns[metric] for table in self.tables])

    def measured(self, metric: str) -> NDArray[np.bool_] | None:
        """Return which candidates have a measured value, bool ``(n_candidates,)``, or ``None`` if all have."""
        if not any(metric in table.measured for table in self.tables):
            return None
        return np.concatenate(
            [table.measured.get(metric, np.ones(table.n_rows, dtype=np.bool_)) for table in self.tables]
        )

    def column_part(self, metric: str, first: int, last: int) -> NDArray[Any]:
        """Return :meth:`column` of candidates ``first … last − 1``; a stored one is read so far, and not kept."""
        return joined([part(table.columns, metric, *rows) for table, *rows in self.tables_of(first, last)])

    def measured_part(self, metric: str, first: int, last: int) -> NDArray[np.bool_] | None:
        """Return :meth:`measured` of candidates ``first … last − 1``, read as by :meth:`column_part`."""
        if not any(metric in table.measured for table in self.tables):
            return None
        return joined(
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
        candidate = whole_number(f"{self.name}: candidate", candidate, smallest=None)
        if not 0 <= candidate < self.n_candidates:
            raise InputError(f"{self.name}: candidate {candidate} is not in 0 … {self.n_candidates - 1}")
        index = int(np.searchsorted(self.starts, candidate, side="right")) - 1
        return self.tables[index], candidate - self.starts[index]


@dataclass(frozen=True, eq=False, repr=False)
class Lut:
    """Blocks of candidates with their metrics: what is searched. It never changes; LUTs compare by identity.

    A LUT that was opened from a file is read into memory when it is pickled or deep-copied, and then needs the file no
    longer.

    Attributes:
        metrics: the columns that are used, in a fixed order; every table has all of them, and others only if all have.
        blocks: in network order; names are unique.
        space: the space whose candidates the rows are (row = candidate code, or what ``Table.rows`` says), or ``None``
            for imported tables.
        provenance: JSON values that say what the rows were measured with (hashes of teacher, supernet, calibration
            data and settings); empty for imports.

    Raises:
        InputError: there are no blocks or metrics, two have one name, a table lacks a metric or has other columns than
            the first, or its rows are not the space's.
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
            raise InputError(
                f"{where}: a column {min(differing)!r} is in this table or in that of {first}, not in both"
            )
        _check_rows(self.space, block.name, table, where)

    def __repr__(self) -> str:
        n_candidates = sum(block.n_candidates for block in self.blocks)
        metrics = ", ".join(map(repr, self.metric_names))
        return f"<Lut: blocks {len(self.blocks)}, candidates {n_candidates}, metrics {metrics}>"

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Lut:
        """Open a stored LUT, as :func:`qabwnas.lut.store.open_lut` does."""
        from qabwnas.lut.store import open_lut

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

        for what, value in (("aggregate", aggregate), ("fixed", fixed)):
            if value is not None:
                check_mapping(what, value, "metric to value")
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


def _column(name: str, values: ArrayLike) -> NDArray[Any]:
    _check_name("metric", name)
    column = exact_numbers(f"metric {name!r}", values)
    if column.ndim != 1:
        raise InputError(f"metric {name!r}: the shape is {column.shape}, not one value a row")
    return frozen(column)


def _mask(name: str, mask: ArrayLike, n_rows: int) -> NDArray[np.bool_]:
    array = np.asarray(mask)
    if array.dtype != np.bool_ or array.shape != (n_rows,):
        raise InputError(f"measured: the mask of {name!r} is {array.dtype} {array.shape}, expected bool ({n_rows},)")
    return frozen(array)


def _texts(texts: object) -> Sequence[str]:
    """Return descriptions: those in memory as a tuple, checked; others are a sequence that is read late."""
    if isinstance(texts, np.ndarray):
        texts = texts.tolist()
    if isinstance(texts, str) or not isinstance(texts, Sequence):
        raise InputError(f"descriptions: {shown(texts)} are not a text a row")
    if not isinstance(texts, list | tuple):
        return texts
    for row, text in enumerate(texts):
        if not isinstance(text, str):
            raise InputError(f"descriptions: row {row}: {shown(text)} is not a text")
    return tuple(texts)


def _tuple_of(kind: type[T], what: str, things: object) -> tuple[T, ...]:
    if isinstance(things, str) or not isinstance(things, Iterable):
        raise InputError(f"{what}: {shown(things)} is not a list of {kind.__name__}")
    found = tuple(things)
    for thing in found:
        if not isinstance(thing, kind):
            raise InputError(f"{what}: {shown(thing)} is not a {kind.__name__}")
    return found


def _check_name(kind: str, name: object) -> None:
    if not isinstance(name, str):
        raise InputError(f"{kind} {shown(name)}: the name is not a text")
    if not name:
        raise InputError(f"a {kind} has no name")


def _check_unique(kind: str, names: Sequence[str]) -> None:
    for index, name in enumerate(names):
        if name in names[:index]:
            raise InputError(f"the {kind} {name!r} stands twice")

"""Read a LUT from text; the format is described in :mod:`qabwnas.lut.csv_format`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from qabwnas.errors import InputError
from qabwnas.lut.csv_format import BITS, BLOCK, CANDIDATE, DESCRIPTION, RESERVED
from qabwnas.lut.lut import Aggregation, Lut, LutBlock, Metric, Table
from qabwnas.lut.text_table import TextTable, open_csv
from qabwnas.lut.units import unit_of
from qabwnas.space import BitWidths


def read_csv(
    path: str | os.PathLike[str],
    aggregate: Mapping[str, Aggregation] | None = None,
    fixed: Mapping[str, float] | None = None,
) -> Lut:
    """Read a ``.csv`` or ``.csv.gz`` table; units are those that the metrics' names state.

    Args:
        aggregate: metric name → ``sum`` or ``max``, for those that are not summed.
        fixed: metric name → what stem and head add, for those to which they add something.

    Raises:
        OSError: the file cannot be read.
        InputError: something in it is not as it should be; the message gives file, line and column.
    """
    return read_rows(open_csv(path), aggregate, fixed)


def read_rows(
    source: TextTable,
    aggregate: Mapping[str, Aggregation] | None = None,
    fixed: Mapping[str, float] | None = None,
) -> Lut:
    """Return the LUT of rows in the CSV format's columns, whatever file they are from; see :func:`read_csv`."""
    _check_columns(source)
    tables: dict[str, list[Table]] = {}
    for rows in _runs(source):
        tables.setdefault(rows.block, []).append(_table(source, rows))
    if not tables:
        raise source.wrong("no blocks: nothing stands below the header")
    absent = {
        name
        for name in _metric_names(source)
        if not any(_has_values(table, name) for block in tables.values() for table in block)
    }
    names = [name for name in _metric_names(source) if name not in absent]
    if not names:
        raise source.wrong("no metric has a value")
    try:
        metrics = named_metrics(names, aggregate or {}, fixed or {})
        return Lut(metrics, tuple(LutBlock(name, _without(absent, block)) for name, block in tables.items()))
    except InputError as error:
        raise source.wrong(str(error)) from error


def named_metrics(
    names: Sequence[str], aggregate: Mapping[str, Aggregation], fixed: Mapping[str, float]
) -> tuple[Metric, ...]:
    """Return metrics in the units that their names state.

    Raises:
        InputError: ``aggregate`` or ``fixed`` is for a metric that is not among ``names``.
    """
    for name in (*aggregate, *fixed):
        if name not in names:
            raise InputError(f"there is no metric {name!r} among {', '.join(names)}")
    return tuple(Metric(name, unit_of(name), aggregate.get(name, "sum"), fixed.get(name)) for name in names)


def _check_columns(source: TextTable) -> None:
    for name in (BLOCK, CANDIDATE):
        if name not in source.names:
            raise source.wrong(f"there is no column {name!r}", line=source.header)
    if not _metric_names(source):
        raise source.wrong("there is no column of a metric", line=source.header)


def _metric_names(source: TextTable) -> list[str]:
    return [name for name in source.names if name not in RESERVED]


@dataclass
class _Rows:
    """Consecutive rows of one block at one bit width; ``first`` is the candidate number of the first of them."""

    block: str
    bits: str
    first: int
    lines: list[int] = field(default_factory=list)
    cells: list[Sequence[str]] = field(default_factory=list)

    @property
    def next_candidate(self) -> int:
        return self.first + len(self.cells)


def _runs(source: TextTable) -> Iterator[_Rows]:
    """Give the runs of rows that make a table each, their numbering checked."""
    block_at, candidate_at = source.names.index(BLOCK), source.names.index(CANDIDATE)
    bits_at = source.names.index(BITS) if BITS in source.names else None
    seen: set[str] = set()
    rows = _Rows("", "", 0)
    for line, cells in source.rows:
        block, bits = cells[block_at], "" if bits_at is None else cells[bits_at]
        if not block:
            raise source.wrong("the block has no name", line, BLOCK)
        if block != rows.block:
            if block in seen:
                raise source.wrong(f"{block!r} was ended by another block already", line, BLOCK)
            seen.add(block)
            if rows.cells:
                yield rows
            rows = _Rows(block, bits, first=0)
        elif bits != rows.bits:
            yield rows
            rows = _Rows(block, bits, first=rows.next_candidate)
        if cells[candidate_at] != str(rows.next_candidate):
            what = f"{cells[candidate_at]!r} where {rows.next_candidate} was expected: a block counts from 0"
            raise source.wrong(what, line, CANDIDATE)
        rows.lines.append(line)
        rows.cells.append(cells)
    if rows.cells:
        yield rows


def _table(source: TextTable, rows: _Rows) -> Table:
    cells = dict(zip(source.names, zip(*rows.cells, strict=True), strict=True))
    try:
        widths = BitWidths.parse(rows.bits) if rows.bits else None
    except InputError as error:
        raise source.wrong(str(error), rows.lines[0], BITS) from error
    names = _metric_names(source)
    columns = {name: source.numbers(name, rows.lines, cells[name]) for name in names}
    measured = {name: np.array([cell != "" for cell in cells[name]]) for name in names if "" in cells[name]}
    texts = cells.get(DESCRIPTION, ())
    return Table(columns, widths, measured, descriptions=texts if any(texts) else None)


def _has_values(table: Table, name: str) -> bool:
    return name not in table.measured or bool(table.measured[name].any())


def _without(absent: set[str], tables: Iterable[Table]) -> tuple[Table, ...]:
    return tuple(
        replace(
            table,
            columns={name: column for name, column in table.columns.items() if name not in absent},
            measured={name: mask for name, mask in table.measured.items() if name not in absent},
        )
        for table in tables
    )

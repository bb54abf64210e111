"""Read a LUT from text; the format is described in :mod:`qabwnas.lut.csv_format`."""

from __future__ import annotations

import csv
import gzip
import io
import math
import os
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from qabwnas.errors import InputError
from qabwnas.lut.csv_format import BITS, BLOCK, CANDIDATE, DESCRIPTION, RESERVED
from qabwnas.lut.lut import Aggregation, Lut, LutBlock, Metric, Table
from qabwnas.lut.units import unit_of
from qabwnas.space import BitWidths

_CHARACTERS = frozenset("0123456789.eE+-")
_DECIMAL = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")


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
    source = _Source(Path(path))
    tables: dict[str, list[Table]] = {}
    for rows in _runs(source):
        tables.setdefault(rows.block, []).append(_table(source, rows))
    if not tables:
        raise source.wrong("no blocks: nothing stands below the header")
    absent = {
        name for name in source.metrics if not any(_has_values(t, name) for block in tables.values() for t in block)
    }
    names = [name for name in source.metrics if name not in absent]
    if not names:
        raise source.wrong("no metric has a value")
    try:
        metrics = _metrics(names, aggregate or {}, fixed or {})
        return Lut(metrics, tuple(LutBlock(name, _without(absent, block)) for name, block in tables.items()))
    except InputError as error:
        raise source.wrong(str(error)) from error


class _Source:
    """A file's header and records, with the lines that they stand in."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._reader = csv.reader(io.StringIO(_decode(path), newline=""), strict=True)
        self._records = self._read()
        _, self.names = next(self._records, (0, []))
        self._check_header()
        self.metrics = [name for name in self.names if name not in RESERVED]
        if not self.metrics:
            raise self.wrong("there is no column of a metric", line=1)

    def wrong(self, what: str, line: int = 0, column: str = "") -> InputError:
        """Return the error that says ``what`` is wrong in this file, and where if it is one line or one column."""
        where = [str(self._path), *([f"line {line}"] if line else []), *([column] if column else [])]
        return InputError(": ".join([*where, what]))

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Give the line and the cells of every row below the header: as many cells as the header has."""
        for line, cells in self._records:
            if len(cells) != len(self.names):
                raise self.wrong(f"{len(cells)} cells, but the header has {len(self.names)}", line)
            yield line, cells

    def _read(self) -> Iterator[tuple[int, list[str]]]:
        line = 0
        try:
            for cells in self._reader:
                line = self._reader.line_num
                if cells:  # not a blank line
                    yield line, cells
        except csv.Error as error:
            raise self.wrong(f"not CSV: {error}", line + 1) from error

    def _check_header(self) -> None:
        if not self.names:
            raise self.wrong("empty")
        for index, name in enumerate(self.names):
            if not name:
                raise self.wrong(f"column {index + 1} has no name", line=1)
            if name in self.names[:index]:
                raise self.wrong(f"the column {name!r} stands twice", line=1)
        for name in (BLOCK, CANDIDATE):
            if name not in self.names:
                raise self.wrong(f"there is no column {name!r}", line=1)


def _decode(path: Path) -> str:
    content = path.read_bytes()
    if path.suffix == ".gz":
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error) as error:
            raise InputError(f"{path}: not a whole gzip file: {error}") from error
    try:
        return content.decode("utf-8-sig")  # spreadsheets put a byte order mark in front
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InputError(f"{path}: line {line}: not UTF-8 text") from error


@dataclass
class _Rows:
    """Consecutive rows of one block at one bit width; ``first`` is the candidate number of the first of them."""

    block: str
    bits: str
    first: int
    lines: list[int] = field(default_factory=list)
    cells: list[list[str]] = field(default_factory=list)

    @property
    def next_candidate(self) -> int:
        return self.first + len(self.cells)


def _runs(source: _Source) -> Iterator[_Rows]:
    """Give the runs of rows that make a table each, their numbering checked."""
    block_at, candidate_at = source.names.index(BLOCK), source.names.index(CANDIDATE)
    bits_at = source.names.index(BITS) if BITS in source.names else None
    seen: set[str] = set()
    rows = _Rows("", "", 0)
    for line, cells in source.rows():
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


def _table(source: _Source, rows: _Rows) -> Table:
    cells = dict(zip(source.names, zip(*rows.cells, strict=True), strict=True))
    try:
        widths = BitWidths.parse(rows.bits) if rows.bits else None
    except InputError as error:
        raise source.wrong(str(error), rows.lines[0], BITS) from error
    columns = {name: _numbers(source, name, rows.lines, cells[name]) for name in source.metrics}
    measured = {name: np.array([cell != "" for cell in cells[name]]) for name in source.metrics if "" in cells[name]}
    texts = cells.get(DESCRIPTION, ())
    return Table(len(rows.cells), columns, widths, measured, descriptions=texts if any(texts) else None)


def _numbers(source: _Source, name: str, lines: Sequence[int], cells: Sequence[str]) -> NDArray[np.float64]:
    # float() alone takes blanks, underscores, nan and the digits of all scripts; matching each cell doubles the time.
    try:
        is_decimal = _CHARACTERS.issuperset("".join(cells))
        values = np.array([float(cell) if cell else math.nan for cell in cells])
    except ValueError:
        is_decimal = False
    if not is_decimal:
        wrong = next(row for row, cell in enumerate(cells) if cell and not _DECIMAL.fullmatch(cell))
        raise source.wrong(f"{cells[wrong]!r} is not a decimal number", lines[wrong], name)
    too_large = np.flatnonzero(np.isinf(values))
    if too_large.size:
        raise source.wrong(f"{cells[too_large[0]]} is too large for a double", lines[too_large[0]], name)
    return values


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


def _metrics(
    names: Sequence[str], aggregate: Mapping[str, Aggregation], fixed: Mapping[str, float]
) -> tuple[Metric, ...]:
    for name in (*aggregate, *fixed):
        if name not in names:
            raise InputError(f"there is no metric {name!r} among {', '.join(names)}")
    return tuple(Metric(name, unit_of(name), aggregate.get(name, "sum"), fixed.get(name)) for name in names)

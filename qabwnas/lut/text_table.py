"""Rows of text cells and where they stand, so that every error names file, line and column: what importers read."""

from __future__ import annotations

import csv
import gzip
import io
import math
import os
import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from qabwnas.errors import InputError

_CHARACTERS = frozenset("0123456789.eE+-")
_DECIMAL = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")


@dataclass(frozen=True)
class TextTable:
    """A table's column names and its rows, each with the number of the line that it stands in.

    Attributes:
        names: unique and not empty.
        rows: line and cells of every row: as many cells as there are names. Read once.
        header: the line of the column names, 0 where they stand in none.
        place: what messages call a line: ``line``, or ``row`` where the file has none.
    """

    path: Path
    names: tuple[str, ...]
    rows: Iterable[tuple[int, Sequence[str]]]
    header: int = 0
    place: str = "line"

    def wrong(self, what: str, line: int = 0, column: str = "") -> InputError:
        """Return the error that says ``what`` is wrong in this file, and where if it is one line or one column."""
        where = [str(self.path), *([f"{self.place} {line}"] if line else []), *([column] if column else [])]
        return InputError(": ".join([*where, what]))

    def numbers(self, column: str, lines: Sequence[int], cells: Sequence[str]) -> NDArray[np.float64]:
        """Return cells of a column as the nearest doubles, NaN where one is empty.

        Raises:
            InputError: a cell is no decimal number, or too large for a double.
        """
        # float() alone takes blanks, underscores, nan and the digits of all scripts; matching each doubles the time.
        try:
            is_decimal = _CHARACTERS.issuperset("".join(cells))
            values = np.array([float(cell) if cell else math.nan for cell in cells])
        except ValueError:
            is_decimal = False
        if not is_decimal:
            wrong = next(row for row, cell in enumerate(cells) if cell and not _DECIMAL.fullmatch(cell))
            raise self.wrong(f"{cells[wrong]!r} is not a decimal number", lines[wrong], column)
        too_large = np.flatnonzero(np.isinf(values))
        if too_large.size:
            what = f"{cells[too_large[0]]} is too large for a double"
            raise self.wrong(what, lines[too_large[0]], column)
        return values

    def decimal(self, column: str, line: int, cell: str) -> Decimal:
        """Return a cell as an exact decimal; raises as :meth:`numbers`, and where it is empty."""
        if not cell:
            raise self.wrong("empty", line, column)
        self.numbers(column, [line], [cell])
        return Decimal(cell)


def open_csv(path: str | os.PathLike[str], names: Sequence[str] | None = None) -> TextTable:
    """Open a ``.csv`` or ``.csv.gz`` table; with ``names`` for one that has no header.

    Raises:
        OSError: the file cannot be read.
        InputError: it is empty, no CSV, or its header lacks or repeats a name; later, from the rows: a row has another
            number of cells.
    """
    path = Path(path)
    records = _records(path)
    if names is None:
        _, header = next(records, (0, []))
        table = TextTable(path, tuple(header), (), header=1)
        if not header:
            raise table.wrong("empty")
        check_names(table)
    else:
        table = TextTable(path, tuple(names), ())
    return replace(table, rows=_checked(table, records, "the header" if names is None else "the format"))


def check_names(table: TextTable) -> None:
    """Raise InputError if a column has no name, or one that another has."""
    for index, name in enumerate(table.names):
        if not name:
            raise table.wrong(f"column {index + 1} has no name", table.header)
        if name in table.names[:index]:
            raise table.wrong(f"the column {name!r} stands twice", table.header)


def _records(path: Path) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(_decode(path), newline=""), strict=True)
    line = 0
    try:
        for cells in reader:
            line = reader.line_num
            if cells:  # not a blank line
                yield line, cells
    except csv.Error as error:
        raise InputError(f"{path}: line {line + 1}: not CSV: {error}") from error


def _checked(
    table: TextTable, records: Iterator[tuple[int, list[str]]], source: str
) -> Iterator[tuple[int, list[str]]]:
    for line, cells in records:
        if len(cells) != len(table.names):
            raise table.wrong(f"{len(cells)} cells, but {source} has {len(table.names)}", line)
        yield line, cells


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

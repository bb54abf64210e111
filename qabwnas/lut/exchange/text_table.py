"""Rows of text cells with their line numbers, so that every error names file, line and column: what importers read."""

from __future__ import annotations

import csv
import gzip
import io
import math
import os
import warnings
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from qabwnas.errors import FormatError, InputError, RoundingWarning
from qabwnas.io.numeric import DECIMAL
from qabwnas.lut.exchange.format import METADATA_KEY, NO_METADATA, TableMetadata, parse_metadata

DIGITS = 15
"""Doubles hold all decimals of up to this many digits."""

_CHARACTERS = frozenset("0123456789.eE+-")


@dataclass(frozen=True)
class TextTable:
    """A table's column names, and its rows, each with its line number.

    Attributes:
        names: unique and not empty.
        rows: line and cells of every row: one cell per name. They can be read once.
        header: the line of the column names, 0 if no line has them.
        place: what messages call a line: ``line``, or ``row`` if the file has no lines.
        metadata: what an exported table has in addition to its rows.
        rounded: column → how many numbers were rounded, and the first of them; see :meth:`warn_of_rounding`.
    """

    path: Path
    names: tuple[str, ...]
    rows: Iterable[tuple[int, Sequence[str]]]
    header: int = 0
    place: str = "line"
    metadata: TableMetadata = NO_METADATA
    rounded: dict[str, _Rounded] = field(default_factory=dict)

    def wrong(self, what: str, line: int = 0, column: str = "") -> InputError:
        """Return the error that says ``what`` is wrong in this file, and in which line and column, if given."""
        where = [str(self.path), *([f"{self.place} {line}"] if line else []), *([column] if column else [])]
        return InputError(": ".join([*where, what]))

    def numbers(self, column: str, lines: Sequence[int], cells: Sequence[str]) -> NDArray[Any]:
        """Return the cells of a column as the nearest doubles, with NaN for an empty cell.

        If doubles do not hold all of them but int64 does, they are int64, with 0 for an empty cell. A number that
        neither type holds is rounded and noted.

        Raises:
            InputError: a cell is not a decimal number, or too large for a double.
        """
        # float() alone accepts blanks, underscores, nan and the digits of all scripts; matching each cell doubles the
        # time.
        try:
            is_decimal = _CHARACTERS.issuperset("".join(cells))
            values = np.array([float(cell) if cell else math.nan for cell in cells])
        except ValueError:
            is_decimal = False
        if not is_decimal:
            wrong = next(row for row, cell in enumerate(cells) if cell and not DECIMAL.fullmatch(cell))
            raise self.wrong(f"{cells[wrong]!r} is not a decimal number", lines[wrong], column)
        too_large = np.flatnonzero(np.isinf(values))
        if too_large.size:
            what = f"{cells[too_large[0]]} is too large for a double"
            raise self.wrong(what, lines[too_large[0]], column)
        inexact = [
            row
            for row, cell in enumerate(cells)
            if (len(cell) > DIGITS or "-" in cell[1:]) and not _is_exact(cell, float(values[row]))
        ]
        if inexact:
            integers = _integers(cells)
            if integers is not None:
                return integers
            known = self.rounded.get(column)
            first = known or _Rounded(0, lines[inexact[0]], cells[inexact[0]], float(values[inexact[0]]))
            self.rounded[column] = first._replace(n=first.n + len(inexact))
        return values

    def warn_of_rounding(self) -> None:
        """Warn once per column of numbers that :meth:`numbers` has rounded."""
        for column, (n, line, cell, value) in self.rounded.items():
            others = f", and {n - 1} more are rounded" if n > 1 else ""
            _warn_of_rounding(f"{self.path}: {self.place} {line}: {column}", cell, value, others)

    def decimal(self, column: str, line: int, cell: str) -> Decimal:
        """Return a cell as an exact decimal; raises as :meth:`numbers`, and if it is empty."""
        if not cell:
            raise self.wrong("empty", line, column)
        self.numbers(column, [line], [cell])
        return Decimal(cell)


class _Rounded(NamedTuple):
    """How many numbers of a column are rounded, and the first of them."""

    n: int
    line: int
    cell: str
    value: float


def nearest_number(what: str, number: Decimal) -> float:
    """Return a decimal as a double, or as an int if only that holds it.

    If neither holds it, it is rounded, with a RoundingWarning whose message starts with ``what``.
    """
    double = float(number)
    if Decimal(repr(double)) == number:
        return double
    integers = _integers([str(number)])
    if integers is not None:
        return int(integers[0])
    _warn_of_rounding(what, str(number), double)
    return double


def _warn_of_rounding(where: str, number: str, value: float, others: str = "") -> None:
    message = f"{where}: {number} is rounded to {value!r}{others}; {DIGITS} digits, or integers up to 2^63, are exact"
    warnings.warn(message, RoundingWarning, stacklevel=3)


def _is_exact(cell: str, value: float) -> bool:
    """Return whether a decimal is the shortest one of a double."""
    if not cell or repr(value) == cell:
        return True
    if value == 0:  # the exponent may be too small for Decimal
        return not cell.lower().partition("e")[0].strip("+-0.")
    return Decimal(cell) == Decimal(repr(value))


def _integers(cells: Sequence[str]) -> NDArray[np.int64] | None:
    """Return cells as integers, with 0 for an empty one, or ``None`` if some do not fit int64."""
    numbers = []
    for cell in cells:
        try:
            number = Decimal(cell or 0)
        except InvalidOperation:  # the exponent is too small for Decimal
            return None
        if number.adjusted() > 18 or number != number.to_integral_value() or not -(2**63) <= number < 2**63:
            return None
        numbers.append(int(number))
    return np.array(numbers, dtype=np.int64)


def open_csv(path: str | os.PathLike[str], names: Sequence[str] | None = None) -> TextTable:
    """Open a ``.csv`` or ``.csv.gz`` table; ``names`` are the column names of a table without a header.

    Raises:
        OSError: the file cannot be read.
        InputError: it is empty or not CSV, or its header lacks or repeats a name; later, from the rows: a row has
            another number of cells.
    """
    path = Path(path)
    text = _decode(path)
    comments = _comments(text)
    records = _records(path, text[sum(map(len, comments)) :], len(comments))
    if names is None:
        line, header = next(records, (0, []))
        table = TextTable(path, tuple(header), (), header=line or 1, metadata=_metadata(path, comments))
        if not header:
            raise table.wrong("empty")
        check_names(table)
    else:
        table = TextTable(path, tuple(names), ())
    return replace(table, rows=_checked(table, records, "the header" if names is None else "the format"))


def check_names(table: TextTable) -> None:
    """Raise InputError if a column has no name, or two have the same."""
    for index, name in enumerate(table.names):
        if not name:
            raise table.wrong(f"column {index + 1} has no name", table.header)
        if name in table.names[:index]:
            raise table.wrong(f"two columns are named {name!r}", table.header)


def _comments(text: str) -> list[str]:
    """Return the lines above the header that begin with ``#``."""
    comments = []
    for line in io.StringIO(text, newline=""):
        # A spreadsheet puts the line of metadata into quotes.
        if not line.startswith(("#", f'"# {METADATA_KEY}:')):
            break
        comments.append(line)
    return comments


def _metadata(path: Path, comments: Sequence[str]) -> TableMetadata:
    for number, line in enumerate(comments, start=1):
        key, colon, text = line.lstrip('"').removeprefix("#").partition(":")
        if colon and key.strip() == METADATA_KEY:
            try:
                return parse_metadata(text)
            except (InputError, FormatError) as error:
                raise type(error)(f"{path}: line {number}: {error}") from error
    return NO_METADATA


def _records(path: Path, text: str, n_comments: int) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    line = n_comments
    try:
        for cells in reader:
            line = n_comments + reader.line_num
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
    if path.suffix.lower() == ".gz":
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error) as error:
            raise InputError(f"{path}: not a complete gzip file: {error}") from error
    try:
        return content.decode("utf-8-sig")  # spreadsheets write a byte order mark
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InputError(f"{path}: line {line}: not UTF-8 text") from error

"""Rows of text cells with their line numbers, so that every error names file, line and column: what importers read."""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from qabwnas.errors import InputError, RoundingWarning
from qabwnas.io.numeric import DECIMAL
from qabwnas.lut.exchange.format import NO_METADATA, TableMetadata
from qabwnas.lut.exchange.option_names import OptionNames

DIGITS = 15
"""Doubles hold all decimals of up to this many digits."""

Record = tuple[int, Sequence[str]]
"""The line of a row, and its cells."""

_CHARACTERS = frozenset("0123456789.eE+-")
_NOT_MEASURED = frozenset({"na", "n/a", "#n/a", "nan", "<na>", "null", "none", "nil", "-", "--", "?", "\\n"})


@dataclass(frozen=True)
class TextTable:
    """A table's column names, and its rows, each with its line number.

    Attributes:
        names: unique and not empty.
        rows: line and cells of every row: one cell per name. They may be readable only once.
        header: the line of the column names, 0 if no line has them.
        place: what messages call a line: ``line``, or ``row`` if the file has no lines.
        metadata: what an exported table has in addition to its rows.
        rounded: column → how many numbers were rounded, and the first of them; see :meth:`warn_of_rounding`.
        labels: column → its name in the file, which messages use, if it has another one there.
        units: metric → its unit, if the user gives it.
        options: the options by which the user can say what cells mean, if there are any.
    """

    path: Path
    names: tuple[str, ...]
    rows: Iterable[Record]
    header: int = 0
    place: str = "line"
    metadata: TableMetadata = NO_METADATA
    rounded: dict[str, _Rounded] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    options: OptionNames | None = None

    def wrong(self, what: str, line: int = 0, column: str = "") -> InputError:
        """Return the error that says ``what`` is wrong in this file, and in which line and column, if given."""
        label = [self.labels.get(column, column)] if column else []
        return InputError(": ".join([str(self.path), *([f"{self.place} {line}"] if line else []), *label, what]))

    def checked(self, source: str) -> TextTable:
        """Return the table whose rows have one cell per name, which is checked as they are read."""
        return replace(self, rows=self._checked_rows(source))

    def _checked_rows(self, source: str) -> Iterator[Record]:
        for line, cells in self.rows:
            if len(cells) != len(self.names):
                raise self.wrong(f"{len(cells)} cells, but {source} has {len(self.names)}", line)
            yield line, cells

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
            what = f"{cells[wrong]!r} is not a decimal number{self._hint(column, cells[wrong])}"
            raise self.wrong(what, lines[wrong], column)
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

    def _hint(self, column: str, cell: str) -> str:
        """Return which option may help to read a cell that is no number."""
        options = self.options
        if options is None:
            return ""
        if cell.lower() in _NOT_MEASURED and "na" not in options.missing:
            return f": {options(('na', cell))} reads it as not measured"
        if re.fullmatch(r"[+-]?[0-9][0-9.,'’_\s]*", cell) and "decimal" not in options.missing:
            return f": {options('decimal', 'thousands')} say what its signs are"
        return f": {options(('ignore', self.labels.get(column, column)))} leaves the column out"

    def warn_of_rounding(self) -> None:
        """Warn once per column of numbers that :meth:`numbers` has rounded."""
        for column, (n, line, cell, value) in self.rounded.items():
            others = f", and {n - 1} more are rounded" if n > 1 else ""
            _warn_of_rounding(
                f"{self.path}: {self.place} {line}: {self.labels.get(column, column)}", cell, value, others
            )

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


def check_names(table: TextTable) -> None:
    """Raise InputError if a column has no name, or two have the same."""
    for index, name in enumerate(table.names):
        if not name:
            raise table.wrong(f"column {index + 1} has no name", table.header)
        if name in table.names[:index]:
            raise table.wrong(f"two columns are named {name!r}", table.header)

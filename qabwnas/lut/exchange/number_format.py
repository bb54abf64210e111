"""Numbers as people and programs of many countries write them, turned into decimal text without rounding."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from qabwnas.errors import InputError
from qabwnas.lut.exchange.option_names import OptionNames
from qabwnas.lut.exchange.text_table import TextTable

_SPACES = " \u00a0\u202f\u2009"  # spreadsheets separate thousands with spaces that do not break lines
_THOUSANDS = (".", ",", "'", "’", "_", " ", "\u00a0", "\u202f", "\u2009")
_COMMA_NUMBER = re.compile(r"[+-]?[0-9][0-9.,]*,[0-9.,]*(?:[eE][+-]?[0-9]+)?|[+-]?,[0-9]+(?:[eE][+-]?[0-9]+)?")
_DECIMAL_COMMA = re.compile(r"[+-]?(?:[0-9]+,[0-9]*|,[0-9]+)(?:[eE][+-]?[0-9]+)?")
_EITHER = re.compile(r"[+-]?[1-9][0-9]{0,2},[0-9]{3}")


class _Cell(NamedTuple):
    column: str
    row: int
    text: str


@dataclass(frozen=True)
class NumberFormat:
    """How a table writes numbers: decimal sign (``None``: guess), separator of thousands, texts for "not measured".

    ``options`` names these in messages.

    Raises:
        InputError: the decimal sign is neither ``.`` nor ``,``, the separator is not one of those in use, or both are
            the same.
    """

    decimal: str | None = None
    thousands: str | None = None
    na: frozenset[str] = frozenset()
    options: OptionNames = field(default_factory=OptionNames)

    def __post_init__(self) -> None:
        if self.decimal not in (None, ".", ","):
            raise InputError(f"{self.options(('decimal', self.decimal))}: neither '.' nor ','")
        if self.thousands is not None and self.thousands not in _THOUSANDS:
            raise InputError(f"{self.options(('thousands', self.thousands))}: none of . , ' _ and a space")
        if self.thousands is not None and self.thousands == self.decimal:
            raise InputError(f"{self.options('decimal', 'thousands')} are both {self.decimal!r}")

    def decimals(
        self, source: TextTable, lines: Sequence[int], columns: Mapping[str, Sequence[str]]
    ) -> dict[str, Sequence[str]]:
        """Return columns of numbers as decimal text with a point; cells that are no numbers stay as they are.

        Raises:
            InputError: the decimal sign cannot be guessed, or a cell has another form than the given one.
        """
        cleaned = {name: self._cleaned(cells) for name, cells in columns.items()}
        if self.decimal is None and self.thousands is None:
            if not self._guess_is_comma(source, lines, cleaned):
                return cleaned
            decimal, thousands = ",", None
        else:
            decimal, thousands = self.decimal or ("," if self.thousands == "." else "."), self.thousands
        pattern = _pattern(decimal, thousands)
        converted: dict[str, Sequence[str]] = {}
        for name, cells in cleaned.items():
            texts = []
            for row, cell in enumerate(cells):
                match = pattern.fullmatch(cell)
                if match is None and re.search("[0-9]", cell) and not re.search("[A-DF-Za-df-z]", cell):
                    signs = f"the decimal sign {decimal!r}"
                    if thousands is not None:
                        signs += f" and {thousands!r} between thousands"
                    elif "thousands" not in self.options.missing:
                        signs += f": {self.options('thousands')} says what separates thousands"
                    raise source.wrong(f"{cell!r} is not a number with {signs}", lines[row], name)
                texts.append(cell if match is None else _with_point(match))
            converted[name] = texts
        return converted

    def _cleaned(self, cells: Sequence[str]) -> Sequence[str]:
        """Return the cells without blanks around them, and empty where they say that nothing was measured."""
        if any(cell.strip() != cell for cell in cells):
            cells = [cell.strip() for cell in cells]
        return ["" if cell in self.na else cell for cell in cells] if self.na else cells

    def _guess_is_comma(self, source: TextTable, lines: Sequence[int], columns: Mapping[str, Sequence[str]]) -> bool:
        """Return whether the decimal sign of all columns is a comma."""
        commas = [
            _Cell(name, row, cell)
            for name, cells in columns.items()
            if "," in "".join(cells)
            for row, cell in enumerate(cells)
            if _COMMA_NUMBER.fullmatch(cell)
        ]
        if not commas:
            return False
        is_text = "decimal" not in self.options.missing
        advice = (
            f"{self.options('decimal', 'thousands')} say what they are" if is_text else "turn the column into numbers"
        )
        for cell in commas:
            if not _DECIMAL_COMMA.fullmatch(cell.text):
                what = f"{cell.text!r} has several signs: {advice}"
                raise source.wrong(what, lines[cell.row], cell.column)
        for name, cells in columns.items():
            for row, text in enumerate(cells):
                if re.fullmatch(r"[+-]?[0-9]*\.[0-9]*(?:[eE][+-]?[0-9]+)?", text):
                    first = commas[0]
                    what = f"{text!r} has a point, and {first.text!r} in {source.place} {lines[first.row]} a comma"
                    raise source.wrong(f"{what}: {advice}", lines[row], name)
        if all(_EITHER.fullmatch(cell.text) for cell in commas):
            first = commas[0]
            if is_text:
                advice = f"give {self.options(('decimal', ','), ('thousands', ','), joined='or')}"
            what = f"{first.text!r} has a decimal comma or a separator of thousands: {advice}"
            raise source.wrong(what, lines[first.row], first.column)
        return True


def _pattern(decimal: str, thousands: str | None) -> re.Pattern[str]:
    """Return the pattern of numbers: sign, digits before and after the decimal sign, exponent."""
    whole = "[0-9]*"
    if thousands is not None:
        separator = f"[{_SPACES}]" if thousands in _SPACES else re.escape(thousands)
        whole = f"[0-9]{{1,3}}(?:{separator}[0-9]{{3}})+|{whole}"
    return re.compile(rf"([+-]?)({whole})(?:{re.escape(decimal)}([0-9]*))?((?:[eE][+-]?[0-9]+)?)")


def _with_point(match: re.Match[str]) -> str:
    sign, whole, fraction, exponent = match.groups()
    digits = re.sub("[^0-9]", "", whole)
    return f"{sign}{digits}{exponent}" if fraction is None else f"{sign}{digits}.{fraction}{exponent}"

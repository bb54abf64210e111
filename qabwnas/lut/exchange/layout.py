"""Arrange a table of any program as the format's table: :class:`TableLayout` says what its columns are.

What is not said is guessed only where there is one reading. A guess that fails names the line and the option.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from qabwnas.errors import InputError
from qabwnas.io.numeric import check_mapping, shown
from qabwnas.lut.exchange.format import BITS, BLOCK, CANDIDATE, DESCRIPTION, NO_METADATA, RESERVED, default_name
from qabwnas.lut.exchange.number_format import NumberFormat
from qabwnas.lut.exchange.option_names import OptionNames
from qabwnas.lut.exchange.text_table import TextTable
from qabwnas.lut.units import unit_of

_WHOLE = re.compile(r"([0-9]{1,18})(?:\.0*)?")  # pandas writes integers as 3.0 if some of the column are missing


@dataclass(frozen=True)
class TableLayout:
    """What a user says about the columns, numbers and text of a table; everything is optional.

    Names of columns are those of the table's header. Upper and lower case may differ if that leaves one column.

    Attributes:
        block, candidate: the columns with the block and the candidate (a name, or any number), if they have other names
            than ``block`` and ``candidate``.
        columns: column → the name of its metric, or ``bits`` or ``choice_description``.
        units: column → the unit of its metric, which the metric's name states from then on: ``latency`` in ``us``
            becomes ``latency_us``.
        ignore: columns that are left out.
        delimiter: one character.
        decimal: ``.`` or ``,``.
        thousands: the character between groups of three digits; a space also stands for those that do not break lines.
        na: texts that stand for a value that was not measured, in addition to an empty cell.
        encoding: that of the text, a name that Python knows.
        options: how messages name all these.

    Raises:
        InputError: an option has another type or value, or two options contradict each other.
    """

    block: str | None = None
    candidate: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    ignore: Collection[str] = ()
    delimiter: str | None = None
    decimal: str | None = None
    thousands: str | None = None
    na: Collection[str] = ()
    encoding: str | None = None
    options: OptionNames = field(default_factory=OptionNames)

    def __post_init__(self) -> None:
        for option in ("block", "candidate", "encoding", "delimiter", "decimal", "thousands"):
            value = getattr(self, option)
            if value is not None and (not isinstance(value, str) or not value):
                raise InputError(f"{option}: {shown(value)} is not a text")
        for option in ("columns", "units"):
            check_mapping(option, getattr(self, option), "column to text")
        for label, unit in self.units.items():
            if not isinstance(unit, str) or not unit:
                raise InputError(f"{self.options.about('units', label)}: {shown(unit)} is not a unit")
        for label, name in self.columns.items():
            if not isinstance(name, str) or not name:
                raise InputError(f"{self.options.about('columns', label)}: {shown(name)} is not the name of a metric")
        for option in ("ignore", "na"):
            texts = getattr(self, option)
            if isinstance(texts, str) or not isinstance(texts, Collection):
                raise InputError(f"{option}: {shown(texts)} is not a list of texts")
        if self.delimiter is not None and (len(self.delimiter) != 1 or self.delimiter in '"\r\n'):
            raise InputError(f"{self.options(('delimiter', self.delimiter))}: not one character, and not tab")
        self.numbers()  # checks them

    @property
    def is_empty(self) -> bool:
        """Whether nothing is said."""
        return self == TableLayout(options=self.options)

    def numbers(self) -> NumberFormat:
        """Return how the table writes numbers."""
        return NumberFormat(self.decimal, self.thousands, frozenset(self.na), self.options)


def arrange(source: TextTable, layout: TableLayout) -> TextTable:
    """Return the table with the format's names of columns, consecutive blocks, and candidates that count from 0.

    An exported table says itself what its columns are, so there only what the layout says is changed. In other tables,
    the case of ``block``, ``candidate``, ``bits`` and ``choice_description`` does not matter, and metrics have the
    names of :func:`~qabwnas.lut.exchange.format.default_name`. These are left out: empty rows; columns at the end
    without name and values; and a first column without name that numbers the rows. Candidates that do not count from 0
    are numbered in the order of their rows, and their names begin their descriptions.

    Raises:
        InputError: columns or rows do not fit the layout; the message names file, line, column and option.
    """
    lines, columns = _columns(source, layout.options)
    source = _without_unnamed(source, columns, layout.options)
    names = _names(source, layout)
    metrics = [name for name in names.values() if name not in RESERVED]
    labels = {name: label for label, name in names.items()}
    cells = {name: columns[label] for label, name in names.items()}
    arranged = replace(
        source, names=tuple(cells), rows=(), labels=labels, units=_units(names, layout), options=layout.options
    )
    for name in (BLOCK, CANDIDATE):
        if name not in cells:
            what = f"there is no column {name!r}: {layout.options(name)} says which column of {', '.join(names)} it is"
            raise source.wrong(what, source.header)
    cells |= layout.numbers().decimals(arranged, lines, {name: cells[name] for name in metrics})
    order: Sequence[int] = range(len(lines))
    if source.metadata is NO_METADATA:
        order, numbered = _numbered(arranged, lines, cells)
        cells |= numbered
        arranged = replace(arranged, names=tuple(cells))
    rows = list(zip(lines, zip(*cells.values(), strict=True), strict=True))
    return replace(arranged, rows=[rows[row] for row in order])


def _columns(source: TextTable, options: OptionNames) -> tuple[list[int], dict[str, Sequence[str]]]:
    """Return the lines of the rows that have cells, and the columns; a column without a name has its number."""
    n = len(source.names)
    lines, rows = [], []
    for line, cells in source.rows:
        if not any(cells):
            continue
        row = cells
        if len(cells) > n and not any(cells[n:]):  # a delimiter at the end of each row
            row = cells[:n]
        if len(row) != n:
            hint = "" if source.place != "line" or len(cells) < n else f": is {options('delimiter')} right?"
            raise source.wrong(f"{len(cells)} cells, but the header has {n}{hint}", line)
        lines.append(line)
        rows.append(row)
    columns: Sequence[Sequence[str]] = list(zip(*rows, strict=True)) if rows else [()] * n
    named: dict[str, Sequence[str]] = {}
    for index, (name, column) in enumerate(zip(source.names, columns, strict=True)):
        if name in named:
            raise source.wrong(f"two columns are named {name!r}", source.header)
        named[name if _own_name(source, name) else _unnamed(index)] = column
    return lines, named


def _unnamed(index: int) -> str:
    return f"\0{index}"  # no header has such a name


def _without_unnamed(source: TextTable, columns: Mapping[str, Sequence[str]], options: OptionNames) -> TextTable:
    """Return the table without columns that have no name, after checking that they say nothing."""
    for index in range(len(source.names)):
        cells = columns.get(_unnamed(index))
        if cells is None or not any(cells):
            continue
        if index == 0 and len(set(cells)) == len(cells) and all(map(_WHOLE.fullmatch, cells)):
            continue  # the index of pandas, or the row names of R
        hint = ", and does not number the rows: name it"
        if index:
            delimiter = "" if "delimiter" in options.missing else f"{options('delimiter')}, or "
            hint = f": {delimiter}a name in the header"
        raise source.wrong(f"column {index + 1} has no name{hint}", source.header)
    return replace(source, names=tuple(name for name in source.names if _own_name(source, name)))


def _names(source: TextTable, layout: TableLayout) -> dict[str, str]:
    """Return label → name of the columns that are used, in the order of the table."""
    told: dict[str, str] = {}
    about = layout.options.about
    ignored = {_label(source, name, about("ignore", name)) for name in layout.ignore}
    options = [
        *([(layout.block, BLOCK, "block")] if layout.block is not None else []),
        *([(layout.candidate, CANDIDATE, "candidate")] if layout.candidate is not None else []),
        *((label, name, "columns") for label, name in layout.columns.items()),
        *((label, None, "units") for label in layout.units),
    ]
    for given, name, option in options:
        label = _label(source, given, about(option, given))
        if label in told or label in ignored:
            raise source.wrong(f"{about(option, given)}: another option is about this column too", source.header)
        told[label] = _with_unit(source, label, layout.units[given], layout.options) if name is None else name
    names: dict[str, str] = {}
    for label in source.names:
        if label in ignored:
            continue
        name = told.get(label) or _own_name(source, label)
        others = [other for other, known in names.items() if known == name]
        if others:
            both = f"the columns {others[0]!r} and {label!r} are both {name!r}"
            raise source.wrong(f"{both}: {layout.options('ignore')} leaves one of them out", source.header)
        names[label] = name
    return names


def _own_name(source: TextTable, label: str) -> str:
    return default_name(label) if source.metadata is NO_METADATA else label


def _label(source: TextTable, name: str, what: str) -> str:
    """Return the column of that name; upper and lower case may differ if that leaves one. ``what`` begins the error."""
    if name in source.names:
        return name
    found = [label for label in source.names if label.casefold() == name.strip().casefold()]
    if len(found) != 1:
        raise source.wrong(f"{what}: there is no such column among {', '.join(source.names)}", source.header)
    return found[0]


def _with_unit(source: TextTable, label: str, unit: str, options: OptionNames) -> str:
    name = default_name(label)
    if unit_of(name) not in ("", unit):
        what = f"{options.about('units', label)}: the unit is not {unit}, because the name of the column says"
        raise source.wrong(f"{what} {unit_of(name)}; {options('columns')} renames it", source.header)
    base, bracket, device = name.partition("[")
    return name if unit_of(name) == unit else "_".join([*base.lower().split(), unit]) + bracket + device


def _units(names: Mapping[str, str], layout: TableLayout) -> dict[str, str]:
    """Return metric → unit, of those that the user gives."""
    units = {label.casefold(): unit for label, unit in layout.units.items()}
    return {name: units[label.casefold()] for label, name in names.items() if label.casefold() in units}


def _numbered(
    source: TextTable, lines: Sequence[int], cells: Mapping[str, Sequence[str]]
) -> tuple[Sequence[int], dict[str, Sequence[str]]]:
    """Return the order of the rows, and the columns with numbers and descriptions of candidates, in the old order."""
    blocks: dict[str, list[int]] = {}
    for row, block in enumerate(cells[BLOCK]):
        blocks.setdefault(block, []).append(row)
    candidates = [cell.strip() for cell in cells[CANDIDATE]]
    texts = list(cells.get(DESCRIPTION, [""] * len(lines)))
    bits = cells.get(BITS, [""] * len(lines))
    order: list[int] = []
    for block, rows in blocks.items():
        in_order = _by_number(rows, candidates, bits)
        if in_order is None:
            in_order = _by_appearance(rows, bits)
            seen: set[tuple[str, str]] = set()
            for row in rows:
                if not candidates[row]:
                    raise source.wrong("the candidate has no name", lines[row], CANDIDATE)
                if (bits[row], candidates[row]) in seen:
                    what = f"{candidates[row]!r} is in block {block!r} twice"
                    raise source.wrong(what, lines[row], CANDIDATE)
                seen.add((bits[row], candidates[row]))
                name, text = candidates[row], texts[row]
                texts[row] = f"{name}: {text}" if text not in ("", name) else name
        for number, row in enumerate(in_order):
            candidates[row] = str(number)
        order.extend(in_order)
    numbered: dict[str, Sequence[str]] = {CANDIDATE: candidates}
    if any(texts):
        numbered[DESCRIPTION] = texts
    return order, numbered


def _by_number(rows: Sequence[int], candidates: Sequence[str], bits: Sequence[str]) -> Sequence[int] | None:
    """Return the rows of a block by candidate if these are 0 … n − 1, and rows of the same bit widths stay together."""
    matches = [_WHOLE.fullmatch(candidates[row]) for row in rows]
    numbers = [int(match[1]) for match in matches if match]
    if len(numbers) < len(rows) or set(numbers) != set(range(len(rows))):
        return None
    by_number = [row for _, row in sorted(zip(numbers, rows, strict=True))]
    return by_number if _by_appearance(by_number, bits) == by_number else None


def _by_appearance(rows: Iterable[int], bits: Sequence[str]) -> list[int]:
    """Return the rows with those of the same bit widths together."""
    groups: dict[str, list[int]] = {}
    for row in rows:
        groups.setdefault(bits[row], []).append(row)
    return [row for group in groups.values() for row in group]

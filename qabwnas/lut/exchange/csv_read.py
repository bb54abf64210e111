"""Read a LUT from rows of text; :mod:`qabwnas.lut.exchange.format` describes the format."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import cast

import numpy as np

from qabwnas.errors import InputError, QabwnasWarning
from qabwnas.io.numeric import Number, shown
from qabwnas.lut.content import LutBlock, LutContent
from qabwnas.lut.exchange.csv_source import CsvSource, open_csv
from qabwnas.lut.exchange.format import BITS, BLOCK, CANDIDATE, CODE, DESCRIPTION, RESERVED
from qabwnas.lut.exchange.layout import TableLayout, arrange
from qabwnas.lut.exchange.text_table import TextTable, nearest_number
from qabwnas.lut.rows import LayerRows
from qabwnas.lut.table import Aggregation, Metric, Table
from qabwnas.lut.units import parse_quantity, unit_of
from qabwnas.space import BitWidths
from qabwnas.space.layer_policy import LayerChoices


def read_csv(
    source: CsvSource,
    aggregate: Mapping[str, Aggregation] | None = None,
    fixed: Mapping[str, Number] | None = None,
    layout: TableLayout | None = None,
    higher_is_better: Collection[str] = (),
) -> LutContent:
    """Read a CSV table, compressed or not, from a path or an open file; from an exported one, everything it had.

    Metrics of other tables have the units that their names state. Numbers that no type holds are rounded, with one
    RoundingWarning per column.

    Args:
        aggregate: metric name → ``sum`` or ``max``, for metrics that are not summed.
        fixed: metric name → what stem and head add, for metrics with a fixed part; a text may have a unit.
            ``aggregate`` and ``fixed`` override the table's metadata, with a QabwnasWarning if they differ.
        layout: what the columns, numbers and text of the table are.
        higher_is_better: the metrics whose larger totals are better, in addition to those of the table's metadata.

    Raises:
        OSError: the file cannot be read.
        InputError: the content is wrong; the message gives file, line, column, and the option that helps.
    """
    layout = layout or TableLayout()
    return read_rows(open_csv(source, layout), aggregate, fixed, layout, higher_is_better)


def read_rows(
    source: TextTable,
    aggregate: Mapping[str, Aggregation] | None = None,
    fixed: Mapping[str, Number] | None = None,
    layout: TableLayout | None = None,
    higher_is_better: Collection[str] = (),
) -> LutContent:
    """Return the content of rows from any kind of table; see :func:`read_csv`."""
    source = arrange(source, layout or TableLayout())
    _check_columns(source)
    metadata = source.metadata
    tables: dict[str, list[Table]] = {}
    for rows in _runs(source):
        tables.setdefault(rows.block, []).append(_table(source, rows))
    if not tables:
        raise source.wrong("no blocks: there are no rows below the header")
    empty = {
        name
        for name in _metric_names(source)
        if name not in metadata.metrics
        and not any(_has_values(table, name) for block in tables.values() for table in block)
    }
    names = [name for name in _metric_names(source) if name not in empty]
    if not names:
        raise source.wrong("no metric has a value")
    try:
        known = {name: Metric(name, unit) for name, unit in source.units.items()} | dict(metadata.metrics)
        metrics = named_metrics(names, aggregate or {}, fixed_parts(fixed or {}), known, higher_is_better)
        blocks = tuple(LutBlock(name, _without(empty, block)) for name, block in tables.items())
        lut = LutContent(metrics, blocks, metadata.space, metadata.provenance)
    except InputError as error:
        raise source.wrong(str(error)) from error
    source.warn_of_rounding()
    _warn_of_overrides(source, lut)
    return lut


def _warn_of_overrides(source: TextTable, lut: LutContent) -> None:
    """Warn if ``aggregate`` or ``fixed`` differ from the table's metadata."""
    for metric in lut.metrics:
        stored = source.metadata.metrics.get(metric.name, metric)
        for what, given, in_table in (
            ("the aggregation", metric.aggregation, stored.aggregation),
            ("the fixed part", metric.fixed, stored.fixed),
        ):
            if given != in_table:
                message = f"{source.path}: {metric.name}: {what} is {given} as given; the table says {in_table}"
                warnings.warn(message, QabwnasWarning, stacklevel=2)


def fixed_parts(fixed: Mapping[str, Number]) -> dict[str, float]:
    """Return fixed parts as numbers: a text is a quantity of its metric, such as ``1.5MB``.

    Raises:
        InputError: a text is not a quantity of the metric.
    """
    return {
        name: nearest_number(f"the fixed part of {name}", parse_quantity(value, name))
        if isinstance(value, str)
        else cast("float", value)  # a metric checks it
        for name, value in fixed.items()
    }


def named_metrics(
    names: Sequence[str],
    aggregate: Mapping[str, Aggregation],
    fixed: Mapping[str, float],
    known: Mapping[str, Metric] | None = None,
    higher_is_better: Collection[str] = (),
) -> tuple[Metric, ...]:
    """Return one metric per name: the ``known`` one, or one that is summed, in the unit that the name states.

    ``aggregate`` and ``fixed`` override both; ``higher_is_better`` adds to the known metrics.

    Raises:
        InputError: ``aggregate``, ``fixed`` or ``higher_is_better`` has a metric that is not among ``names``.
    """
    if isinstance(higher_is_better, str) or not isinstance(higher_is_better, Collection):
        raise InputError(f"higher_is_better: {shown(higher_is_better)} is not a list of metrics")
    for name in (*aggregate, *fixed, *higher_is_better):
        if name not in names:
            raise InputError(f"there is no metric {name!r} among {', '.join(names)}")
    metrics = {name: Metric(name, unit_of(name)) for name in names} | dict(known or {})
    return tuple(
        replace(
            metrics[name],
            aggregation=aggregate.get(name, metrics[name].aggregation),
            fixed=fixed.get(name, metrics[name].fixed),
            higher_is_better=name in higher_is_better or metrics[name].higher_is_better,
        )
        for name in names
    )


def _check_columns(source: TextTable) -> None:
    if not _metric_names(source):
        raise source.wrong("there is no column of a metric", line=source.header)


def _metric_names(source: TextTable) -> list[str]:
    reserved = (*RESERVED, CODE) if source.metadata.has_codes else RESERVED
    return [name for name in source.names if name not in reserved]


@dataclass
class _Rows:
    """Consecutive rows of one block at one bit width; ``first`` is the candidate number of the first row."""

    block: str
    bits: str
    first: int
    lines: list[int] = field(default_factory=list)
    cells: list[Sequence[str]] = field(default_factory=list)

    @property
    def next_candidate(self) -> int:
        return self.first + len(self.cells)


def _runs(source: TextTable) -> Iterator[_Rows]:
    """Yield the rows of one table after the other, with their numbering checked."""
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
                raise source.wrong(f"the rows of {block!r} are not consecutive", line, BLOCK)
            seen.add(block)
            if rows.cells:
                yield rows
            rows = _Rows(block, bits, first=0)
        elif bits != rows.bits:
            yield rows
            rows = _Rows(block, bits, first=rows.next_candidate)
        if cells[candidate_at] != str(rows.next_candidate):
            what = (
                f"{cells[candidate_at]!r} where {rows.next_candidate} was expected: candidates count from 0 per block"
            )
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
    texts: Sequence[str] | None = cells.get(DESCRIPTION, ())
    notes = source.metadata.tables.get((rows.block, rows.bits))
    if notes is not None:
        measured |= {
            name: np.ones(len(rows.cells), dtype=np.bool_)
            for name in notes.masked
            if name in columns and name not in measured
        }
    if not any(texts or ()) if notes is None else not notes.described:
        texts = None
    return Table(columns, widths, measured, texts or None, _layer_rows(source, rows, cells.get(CODE)))


def _layer_rows(source: TextTable, rows: _Rows, cells: Sequence[str] | None) -> LayerRows | None:
    space = source.metadata.space
    if space is None or not source.metadata.has_codes:
        return None
    if cells is None:
        raise source.wrong(f"there is no column {CODE!r}, but layers have bit widths of their own", source.header)
    wrong = next((row for row, cell in enumerate(cells) if not (cell.isascii() and cell.isdigit())), None)
    if wrong is not None:
        raise source.wrong(f"{cells[wrong]!r} is not a code", rows.lines[wrong], CODE)
    try:
        choices = LayerChoices(space.blocks[space.block_index(rows.block)], space.bit_widths)
        return LayerRows(choices, np.array([min(int(cell), choices.n_rows) for cell in cells], dtype=np.int64))
    except InputError as error:
        raise source.wrong(f"{rows.block}: {error}") from error


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

"""Write a LUT as CSV; :mod:`qabwnas.lut.exchange.format` describes the format."""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterator, Sequence

from qabwnas.errors import InputError
from qabwnas.io.atomic import atomic_path
from qabwnas.io.file_kinds import CSV_TABLE, check_suffix
from qabwnas.lut.content import LutBlock, LutContent
from qabwnas.lut.exchange.format import (
    BITS,
    BLOCK,
    CANDIDATE,
    CODE,
    DESCRIPTION,
    METADATA_KEY,
    RESERVED,
    bits_text,
    metadata_json,
)
from qabwnas.lut.table import Table

_QUOTED = frozenset(',"\r\n#')  # '#' for readers that treat the rest of a line as a comment


def write_csv(lut: LutContent, path: str | os.PathLike[str]) -> None:
    """Write a ``.csv`` or ``.csv.gz`` table, atomically; reading it returns an equal LUT.

    Cells that were not measured are empty. Numbers are the shortest decimals that read back to the same double, or
    integers. The description of a candidate is that of its table, or else what the space says: operations, and bit
    widths if every layer has its own.

    Raises:
        OSError: the folder cannot be written.
        InputError: a metric has the name of one of the format's own columns, or a text cannot be encoded as UTF-8.
    """
    check_metric_names(lut)
    check_suffix(path, CSV_TABLE)
    with atomic_path(path) as temporary, temporary.open("wb") as raw:
        # Without a name and a time in the gzip header, the same LUT gives the same bytes.
        stream = gzip.GzipFile("", "wb", mtime=0, fileobj=raw) if temporary.suffix.lower() == ".gz" else raw
        with stream:
            try:
                stream.writelines(line.encode() for line in _lines(lut))
            except UnicodeEncodeError as error:
                raise InputError(f"{path}: {error.object!r} is not Unicode text") from error


def check_metric_names(lut: LutContent) -> None:
    """Raise InputError if a metric has the name of one of the format's own columns."""
    for name in (*RESERVED, *([CODE] if lut.space is not None and lut.space.policy == "layer" else [])):
        if name in lut.metric_names:
            raise InputError(f"the metric {name!r} cannot be written: the format has a column of that name")


def leading_columns(lut: LutContent) -> tuple[str, ...]:
    """Return the names of the columns before those of the metrics."""
    tables = [table for block in lut.blocks for table in block.tables]
    present = {
        BLOCK: True,
        CANDIDATE: True,
        BITS: any(table.widths is not None for table in tables),
        CODE: any(table.rows is not None for table in tables),
        DESCRIPTION: lut.space is not None or any(table.descriptions is not None for table in tables),
    }
    return tuple(name for name, is_present in present.items() if is_present)


def leading_cells(lut: LutContent, block: LutBlock, table: Table, first: int, name: str) -> list[str] | list[int]:
    """Return one of the leading columns of a table whose first row is candidate ``first``."""
    if name == BLOCK:
        return [block.name] * table.n_rows
    if name == CANDIDATE:
        return list(range(first, first + table.n_rows))
    if name == BITS:
        return [bits_text(table)] * table.n_rows
    if name == CODE:
        assert table.rows is not None  # all tables of such a space have rows
        codes: list[int] = table.rows.codes.tolist()
        return codes
    return _descriptions(lut, block, table)


def _lines(lut: LutContent) -> Iterator[str]:
    metadata = metadata_json(lut)
    if metadata is not None:
        yield f"# {METADATA_KEY}: {metadata}\n"
    names = leading_columns(lut)
    yield _line([*names, *lut.metric_names])
    for block in lut.blocks:
        for first, table in zip(block.starts, block.tables, strict=False):
            columns = [list(map(str, leading_cells(lut, block, table, first, name))) for name in names]
            columns.extend(_numbers(table, name) for name in lut.metric_names)
            yield from map(_line, zip(*columns, strict=True))


def _descriptions(lut: LutContent, block: LutBlock, table: Table) -> list[str]:
    if table.descriptions is not None:
        return list(table.descriptions)
    if table.rows is not None:
        return [table.rows.describe(row) for row in range(table.n_rows)]
    if lut.space is None:
        return [""] * table.n_rows
    described = lut.space.blocks[lut.space.block_index(block.name)]
    return [described.describe(row) for row in range(table.n_rows)]


def _numbers(table: Table, name: str) -> list[str]:
    cells = [repr(value).removesuffix(".0") for value in table.columns[name].tolist()]
    if name in table.measured:
        return [cell if measured else "" for cell, measured in zip(cells, table.measured[name].tolist(), strict=True)]
    return cells


def _line(cells: Sequence[str]) -> str:
    return ",".join(map(_quote, cells)) + "\n"


def _quote(cell: str) -> str:
    # csv.writer does not quote a carriage return if lines end in a line feed; readers then split the row there.
    return '"' + cell.replace('"', '""') + '"' if _QUOTED.intersection(cell) else cell

"""Write a LUT as text; the format is described in :mod:`qabwnas.lut.csv_format`."""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterator, Sequence

from qabwnas.atomic import atomic_path
from qabwnas.errors import InputError
from qabwnas.lut.csv_format import BITS, BLOCK, CANDIDATE, DESCRIPTION, RESERVED
from qabwnas.lut.lut import Lut, LutBlock, Table

_QUOTED = frozenset(',"\r\n')


def write_csv(lut: Lut, path: str | os.PathLike[str]) -> None:
    """Write a ``.csv`` or ``.csv.gz`` table, atomically; cells that were not measured are empty.

    Numbers are the shortest decimals that read back to the same double. Candidates are described by their tables'
    texts, or else by what the space says of them: operations, and bit widths where every layer has its own.

    Raises:
        OSError: the folder cannot be written.
        InputError: a metric has the name of one of the format's own columns, or a text has no UTF-8.
    """
    for name in RESERVED:
        if name in lut.metric_names:
            raise InputError(f"the metric {name!r} cannot be written: the format has a column of that name")
    with atomic_path(path) as temporary, temporary.open("wb") as raw:
        # Without a name and a time inside, the same LUT gives the same bytes.
        stream = gzip.GzipFile("", "wb", mtime=0, fileobj=raw) if temporary.suffix == ".gz" else raw
        with stream:
            try:
                stream.writelines(line.encode() for line in _lines(lut))
            except UnicodeEncodeError as error:
                raise InputError(f"{path}: {error.object!r} is not Unicode text") from error


def _lines(lut: Lut) -> Iterator[str]:
    tables = [table for block in lut.blocks for table in block.tables]
    has_bits = any(table.widths is not None for table in tables)
    has_descriptions = lut.space is not None or any(table.descriptions is not None for table in tables)
    names = [BLOCK, CANDIDATE, *([BITS] if has_bits else []), *([DESCRIPTION] if has_descriptions else [])]
    yield _line([*names, *lut.metric_names])
    for block in lut.blocks:
        for first, table in zip(block.starts, block.tables, strict=False):
            columns = [[block.name] * table.n_rows, [str(first + row) for row in range(table.n_rows)]]
            if has_bits:
                columns.append([table.widths.name if table.widths is not None else ""] * table.n_rows)
            if has_descriptions:
                columns.append(_descriptions(lut, block, table))
            columns.extend(_numbers(table, name) for name in lut.metric_names)
            yield from map(_line, zip(*columns, strict=True))


def _descriptions(lut: Lut, block: LutBlock, table: Table) -> list[str]:
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
    # csv.writer leaves a carriage return unquoted where lines end in a line feed; readers then break the row there.
    return '"' + cell.replace('"', '""') + '"' if _QUOTED.intersection(cell) else cell

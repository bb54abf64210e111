"""Parquet with the columns of the CSV format (:mod:`qabwnas.lut.csv_format`), by pyarrow (the extra ``batch``).

Columns are texts, whole numbers, floats or decimals; null is an empty cell. Every double stays what it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from qabwnas.errors import FormatError, InputError
from qabwnas.lut.csv_read import read_rows
from qabwnas.lut.importers.options import ImportOptions
from qabwnas.lut.lut import Lut
from qabwnas.lut.table_metadata import KEY, NOTHING, TableMetadata, parse_metadata
from qabwnas.lut.text_table import TextTable, check_names

_ROWS_AT_ONCE = 1 << 16


def read_table(paths: Sequence[Path], options: ImportOptions) -> Lut:
    """Read ``.parquet``.

    Raises:
        OSError: the file cannot be read.
        InputError: it is not Parquet or damaged, a column has another type, or a cell is wrong; the message gives file,
            row and column.
    """
    path = paths[0]
    with path.open("rb") as stream:
        try:
            file = pq.ParquetFile(stream)
        except pa.ArrowException as error:
            raise InputError(f"{path}: not a Parquet file, or damaged: {' '.join(str(error).split())}") from error
        source = TextTable(path, tuple(file.schema_arrow.names), (), place="row", metadata=_metadata(path, file))
        check_names(source)
        for field in file.schema_arrow:
            _check_type(source, field)
        return read_rows(replace(source, rows=_rows(source, file)), options.aggregate, options.fixed)


def _metadata(path: Path, file: Any) -> TableMetadata:
    text = (file.schema_arrow.metadata or {}).get(KEY.encode())
    if text is None:
        return NOTHING
    try:
        return parse_metadata(text.decode(errors="replace"))
    except (InputError, FormatError) as error:
        raise type(error)(f"{path}: schema: {error}") from error


def _check_type(source: TextTable, field: Any) -> None:
    kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
    known = (
        pa.types.is_null, pa.types.is_string, pa.types.is_large_string, pa.types.is_integer, pa.types.is_floating,
        pa.types.is_decimal,
    )  # fmt: skip
    if not any(is_kind(kind) for is_kind in known):
        raise source.wrong(f"the type {kind} is none of text, whole numbers, floats, decimals", column=field.name)


def _rows(source: TextTable, file: Any) -> Iterator[tuple[int, Sequence[str]]]:
    row = 0
    batches = file.iter_batches(batch_size=_ROWS_AT_ONCE)
    while True:
        try:
            batch = next(batches, None)
        except (pa.ArrowException, OSError) as error:
            raise source.wrong(f"damaged behind row {row}: {' '.join(str(error).split())}") from error
        if batch is None:
            return
        columns = [["" if cell is None else str(cell) for cell in column.to_pylist()] for column in batch.columns]
        for cells in zip(*columns, strict=True):
            row += 1
            yield row, cells

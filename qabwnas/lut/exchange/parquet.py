"""LUTs as Parquet, with the columns of :mod:`qabwnas.lut.exchange.format`, through pyarrow (the extra ``batch``).

Read columns are text, integers, floats or decimals; null is an empty cell. Doubles are exact.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from qabwnas.errors import FormatError, InputError
from qabwnas.io.atomic import atomic_path
from qabwnas.io.file_kinds import PARQUET, check_suffix
from qabwnas.io.numeric import Number
from qabwnas.lut.arrays import common_type
from qabwnas.lut.content import LutContent
from qabwnas.lut.exchange.csv_read import read_rows
from qabwnas.lut.exchange.csv_write import check_metric_names, leading_cells, leading_columns
from qabwnas.lut.exchange.format import (
    CANDIDATE,
    CODE,
    METADATA_KEY,
    NO_METADATA,
    TableMetadata,
    metadata_json,
    parse_metadata,
)
from qabwnas.lut.exchange.layout import TableLayout
from qabwnas.lut.exchange.text_table import TextTable
from qabwnas.lut.table import Aggregation, Table

_ROWS_AT_ONCE = 1 << 16


def read_parquet(
    path: Path,
    aggregate: Mapping[str, Aggregation],
    fixed: Mapping[str, Number],
    layout: TableLayout,
    higher_is_better: Collection[str],
) -> LutContent:
    """Read a ``.parquet`` table; arguments are those of :func:`qabwnas.lut.exchange.csv_read.read_csv`.

    Raises:
        OSError: the file cannot be read.
        InputError: it is not Parquet or damaged, a column has another type, or a cell is wrong; the message gives file,
            row and column.
    """
    with path.open("rb") as stream:
        try:
            file = pq.ParquetFile(stream)
        except pa.ArrowException as error:
            raise InputError(f"{path}: not a Parquet file, or damaged: {' '.join(str(error).split())}") from error
        source = TextTable(path, tuple(file.schema_arrow.names), (), place="row", metadata=_metadata(path, file))
        for field in file.schema_arrow:
            _check_type(source, field)
        return read_rows(replace(source, rows=_rows(source, file)), aggregate, fixed, layout, higher_is_better)


def write_parquet(lut: LutContent, path: str | os.PathLike[str]) -> None:
    """Write a ``.parquet`` table, atomically; reading it returns an equal LUT.

    Values that were not measured are null. A column is double, or int64 if doubles do not hold its integers, or text if
    neither type holds all of its numbers.

    Raises:
        OSError: the folder cannot be written.
        InputError: as :func:`qabwnas.lut.exchange.csv_write.write_csv`.
    """
    check_metric_names(lut)
    check_suffix(path, PARQUET)
    names = leading_columns(lut)
    fields = [(name, pa.int64() if name in (CANDIDATE, CODE) else pa.string()) for name in names]
    fields += [(name, _type(lut, name)) for name in lut.metric_names]
    metadata = metadata_json(lut)
    schema = pa.schema(fields, metadata=None if metadata is None else {METADATA_KEY: metadata})
    with atomic_path(path) as temporary, pq.ParquetWriter(temporary, schema) as writer:
        for block in lut.blocks:
            for first, table in zip(block.starts, block.tables, strict=False):
                try:
                    columns = [
                        pa.array(leading_cells(lut, block, table, first, name), type=schema.field(name).type)
                        for name in names
                    ]
                except UnicodeEncodeError as error:
                    raise InputError(f"{path}: {error.object!r} is not Unicode text") from error
                columns += [_column(table, name, schema.field(name).type) for name in lut.metric_names]
                writer.write_batch(pa.record_batch(columns, schema=schema))


def _metadata(path: Path, file: Any) -> TableMetadata:
    text = (file.schema_arrow.metadata or {}).get(METADATA_KEY.encode())
    if text is None:
        return NO_METADATA
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
        raise source.wrong(f"the type {kind} is not text, integer, float or decimal", column=field.name)


def _rows(source: TextTable, file: Any) -> Iterator[tuple[int, Sequence[str]]]:
    row = 0
    batches = file.iter_batches(batch_size=_ROWS_AT_ONCE)
    while True:
        try:
            batch = next(batches, None)
        except (pa.ArrowException, OSError) as error:
            raise source.wrong(f"damaged after row {row}: {' '.join(str(error).split())}") from error
        if batch is None:
            return
        columns = [["" if cell is None else str(cell) for cell in column.to_pylist()] for column in batch.columns]
        for cells in zip(*columns, strict=True):
            row += 1
            yield row, cells


def _type(lut: LutContent, metric: str) -> Any:
    found = common_type([table.columns[metric] for block in lut.blocks for table in block.tables])[0].dtype
    return {np.dtype(np.float64): pa.float64(), np.dtype(np.int64): pa.int64()}.get(found, pa.string())


def _column(table: Table, metric: str, kind: Any) -> Any:
    values, mask = table.columns[metric], table.measured.get(metric)
    hidden = None if mask is None else ~mask
    if kind == pa.string():
        return pa.array([repr(value) for value in values.tolist()], kind, mask=hidden)
    if kind == pa.int64() and hidden is not None:
        values = np.where(hidden, np.zeros_like(values), values)
    return pa.array(values.astype(kind.to_pandas_dtype()), kind, mask=hidden)

"""Write a LUT as Parquet with the columns of the CSV format, by pyarrow (the extra ``batch``)."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from qabwnas.errors import InputError
from qabwnas.io.atomic import atomic_path
from qabwnas.io.file_kinds import PARQUET, check_suffix
from qabwnas.lut.csv_format import CANDIDATE, CODE
from qabwnas.lut.csv_write import check_metric_names, leading_cells, leading_columns
from qabwnas.lut.lut import Lut, Table
from qabwnas.lut.table_metadata import KEY, metadata_json
from qabwnas.lut.whole import alike


def write_parquet(lut: Lut, path: str | os.PathLike[str]) -> None:
    """Write a ``.parquet`` table, atomically, from which all of the LUT can be read again.

    Values that were not measured are null. Columns are doubles, int64 where doubles do not hold their whole numbers,
    and texts where neither type holds all.

    Raises:
        OSError: the folder cannot be written.
        InputError: as :func:`qabwnas.lut.csv_write.write_csv`.
    """
    check_metric_names(lut)
    check_suffix(path, PARQUET)
    names = leading_columns(lut)
    fields = [(name, pa.int64() if name in (CANDIDATE, CODE) else pa.string()) for name in names]
    fields += [(name, _type(lut, name)) for name in lut.metric_names]
    metadata = metadata_json(lut)
    schema = pa.schema(fields, metadata=None if metadata is None else {KEY: metadata})
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


def _type(lut: Lut, metric: str) -> Any:
    found = alike([table.columns[metric] for block in lut.blocks for table in block.tables])[0].dtype
    return {np.dtype(np.float64): pa.float64(), np.dtype(np.int64): pa.int64()}.get(found, pa.string())


def _column(table: Table, metric: str, kind: Any) -> Any:
    values, mask = table.columns[metric], table.measured.get(metric)
    hidden = None if mask is None else ~mask
    if kind == pa.string():
        return pa.array([repr(value) for value in values.tolist()], kind, mask=hidden)
    if kind == pa.int64() and hidden is not None:
        values = np.where(hidden, np.zeros_like(values), values)
    return pa.array(values.astype(kind.to_pandas_dtype()), kind, mask=hidden)

"""LUTs in HDF5 files: this writes the oldest schema of FORMAT.md that holds a LUT, and reads all of them."""

from __future__ import annotations

import os

import h5py
import numpy as np
from numpy.typing import NDArray

from qabwnas.errors import InputError
from qabwnas.io.file_kinds import LUT, check_suffix
from qabwnas.io.fingerprint import canonical_json
from qabwnas.io.hdf5_names import encode_name, encode_names
from qabwnas.io.hdf5_read import Header, open_file
from qabwnas.io.hdf5_write import HDF5Format, create_file, encode_texts, write_array, write_text
from qabwnas.lut.arrays import is_int64
from qabwnas.lut.content import LutContent
from qabwnas.lut.hdf5.readers import READERS
from qabwnas.lut.table import Metric, Table
from qabwnas.space.yaml import space_to_json

FORMAT = HDF5Format(
    "qabwnas-lut",
    newest=3,
    advice={"qabwnas-front": "it has only its own candidates; give its LUT"},
)


def read_lut(path: str | os.PathLike[str]) -> LutContent:
    """Return the content of a stored LUT; :meth:`qabwnas.lut.lut.Lut.open` says when it is read and what is raised."""
    root, header = open_file(path, FORMAT)
    return READERS[header.schema_version](root)


def read_header(path: str | os.PathLike[str]) -> Header:
    """Return the header of a stored LUT; raises as :func:`read_lut`."""
    return open_file(path, FORMAT)[1]


def validate_lut(path: str | os.PathLike[str]) -> LutContent:
    """Open a stored LUT and read every dataset of it; raises as :func:`read_lut` for the first error."""
    lut = read_lut(path)
    for block in lut.blocks:
        for table in block.tables:
            for metric in lut.metrics:
                table.columns[metric.name]
            for _ in table.descriptions or ():
                pass
    return lut


def write_lut(lut: LutContent, path: str | os.PathLike[str]) -> None:
    """Write a LUT atomically; raises as :meth:`qabwnas.lut.lut.Lut.save`."""
    check_suffix(path, LUT)
    # Older readers can read every LUT that does not need the newer schema.
    with create_file(path, FORMAT, schema_version=_oldest_schema(lut)) as file:
        if lut.space is not None:
            write_text(file, "space", canonical_json(space_to_json(lut.space)))
        write_text(file, "provenance", _provenance_json(lut))
        metrics = file.create_group("metrics")
        for member, metric in zip(encode_names(lut.metric_names), lut.metrics, strict=True):
            _write_metric(metrics.create_group(member), metric)
        blocks = file.create_group("blocks")
        for member, block in zip(encode_names(lut.block_names), lut.blocks, strict=True):
            tables = blocks.create_group(member)
            widths = ["" if table.widths is None else table.widths.name for table in block.tables]
            for label, name, table in zip(encode_names(widths), widths, block.tables, strict=True):
                _write_table(tables.create_group(label), f"{block.name} {name}".strip(), table, lut.metrics)


def _oldest_schema(lut: LutContent) -> int:
    """Return the oldest schema that holds a LUT."""
    if any(metric.higher_is_better for metric in lut.metrics):
        return 3
    return 2 if _has_int64(lut) else 1


def _has_int64(lut: LutContent) -> bool:
    tables = [table for block in lut.blocks for table in block.tables]
    return any(
        isinstance(metric.fixed, int) or any(is_int64(table.columns, metric.name) for table in tables)
        for metric in lut.metrics
    )


def _provenance_json(lut: LutContent) -> str:
    try:
        return canonical_json(dict(lut.provenance))
    except (TypeError, ValueError) as error:
        raise InputError(f"provenance: not JSON values: {error}") from error


def _write_metric(group: h5py.Group, metric: Metric) -> None:
    write_text(group, "unit", metric.unit)
    write_text(group, "aggregation", metric.aggregation)
    if metric.fixed is not None:
        group.attrs["fixed"] = metric.fixed
    if metric.higher_is_better:
        group.attrs["higher_is_better"] = np.True_


def _write_table(group: h5py.Group, where: str, table: Table, metrics: tuple[Metric, ...]) -> None:
    columns = [_stored_column(table, metric.name) for metric in metrics]
    units = [metric.unit for metric in metrics]
    write_array(group, "values", np.stack(columns), dims=("metric", "row"), units=units)
    for metric in metrics:
        if is_int64(table.columns, metric.name):
            int64 = group.require_group("whole")
            write_array(int64, encode_name(metric.name), table.columns[metric.name], ("row",), (metric.unit,))
        if metric.name in table.measured:
            masks = group.require_group("measured")
            write_array(masks, encode_name(metric.name), table.measured[metric.name], dims=("row",))
    if table.rows is not None:
        write_array(group, "codes", table.rows.codes, dims=("row",))
    if table.descriptions is not None:
        texts = encode_texts(f"{where}: descriptions", list(table.descriptions))
        write_array(group, "descriptions", texts, dims=("row",))


def _stored_column(table: Table, metric: str) -> NDArray[np.float64]:
    """Return a row of ``values``: NaN where a row was not measured, or everywhere if ``whole`` has the column."""
    if is_int64(table.columns, metric):
        return np.full(table.n_rows, np.nan)
    column, measured = table.columns[metric], table.measured.get(metric)
    return column if measured is None else np.where(measured, column, np.nan)

"""LUTs in HDF5 files. FORMAT.md beside this file is the contract; this writes its newest version and reads all."""

from __future__ import annotations

import os
from collections.abc import Callable

import h5py
import numpy as np
from numpy.typing import NDArray

from qabwnas.errors import InputError
from qabwnas.io.file_kinds import LUT, check_suffix
from qabwnas.io.fingerprint import canonical_json
from qabwnas.io.hdf5_names import encode_name, encode_names
from qabwnas.io.hdf5_read import Group, Header, open_file
from qabwnas.io.hdf5_write import Kind, create_file, encode_texts, write_array, write_text
from qabwnas.lut.lut import Lut, Metric, Table
from qabwnas.lut.store_v1 import read_v1, read_v2
from qabwnas.lut.whole import is_whole
from qabwnas.space.yaml import space_to_json

KIND = Kind(format="qabwnas-lut", newest=2)
_READERS: dict[int, Callable[[Group], Lut]] = {1: read_v1, 2: read_v2}


def open_lut(path: str | os.PathLike[str]) -> Lut:
    """Open a stored LUT: what it is made of is read at once, columns and descriptions when first asked for.

    The file stays open as long as the LUT lives; one that is put in its place meanwhile does not change it.

    Raises:
        OSError: the file cannot be read.
        FormatError: it is not a LUT, damaged, or of a newer schema; also later, from the columns.
    """
    root, header = open_file(path, KIND)
    return _READERS[header.schema_version](root)


def read_header(path: str | os.PathLike[str]) -> Header:
    """Return what a stored LUT says about itself; raises as :func:`open_lut`."""
    return open_file(path, KIND)[1]


def validate_lut(path: str | os.PathLike[str]) -> Lut:
    """Open a stored LUT and read every dataset of it; raises as :func:`open_lut` on the first thing that is wrong."""
    lut = open_lut(path)
    for block in lut.blocks:
        for table in block.tables:
            for metric in lut.metrics:
                table.columns[metric.name]
            for _ in table.descriptions or ():
                pass
    return lut


def save_lut(lut: Lut, path: str | os.PathLike[str]) -> None:
    """Write a LUT atomically.

    Raises:
        OSError: the folder cannot be written.
        InputError: the name is that of another kind of file, a text cannot be stored, or the provenance is not made of
            JSON values.
    """
    check_suffix(path, LUT)
    # What does not need the newer schema is written so that older readers read it.
    with create_file(path, KIND if _has_whole(lut) else KIND._replace(newest=1)) as file:
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


def _has_whole(lut: Lut) -> bool:
    tables = [table for block in lut.blocks for table in block.tables]
    return any(
        isinstance(metric.fixed, int) or any(is_whole(table.columns, metric.name) for table in tables)
        for metric in lut.metrics
    )


def _provenance_json(lut: Lut) -> str:
    try:
        return canonical_json(dict(lut.provenance))
    except (TypeError, ValueError) as error:
        raise InputError(f"provenance: not made of JSON values: {error}") from error


def _write_metric(group: h5py.Group, metric: Metric) -> None:
    write_text(group, "unit", metric.unit)
    write_text(group, "aggregation", metric.aggregation)
    if metric.fixed is not None:
        group.attrs["fixed"] = metric.fixed


def _write_table(group: h5py.Group, where: str, table: Table, metrics: tuple[Metric, ...]) -> None:
    columns = [_stored_column(table, metric.name) for metric in metrics]
    units = [metric.unit for metric in metrics]
    write_array(group, "values", np.stack(columns), dims=("metric", "row"), units=units)
    for metric in metrics:
        if is_whole(table.columns, metric.name):
            whole = group.require_group("whole")
            write_array(whole, encode_name(metric.name), table.columns[metric.name], ("row",), (metric.unit,))
        if metric.name in table.measured:
            masks = group.require_group("measured")
            write_array(masks, encode_name(metric.name), table.measured[metric.name], dims=("row",))
    if table.rows is not None:
        write_array(group, "codes", table.rows.codes, dims=("row",))
    if table.descriptions is not None:
        texts = encode_texts(f"{where}: descriptions", list(table.descriptions))
        write_array(group, "descriptions", texts, dims=("row",))


def _stored_column(table: Table, metric: str) -> NDArray[np.float64]:
    """Return the column as it is stored in ``values``: NaN where a row was not measured, or ``whole`` has it."""
    if is_whole(table.columns, metric):
        return np.full(table.n_rows, np.nan)
    column, measured = table.columns[metric], table.measured.get(metric)
    return column if measured is None else np.where(measured, column, np.nan)

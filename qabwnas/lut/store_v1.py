"""Schemas 1 and 2 of stored LUTs, read: see FORMAT.md. The second has whole numbers that doubles do not hold."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from qabwnas.errors import InputError
from qabwnas.io.hdf5_names import decode_names, encode_name
from qabwnas.io.hdf5_read import FLOAT64, INT64, TEXT, Group
from qabwnas.lut.lazy import StoredColumns, StoredMasks, StoredTexts
from qabwnas.lut.lut import AGGREGATIONS, Lut, LutBlock, Metric, Table
from qabwnas.lut.rows import LayerRows
from qabwnas.space import BitWidths, SearchSpace
from qabwnas.space.layer_policy import LayerChoices
from qabwnas.space.yaml import parse_space


def read_v1(root: Group) -> Lut:
    """Return the LUT of an opened file; raises FormatError, now and when its columns are read."""
    return _read(root, has_whole=False)


def read_v2(root: Group) -> Lut:
    """As :func:`read_v1`, of a file that may have whole numbers as int64."""
    return _read(root, has_whole=True)


def _read(root: Group, has_whole: bool) -> Lut:
    space, provenance = _read_space(root), _read_provenance(root)
    of_metrics, of_blocks = root.group("metrics"), root.group("blocks")
    try:
        metrics = tuple(
            _read_metric(of_metrics.group(member), name, has_whole) for member, name in _ordered(of_metrics).items()
        )
        blocks = tuple(
            _read_block(of_blocks.group(member), name, metrics, space, has_whole)
            for member, name in _ordered(of_blocks).items()
        )
        return Lut(metrics, blocks, space, provenance)
    except InputError as error:
        raise root.wrong(str(error)) from error


def _ordered(group: Group) -> dict[str, str]:
    try:
        return decode_names(group.members())
    except ValueError as error:
        raise group.wrong(str(error)) from error


def _read_metric(group: Group, name: str, has_whole: bool) -> Metric:
    aggregation = group.text("aggregation")
    for known in AGGREGATIONS:
        if aggregation == known:
            fixed: float | None = None
            if group.has_attribute("fixed"):
                is_whole = has_whole and group.is_integer("fixed")
                fixed = group.integer("fixed") if is_whole else group.real("fixed")
            return Metric(name, group.text("unit"), known, fixed)
    raise group.wrong(f"the aggregation {aggregation!r} is none of {', '.join(AGGREGATIONS)}")


def _read_block(
    group: Group, name: str, metrics: tuple[Metric, ...], space: SearchSpace | None, has_whole: bool
) -> LutBlock:
    tables = []
    for member, widths in _ordered(group).items():
        try:
            parsed = BitWidths.parse(widths) if widths else None
        except InputError as error:
            raise group.wrong(str(error)) from error
        table = _read_table(group.group(member), parsed, metrics, has_whole)
        if space is not None and space.policy == "layer":
            table = replace(table, rows=_read_rows(group.group(member), name, table.n_rows, space))
        tables.append(table)
    return LutBlock(name, tuple(tables))


def _read_rows(group: Group, block_name: str, n_rows: int, space: SearchSpace) -> LayerRows:
    codes = group.dataset("codes", INT64, (n_rows,), dims=("row",))
    try:
        block = space.blocks[space.block_index(block_name)]
        return LayerRows(LayerChoices(block, space.bit_widths), codes.read())
    except InputError as error:
        raise codes.wrong(str(error)) from error


def _read_table(group: Group, widths: BitWidths | None, metrics: tuple[Metric, ...], has_whole: bool) -> Table:
    names, units = [metric.name for metric in metrics], tuple(metric.unit for metric in metrics)
    values = group.dataset("values", FLOAT64, (len(metrics), None), dims=("metric", "row"), units=units)
    n_rows = values.shape[1]
    measured = StoredMasks(group.group("measured"), names, n_rows) if "measured" in group else {}
    descriptions = None
    if "descriptions" in group:
        descriptions = StoredTexts(group.dataset("descriptions", TEXT, (n_rows,), dims=("row",)))
    whole = {}
    if has_whole and "whole" in group:
        of_metric = group.group("whole")
        for metric in metrics:
            member = encode_name(metric.name)
            if member in of_metric:
                whole[metric.name] = of_metric.dataset(member, INT64, (n_rows,), ("row",), (metric.unit,))
    columns = StoredColumns(values, names, measured, whole)
    return Table(columns, widths, measured, descriptions)


def _read_space(root: Group) -> SearchSpace | None:
    if not root.has_attribute("space"):
        return None
    try:
        return parse_space(_read_json(root, "space"))
    except InputError as error:
        raise root.wrong(str(error)) from error


def _read_provenance(root: Group) -> dict[str, Any]:
    provenance = _read_json(root, "provenance")
    if not isinstance(provenance, dict):
        raise root.wrong("the provenance is not a JSON object")
    return provenance


def _read_json(root: Group, name: str) -> Any:
    try:
        return json.loads(root.text(name))
    except (ValueError, RecursionError) as error:
        raise root.wrong(f"the attribute {name!r} is not JSON: {error}") from error

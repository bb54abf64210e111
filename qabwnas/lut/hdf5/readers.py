"""Readers of stored LUTs, one per schema: see FORMAT.md.

Schema 2 adds 64-bit integers that doubles do not hold, schema 3 higher-is-better metrics.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from qabwnas.errors import InputError
from qabwnas.io.hdf5_names import decode_names, encode_name
from qabwnas.io.hdf5_read import FLOAT64, INT64, TEXT, Group
from qabwnas.lut.content import LutBlock, LutContent
from qabwnas.lut.hdf5.lazy import StoredColumns, StoredMasks, StoredTexts
from qabwnas.lut.rows import LayerRows
from qabwnas.lut.table import AGGREGATIONS, Metric, Table
from qabwnas.space import BitWidths, SearchSpace
from qabwnas.space.layer_policy import LayerChoices
from qabwnas.space.yaml import parse_space


def read_v1(root: Group) -> LutContent:
    """Return the content of an opened file; raises FormatError, now and when its columns are read."""
    return _read(root, schema=1)


def read_v2(root: Group) -> LutContent:
    """Do the same for a file that may have 64-bit integers."""
    return _read(root, schema=2)


def read_v3(root: Group) -> LutContent:
    """Do the same for a file that may also say that higher totals of a metric are better."""
    return _read(root, schema=3)


READERS: dict[int, Callable[[Group], LutContent]] = {1: read_v1, 2: read_v2, 3: read_v3}


def _read(root: Group, schema: int) -> LutContent:
    space, provenance = _read_space(root), _read_provenance(root)
    metric_groups, block_groups = root.group("metrics"), root.group("blocks")
    try:
        metrics = tuple(
            _read_metric(metric_groups.group(member), name, schema) for member, name in _ordered(metric_groups).items()
        )
        blocks = tuple(
            _read_block(block_groups.group(member), name, metrics, space, has_int64=schema >= 2)
            for member, name in _ordered(block_groups).items()
        )
        return LutContent(metrics, blocks, space, provenance)
    except InputError as error:
        raise root.wrong(str(error)) from error


def _ordered(group: Group) -> dict[str, str]:
    try:
        return decode_names(group.members())
    except ValueError as error:
        raise group.wrong(str(error)) from error


def _read_metric(group: Group, name: str, schema: int) -> Metric:
    aggregation = group.text("aggregation")
    for known in AGGREGATIONS:
        if aggregation == known:
            fixed: float | None = None
            if group.has_attribute("fixed"):
                is_int64 = schema >= 2 and group.is_integer("fixed")
                fixed = group.integer("fixed") if is_int64 else group.real("fixed")
            higher = schema >= 3 and group.has_attribute("higher_is_better") and group.boolean("higher_is_better")
            return Metric(name, group.text("unit"), known, fixed, higher_is_better=higher)
    raise group.wrong(f"the aggregation {aggregation!r} is not one of {', '.join(AGGREGATIONS)}")


def _read_block(
    group: Group, name: str, metrics: tuple[Metric, ...], space: SearchSpace | None, has_int64: bool
) -> LutBlock:
    tables = []
    for member, widths in _ordered(group).items():
        try:
            parsed = BitWidths.parse(widths) if widths else None
        except InputError as error:
            raise group.wrong(str(error)) from error
        table = _read_table(group.group(member), parsed, metrics, has_int64)
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


def _read_table(group: Group, widths: BitWidths | None, metrics: tuple[Metric, ...], has_int64: bool) -> Table:
    names, units = [metric.name for metric in metrics], tuple(metric.unit for metric in metrics)
    values = group.dataset("values", FLOAT64, (len(metrics), None), dims=("metric", "row"), units=units)
    n_rows = values.shape[1]
    measured = StoredMasks(group.group("measured"), names, n_rows) if "measured" in group else {}
    descriptions = None
    if "descriptions" in group:
        descriptions = StoredTexts(group.dataset("descriptions", TEXT, (n_rows,), dims=("row",)))
    int64 = {}
    if has_int64 and "whole" in group:
        int64_group = group.group("whole")
        for metric in metrics:
            member = encode_name(metric.name)
            if member in int64_group:
                int64[metric.name] = int64_group.dataset(member, INT64, (n_rows,), ("row",), (metric.unit,))
    columns = StoredColumns(values, names, measured, int64)
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

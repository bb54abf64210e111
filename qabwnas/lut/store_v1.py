"""Schema 1 of stored LUTs, read: see FORMAT.md."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from qabwnas.errors import InputError
from qabwnas.layer_policy import LayerChoices
from qabwnas.lut.hdf5_names import decode_names
from qabwnas.lut.hdf5_read import FLOAT64, INT64, TEXT, Group
from qabwnas.lut.lut import AGGREGATIONS, Lut, LutBlock, Metric, Table
from qabwnas.lut.rows import LayerRows
from qabwnas.lut.stored import StoredColumns, StoredMasks, StoredTexts
from qabwnas.space import BitWidths, SearchSpace
from qabwnas.space_yaml import parse_space


def read_v1(root: Group) -> Lut:
    """Return the LUT of an opened file; raises FormatError, now and when its columns are read."""
    space, provenance = _read_space(root), _read_provenance(root)
    of_metrics, of_blocks = root.group("metrics"), root.group("blocks")
    try:
        metrics = tuple(_read_metric(of_metrics.group(member), name) for member, name in _ordered(of_metrics).items())
        blocks = tuple(
            _read_block(of_blocks.group(member), name, metrics, space) for member, name in _ordered(of_blocks).items()
        )
        return Lut(metrics, blocks, space, provenance)
    except InputError as error:
        raise root.wrong(str(error)) from error


def _ordered(group: Group) -> dict[str, str]:
    try:
        return decode_names(group.members())
    except ValueError as error:
        raise group.wrong(str(error)) from error


def _read_metric(group: Group, name: str) -> Metric:
    aggregation = group.text("aggregation")
    for known in AGGREGATIONS:
        if aggregation == known:
            fixed = group.real("fixed") if group.has_attribute("fixed") else None
            return Metric(name, group.text("unit"), known, fixed)
    raise group.wrong(f"the aggregation {aggregation!r} is none of {', '.join(AGGREGATIONS)}")


def _read_block(group: Group, name: str, metrics: tuple[Metric, ...], space: SearchSpace | None) -> LutBlock:
    tables = []
    for member, widths in _ordered(group).items():
        try:
            parsed = BitWidths.parse(widths) if widths else None
        except InputError as error:
            raise group.wrong(str(error)) from error
        table = _read_table(group.group(member), parsed, metrics)
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


def _read_table(group: Group, widths: BitWidths | None, metrics: tuple[Metric, ...]) -> Table:
    names, units = [metric.name for metric in metrics], tuple(metric.unit for metric in metrics)
    values = group.dataset("values", FLOAT64, (len(metrics), None), dims=("metric", "row"), units=units)
    n_rows = values.shape[1]
    measured = StoredMasks(group.group("measured"), names, n_rows) if "measured" in group else {}
    descriptions = None
    if "descriptions" in group:
        descriptions = StoredTexts(group.dataset("descriptions", TEXT, (n_rows,), dims=("row",)))
    columns = StoredColumns(values, names, measured)
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

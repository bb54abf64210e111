"""Add a metric to a LUT: measured values of another device, or a roofline estimate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qabwnas.costs import CostMetric, FixedParts, block_costs, fixed_costs, row_costs
from qabwnas.costs.roofline import Device
from qabwnas.errors import InputError
from qabwnas.lut.content import LutBlock
from qabwnas.lut.lut import Lut
from qabwnas.lut.table import Metric, Table
from qabwnas.space import BitWidths, Policy, SearchSpace

ORIGINS = "columns"
"""The member of a LUT's provenance that says, by metric name, where added columns come from."""


def add_metric(lut: Lut, metric: Metric, columns: Mapping[str, NDArray[Any]], origin: Mapping[str, Any]) -> Lut:
    """Return the LUT with one more metric, which is the last.

    Args:
        columns: block name → numbers ``(n_candidates,)``, NaN or masked where a candidate was not measured.
            Blocks may be absent.
        origin: JSON values, stored in the LUT's provenance.

    Raises:
        InputError: the LUT has a metric of that name, or no candidate has a value.
    """
    if metric.name in lut.metric_names:
        raise InputError(f"the LUT already has a metric {metric.name!r}")
    if not any(np.ma.masked_invalid(column).count() for column in columns.values()):
        raise InputError(f"no candidate has a value of {metric.name!r}")
    blocks = []
    for block in lut.blocks:
        column = columns.get(block.name)
        if column is None:
            column = np.full(block.n_candidates, np.nan)
        blocks.append(_with_column(block, metric.name, column))
    origins = {**lut.provenance.get(ORIGINS, {}), metric.name: dict(origin)}
    return replace(
        lut,
        metrics=(*lut.metrics, metric),
        blocks=tuple(blocks),
        provenance={**lut.provenance, ORIGINS: origins},
    )


def _with_column(block: LutBlock, metric: str, column: NDArray[Any]) -> LutBlock:
    known_rows = ~np.ma.getmaskarray(np.ma.masked_invalid(column))
    tables = []
    for first, table in zip(block.starts, block.tables, strict=False):
        values = np.ma.getdata(column)[first : first + table.n_rows]
        known = known_rows[first : first + table.n_rows]
        tables.append(table.with_column(metric, values, None if known.all() else known))
    return replace(block, tables=tuple(tables))


def add_estimate(lut: Lut, device: Device, parts: FixedParts | None = None) -> Lut:
    """Return the LUT with the column ``estimate_ms[NAME]``: the roofline of stem and head, plus that of every layer.

    Stem and head have the bit widths that the LUT was populated with; if it does not say them, those of a
    :class:`Policy`. ``parts`` replaces the stem and the head of the LUT's space.

    Raises:
        InputError: the LUT has no space, a table has no bit widths, the device has no peak for some bit widths, or the
            LUT already has the column.
    """
    if lut.space is None:
        raise InputError("an estimate needs a LUT with a space: an imported one does not say what its candidates are")
    cost = device.cost
    columns = {}
    for block in lut.blocks:
        b = lut.space.block_index(block.name)
        columns[block.name] = np.concatenate([_estimate(lut.space, b, table, cost) for table in block.tables])
    fixed = BitWidths.parse(lut.provenance["fixed"]) if "fixed" in lut.provenance else Policy.fixed
    constant = fixed_costs(lut.space, fixed, parts, [cost])[cost.name]
    metric = Metric(cost.name, cost.unit, cost.aggregation, constant)
    return add_metric(lut, metric, columns, {"model": "roofline", "source": device.source})


def _estimate(space: SearchSpace, b: int, table: Table, cost: CostMetric) -> NDArray[np.float64]:
    if table.rows is not None:
        return row_costs(space, b, table.rows.operations, table.rows.widths, [cost])[cost.name]
    if table.widths is None:
        raise InputError(f"{space.blocks[b].name}: an estimate needs bit widths, which the LUT does not have")
    return block_costs(space, b, table.widths, [cost])[cost.name]

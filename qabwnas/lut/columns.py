"""Put a further metric beside those of a LUT: another device's latency, an estimate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qabwnas.errors import InputError
from qabwnas.lut.lut import Lut, LutBlock, Metric

ORIGINS = "columns"
"""The member of a LUT's provenance that says, by a metric's name, where columns that were added later come from."""


def add_metric(lut: Lut, metric: Metric, columns: Mapping[str, NDArray[Any]], origin: Mapping[str, Any]) -> Lut:
    """Return the LUT with one metric more, the last.

    Args:
        columns: block name → numbers ``(n_candidates,)``, NaN or masked where a candidate was not measured.
            Blocks may be absent.
        origin: JSON values, kept in the LUT's provenance.

    Raises:
        InputError: the LUT has a metric of that name, or no candidate has a value.
    """
    if metric.name in lut.metric_names:
        raise InputError(f"the LUT has a metric {metric.name!r} already")
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

"""The description of ``qabwnas lut info``, as JSON values and as text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from qabwnas.io.fingerprint import canonical_json
from qabwnas.lut.arrays import concatenated
from qabwnas.lut.hdf5.store import read_header
from qabwnas.lut.lut import Lut, LutBlock, Metric
from qabwnas.space.yaml import space_to_json


def describe(path: Path) -> dict[str, Any]:
    """Return everything except the rows as JSON values; raises as :meth:`qabwnas.lut.lut.Lut.open` does."""
    header, lut = read_header(path), Lut.open(path)
    return {
        "format": header.format,
        "schema_version": header.schema_version,
        "writer": f"{header.writer} {header.writer_version}",
        "created": header.created,
        "subnets": lut.n_subnets,
        "blocks": [_describe_block(block) for block in lut.blocks],
        "metrics": [_describe_metric(lut, metric) for metric in lut.metrics],
        "space": None if lut.space is None else space_to_json(lut.space),
        "provenance": dict(lut.provenance),
    }


def _describe_block(block: LutBlock) -> dict[str, Any]:
    tables = [
        {"bits": None if table.widths is None else table.widths.name, "candidates": table.n_rows}
        for table in block.tables
    ]
    return {"name": block.name, "candidates": block.n_candidates, "tables": tables}


def _describe_metric(lut: Lut, metric: Metric) -> dict[str, Any]:
    values = []
    for block in lut.blocks:
        column, measured = block.column(metric.name), block.measured(metric.name)
        values.append(column if measured is None else column[measured])
    measured_values = concatenated(values)
    return {
        "name": metric.name,
        "unit": metric.unit,
        "aggregation": metric.aggregation,
        "fixed": metric.fixed,
        "higher_is_better": metric.higher_is_better,
        "measured": measured_values.size,
        "min": _number_of(measured_values.min()) if measured_values.size else None,
        "max": _number_of(measured_values.max()) if measured_values.size else None,
    }


def _number_of(value: Any) -> float:
    """Return a Python number: an int only if a double does not hold it."""
    number: float = value.item() if isinstance(value, np.generic) else value
    return number


def as_text(info: dict[str, Any]) -> str:
    """Return the description as text with aligned columns."""
    space = "none: an import" if info["space"] is None else info["space"]["name"]
    head = [
        ["format", f"{info['format']}, schema {info['schema_version']}, by {info['writer']}, {info['created']}"],
        ["space", space],
        ["subnets", str(info["subnets"])],
        *(
            [name, value if isinstance(value, str) else canonical_json(value)]
            for name, value in info["provenance"].items()
        ),
    ]
    blocks = [["block", "candidates", "bits"]]
    for block in info["blocks"]:
        bits = " ".join(table["bits"] for table in block["tables"] if table["bits"] is not None)
        blocks.append([block["name"], str(block["candidates"]), bits])
    metrics = [["metric", "unit", "aggregation", "better", "fixed", "measured", "min", "max"]]
    for metric in info["metrics"]:
        better = "higher" if metric["higher_is_better"] else "lower"
        texts = [metric["name"], metric["unit"], metric["aggregation"], better, _number(metric["fixed"])]
        metrics.append([*texts, str(metric["measured"]), _number(metric["min"]), _number(metric["max"])])
    return "\n\n".join(_aligned(rows) for rows in (head, blocks, metrics))


def _number(value: float | None) -> str:
    return "-" if value is None else repr(value).removesuffix(".0")


def _aligned(rows: list[list[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)

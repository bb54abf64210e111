"""The description of a front by ``qabwnas lut info``, as JSON values and as text."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from qabwnas.io.fingerprint import canonical_json
from qabwnas.search.front.file import KIND
from qabwnas.search.frontier import Frontier
from qabwnas.search.model.grid import UNLIMITED


def describe_front(path: Path) -> dict[str, Any]:
    """Return everything except the points as JSON values with exact decimals; raises as :meth:`.Frontier.open` does."""
    front = Frontier.open(path)
    metrics = []
    columns = zip(front.metrics, front.grids, front.units.T, front.region.low, front.region.high, strict=True)
    for metric, grid, stored, low, high in columns:
        units, ends = stored, [low, high]
        if metric.higher_is_better:  # its totals are stored with the other sign
            units, ends = -stored, [-high, -low]
        metrics.append(
            {
                "name": metric.name,
                "unit": metric.unit,
                "aggregation": metric.aggregation,
                "higher_is_better": metric.higher_is_better,
                "min": grid.decimal(int(units.min())),
                "max": grid.decimal(int(units.max())),
                "within": [grid.decimal(bound) if abs(bound) < UNLIMITED else None for bound in ends],
            }
        )
    return {
        "format": KIND.name,
        "points": len(front),
        "backend": front.backend,
        "epsilon": front.region.epsilon,
        "scope": {} if front.scope is None else front.scope.as_json(),
        "blocks": list(front.block_names),
        "metrics": metrics,
        "provenance": dict(front.provenance),
    }


def front_as_text(info: dict[str, Any]) -> str:
    """Return the description as text with aligned columns."""
    head = [
        ["format", info["format"]],
        ["points", f"{info['points']}, built by {info['backend']}"],
        ["epsilon", f"{info['epsilon']:f}"],
        ["scope", canonical_json(info["scope"]) if info["scope"] else "everything"],
        ["blocks", " ".join(info["blocks"])],
        *([name, canonical_json(value)] for name, value in info["provenance"].items()),
    ]
    metrics = [["metric", "unit", "aggregation", "better", "min", "max", "within"]]
    for metric in info["metrics"]:
        low, high = ("" if bound is None else f"{bound:f}" for bound in metric["within"])
        within = f"{low}:{high}" if low or high else "-"
        better = "higher" if metric["higher_is_better"] else "lower"
        texts = [metric["name"], metric["unit"], metric["aggregation"], better]
        metrics.append([*texts, f"{metric['min']:f}", f"{metric['max']:f}", within])
    return "\n\n".join("\n".join(_aligned(rows)) for rows in (head, metrics))


def _aligned(rows: list[list[str]]) -> Iterable[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()

"""All candidates of the blocks of a look-up table, with the Pareto set of each block."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from plotly import graph_objects as go
from plotly.subplots import make_subplots

from qabwnas.errors import InputError
from qabwnas.lut.content import LutBlock, LutContent
from qabwnas.report.result import MIXED
from qabwnas.visualization.axes import MetricAxis, escaped
from qabwnas.visualization.front_points import widths_in
from qabwnas.visualization.style import GREY, UNKNOWN, layout, marker, note
from qabwnas.visualization.thinning import thinned

COLUMNS = 3
MOST_PANELS = 24
MAX_POINTS = 5_000
PANEL_HEIGHT = 300
SIZE = "size_bytes"


def plot_candidates(
    lut: LutContent,
    *,
    x: str | None = None,
    y: str | None = None,
    blocks: list[str] | None = None,
    max_points: int = MAX_POINTS,
) -> go.Figure:
    """Return a figure with one panel per block: all its candidates by bit widths, and the line of its Pareto set.

    A candidate is in the Pareto set if no other one is as small in both metrics and smaller in one.

    Args:
        lut: a look-up table.
        x, y: the metrics of the axes; by default ``size_bytes``, or else the second metric, and the first metric.
        blocks: which blocks; by default all, at most 24.
        max_points: blocks with more candidates are thinned; points of the Pareto set are always shown.

    Raises:
        InputError: the LUT lacks a metric or a block, or has only one metric.
    """
    if len(lut.metrics) < 2:
        raise InputError(f"a figure of candidates needs two metrics; the LUT has only {lut.metric_names[0]!r}")
    x_metric, y_metric = lut.metric(x or _cost(lut)), lut.metric(y or lut.metric_names[0])
    shown_blocks = list(lut.blocks) if blocks is None else [lut.block(name) for name in blocks]
    n_all = len(shown_blocks)
    shown_blocks = shown_blocks[:MOST_PANELS]
    n_rows = -(-len(shown_blocks) // COLUMNS)
    n_columns = min(COLUMNS, len(shown_blocks))
    panels = make_subplots(
        rows=n_rows, cols=n_columns, subplot_titles=[escaped(block.name) for block in shown_blocks],
        vertical_spacing=0.25 / n_rows, horizontal_spacing=0.07,
    )  # fmt: skip
    panels.update_layout(layout(f"Candidates of each block, {n_all} blocks"))
    pairs = [_measured(block, x_metric.name, y_metric.name) for block in shown_blocks]
    x_axis, y_axis = (
        MetricAxis.of(metric.name, [float(values[:, m].max()) for _, values in pairs if len(values)], metric.unit)
        for m, metric in enumerate((x_metric, y_metric))
    )
    named: set[str] = set()
    statements = [f"the first {MOST_PANELS} of {n_all} blocks"] if n_all > MOST_PANELS else []
    for number, (block, (candidates, values)) in enumerate(zip(shown_blocks, pairs, strict=True)):
        row, column = divmod(number, COLUMNS)
        best, kept = pareto_set(values), thinned(values, max_points)
        if statement := kept.statement(len(values)):
            statements.append(f"{block.name}: {statement}")
        points = np.union1d(kept.points, best)
        families = np.array([_family(lut, block, candidate) for candidate in candidates[points].tolist()])
        for family in sorted(set(families.tolist())):
            own = points[families == family]
            text = [escaped(f"{c}: {lut.describe(block.name, c)}") for c in candidates[own].tolist()]
            trace = _family_trace(family, x_axis.values(values[own, 0]), y_axis.values(values[own, 1]), text)
            panels.add_trace(trace.update(showlegend=family not in named), row=row + 1, col=column + 1)
            named.add(family)
        line = best[np.argsort(values[best, 0], kind="stable")]
        trace = _pareto_trace(x_axis.values(values[line, 0]), y_axis.values(values[line, 1]))
        panels.add_trace(trace.update(showlegend=number == 0), row=row + 1, col=column + 1)
    panels.update_xaxes(title_text=escaped(x_axis.title))
    panels.update_yaxes(title_text=escaped(y_axis.title), col=1)
    panels.update_layout(height=max(450, 100 + PANEL_HEIGHT * n_rows))
    if statements:
        note(panels, escaped("; ".join(statements)))
    return panels


def _family_trace(family: str, x: NDArray[np.float64], y: NDArray[np.float64], text: list[str]) -> go.Scattergl:
    return go.Scattergl(
        x=x,
        y=y,
        mode="markers",
        name=family,
        legendgroup=family,
        marker={**marker(family, 4), "opacity": 0.6},
        text=text,
        hovertemplate="%{text}<br>%{x:.6~g}, %{y:.6~g}<extra></extra>",
    )


def _pareto_trace(x: NDArray[np.float64], y: NDArray[np.float64]) -> go.Scatter:
    return go.Scatter(
        x=x,
        y=y,
        mode="lines",
        line={"shape": "hv", "color": GREY},
        name="Pareto set of the block",
        legendgroup="Pareto set",
        hoverinfo="skip",
    )


def _cost(lut: LutContent) -> str:
    return SIZE if SIZE in lut.metric_names[1:] else lut.metric_names[1]


def pareto_set(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the non-dominated rows of ``(n, 2)`` values, ascending; of equal rows the first. O(n log n)."""
    order = np.lexsort((np.arange(len(values)), values[:, 1], values[:, 0]))
    least = np.minimum.accumulate(values[order, 1])
    is_kept = np.ones(len(order), dtype=np.bool_)
    is_kept[1:] = values[order[1:], 1] < least[:-1]
    return np.sort(order[is_kept])


def _measured(block: LutBlock, x: str, y: str) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the candidates that have both metrics, and their values ``(n, 2)``."""
    values = np.column_stack([block.column(name).astype(np.float64) for name in (x, y)])
    known = np.ones(len(values), dtype=np.bool_)
    for name in (x, y):
        if (measured := block.measured(name)) is not None:
            known &= measured
    return np.flatnonzero(known), values[known]


def _family(lut: LutContent, block: LutBlock, candidate: int) -> str:
    """Return the bit widths of a candidate, ``mixed`` if its layers differ."""
    table, _ = block.locate(candidate)
    if table.widths is not None:
        return table.widths.name
    widths = widths_in(lut.describe(block.name, candidate))
    return widths[0] if len(widths) == 1 else MIXED if widths else UNKNOWN

"""Which operations and bit widths the points of a front choose, from the smallest to the largest subnet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from plotly import graph_objects as go
from plotly.colors import sample_colorscale
from plotly.subplots import make_subplots

from qabwnas.errors import InputError
from qabwnas.search.frontier import Frontier
from qabwnas.visualization.axes import MetricAxis, escaped
from qabwnas.visualization.front_points import PointTexts, operations_in, widths_in
from qabwnas.visualization.style import SEQUENCE, SERIES, layout, note, style_of

MAX_POINTS = 1_000
MOST_CATEGORIES = 24
OTHER = "other"
ROW_HEIGHT = 22

Rows = list[tuple[str, NDArray[np.object_]]]
"""Name of a row, and the category of each point."""


def plot_choices(front: Frontier, *, along: str | None = None, max_points: int = MAX_POINTS) -> go.Figure:
    """Return a figure of the chosen operations and bit widths, one row per layer and block, one column per point.

    Args:
        front: a front whose points have descriptions.
        along: the metric by which points are ordered, ascending; by default the second one, or the objective.
        max_points: of a front with more points, as many are shown, evenly spaced; the figure says so.

    Raises:
        InputError: the front lacks the metric, or does not describe its candidates.
    """
    metric = along or front.metric_names[min(1, len(front.metric_names) - 1)]
    values = front.values(metric)
    if front.describe is None:
        raise InputError("the front does not describe its candidates: build it from the LUT again")
    order = np.argsort(values, kind="stable")
    points = order[np.unique(np.linspace(0, len(order) - 1, min(max_points, len(order))).round().astype(np.int64))]
    texts = PointTexts(front, points)
    operations = _rows(texts, operations_in)
    bits = _rows(texts, widths_in)
    panels = [(name, rows) for name, rows in (("operation", operations), ("bit widths", bits)) if rows]
    if not panels:
        raise InputError("the descriptions of the front's candidates name neither operations nor bit widths")
    shown = make_subplots(
        rows=len(panels), cols=1, shared_xaxes=True, vertical_spacing=0.08,
        row_heights=[len(rows) + 1 for _, rows in panels], subplot_titles=[name for name, _ in panels],
    )  # fmt: skip
    unit = next(each.unit for each in front.metrics if each.name == metric)
    axis = MetricAxis.of(metric, values, unit)
    shown.update_layout(layout(f"Choices along the front, by {escaped(axis.title)}"))
    totals = axis.values(values[points])
    for number, (kind, rows) in enumerate(panels, start=1):
        _add(shown, number, kind, rows, totals, axis)
    shown.update_xaxes(title_text=f"points, from the smallest to the largest {escaped(axis.title)}", row=len(panels))
    shown.update_yaxes(autorange="reversed")
    shown.update_layout(height=max(450, 200 + ROW_HEIGHT * sum(len(rows) for _, rows in panels)))
    if len(points) < len(front):
        note(shown, f"{len(points):,} of {len(front):,} points, evenly spaced")
    return shown


def _rows(texts: PointTexts, parts: Callable[[str], Sequence[str]]) -> Rows:
    """Return one row per block, or per layer where all candidates of a block have the same number of parts."""
    rows: Rows = []
    for b, block in enumerate(texts.front.block_names):
        descriptions, which = texts.of_block(b)
        found = [parts(description) for description in descriptions]
        if not all(found):
            continue
        if len({len(each) for each in found}) == 1 and len(found[0]) > 1:
            for layer in range(len(found[0])):
                names = np.array([each[layer] for each in found], dtype=object)
                rows.append((f"{block}.{layer + 1}", names[which]))
        else:
            rows.append((block, np.array([" ".join(each) for each in found], dtype=object)[which]))
    return rows


def _add(shown: go.Figure, row: int, kind: str, rows: Rows, totals: NDArray[np.float64], axis: MetricAxis) -> None:
    """Add the rows of one kind as a heat map, with one entry per category in the legend."""
    counts = Counter(category for _, categories in rows for category in categories.tolist())
    names = sorted(name for name, _ in counts.most_common(MOST_CATEGORIES))
    if len(counts) > MOST_CATEGORIES:
        names.append(OTHER)
    numbers = {name: number for number, name in enumerate(names)}
    colours = _colours(names, of_widths=kind == "bit widths")
    grid = [[numbers.get(category, len(names) - 1) for category in categories.tolist()] for _, categories in rows]
    edges = np.arange(len(names) + 1) / len(names)
    scale = [[edge, colour] for n, colour in enumerate(colours) for edge in edges[n : n + 2].tolist()]
    shown.add_trace(
        go.Heatmap(
            z=grid,
            x=list(range(1, len(totals) + 1)),
            y=[escaped(name) for name, _ in rows],
            text=[[escaped(category) for category in categories.tolist()] for _, categories in rows],
            customdata=np.broadcast_to(totals, (len(rows), len(totals))),
            zmin=-0.5,
            zmax=len(names) - 0.5,
            colorscale=scale,
            showscale=False,
            hovertemplate=f"%{{y}}: %{{text}}<br>{escaped(axis.title)}: %{{customdata:.6~g}}<extra></extra>",
        ),
        row=row,
        col=1,
    )
    for name, colour in zip(names, colours, strict=True):
        shown.add_trace(
            go.Scatter(
                x=[None], y=[None], mode="markers", name=escaped(name), legendgroup=kind,
                legendgrouptitle={"text": kind}, marker={"color": colour, "symbol": "square", "size": 12},
            ),
            row=row,
            col=1,
        )  # fmt: skip


def _colours(names: Sequence[str], *, of_widths: bool) -> list[str]:
    """Return one colour per category: the fixed one of bit widths, or else one after the other."""
    fixed = [style_of(name).colour for name in names]
    if of_widths and len(set(fixed)) == len(fixed):
        return fixed
    if len(names) <= len(SEQUENCE):
        return list(SEQUENCE[: len(names)])
    sampled: list[str] = sample_colorscale(SERIES, len(names))
    return sampled

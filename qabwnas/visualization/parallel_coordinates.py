"""A front as parallel coordinates: dragging along an axis selects points (brushing)."""

from __future__ import annotations

import numpy as np
from plotly import graph_objects as go

from qabwnas.search.frontier import Frontier
from qabwnas.space import BitWidths
from qabwnas.visualization.axes import MetricAxis, escaped
from qabwnas.visualization.front_points import PointTexts, widths_in
from qabwnas.visualization.style import SERIES, figure, note
from qabwnas.visualization.thinning import thinned

MAX_LINES = 5_000
FEW_TICKS = 8
MOST_BLOCKS = 12
"""Fronts of more blocks have no axes of bits: they would be too close to read."""


def plot_parallel_coordinates(front: Frontier, *, max_points: int = MAX_LINES) -> go.Figure:
    """Return a figure with one line per point of a front, coloured by the objective.

    There is one axis per metric, and one per block with the mean bits of its weights where bit widths are known.
    Drag along an axis to select points, on several axes at once.

    Args:
        front: a front.
        max_points: fronts with more points are thinned; the figure states the error ε.
    """
    kept = thinned(np.column_stack([front.values(name) for name in front.metric_names]), max_points)
    dimensions = []
    for metric in front.metrics:
        totals = front.values(metric.name, kept.points)
        axis = MetricAxis.of(metric.name, totals, metric.unit)
        dimensions.append({"label": escaped(axis.title), "values": axis.values(totals)})
    colours = dimensions[0]
    if len(front.block_names) <= MOST_BLOCKS:
        texts = PointTexts(front, kept.points)
        for b, block in enumerate(front.block_names):
            descriptions, which = texts.of_block(b)
            bits = [_mean_weight_bits(text) for text in descriptions]
            if None not in bits:
                values = np.array(bits, dtype=np.float64)
                ticks = np.unique(values)
                label = f"{escaped(block)}, weight bits"
                dimensions.append({"label": label, "values": values[which]})
                if len(ticks) <= FEW_TICKS:
                    dimensions[-1] |= {"tickvals": ticks, "ticktext": [f"{tick:g}" for tick in ticks]}
    shown = figure(f"{len(front):,} Pareto-optimal subnets: drag along an axis to select")
    line = {"color": colours["values"], "colorscale": SERIES, "showscale": True}
    line["colorbar"] = {"title": {"text": colours["label"]}}
    shown.add_parcoords(line=line, dimensions=dimensions, labelangle=-15 if len(dimensions) > 4 else 0)
    shown.update_layout(margin={"t": 110, "l": 80})
    if statement := kept.statement(len(front)):
        note(shown, statement)
    return shown


def _mean_weight_bits(description: str) -> float | None:
    bits = [BitWidths.parse(name).weights for name in widths_in(description)]
    return sum(bits) / len(bits) if bits else None

"""A front in two or three metrics, with teachers and named networks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from plotly import graph_objects as go

from qabwnas.errors import InputError
from qabwnas.io.numeric import shown
from qabwnas.report.result import TEACHER
from qabwnas.search.frontier import Frontier
from qabwnas.visualization.axes import MetricAxis, escaped, known_totals
from qabwnas.visualization.front_points import PointTexts
from qabwnas.visualization.style import GREY, REFERENCE, SEQUENCE, figure, marker, note
from qabwnas.visualization.thinning import thinned

MAX_POINTS = 30_000
FEW_POINTS = 2_000
"""Up to so many points, SVG is quick enough and needs no graphics card, and so are all symbols in 3-D."""
POINT_SIZE, POINT_SIZE_3D, MARK_SIZE = 4, 2, 11
HEIGHT_3D = 650
CAMERA = {"eye": {"x": 1.5, "y": -1.5, "z": 0.5}}
"""Across the diagonal of the costs, near which fronts lie."""
Totals = Mapping[str, Any]
"""Metric name → total, a number."""


def plot_pareto_front(
    front: Frontier,
    *,
    metrics: Sequence[str] | None = None,
    teachers: Mapping[str, Totals] | None = None,
    references: Mapping[str, Totals] | None = None,
    max_points: int = MAX_POINTS,
) -> go.Figure:
    """Return a figure of a front in 2-D or 3-D, one series per family of bit widths.

    >>> plot_pareto_front(front, teachers={"INT8": {"nsr": 0.1, "size_bytes": 277_840}}).show()

    Hovering shows totals and candidates of a point; ``customdata`` of its marker is its number. The points of a front
    over two metrics are joined by the staircase of what a search returns for budgets between them. The objective (the
    first metric) is the vertical axis. ``layout.meta`` has the metrics, and the factors by which totals are divided.

    Args:
        front: with two metrics or more.
        metrics: two or three of the front's metrics; by default the first three, or two if there are two.
        teachers: name → totals of networks that are drawn as teachers; one without a total of a metric is left out.
        references: the same for other named networks, such as an answer of a search.
        max_points: fronts with more points are thinned; the figure states the error ε (:mod:`.thinning`).

    Raises:
        InputError: the front lacks a metric, or other than two or three different ones are given.
    """
    names = _chosen(front, metrics)
    totals = np.column_stack([front.values(name) for name in names])
    kept = thinned(totals, max_points)
    units = {metric.name: metric.unit for metric in front.metrics}
    marks = list(_marks(teachers, TEACHER, names)) + list(_marks(references, REFERENCE, names))
    columns = [np.concatenate([totals[:, m], [mark[2][m] for mark in marks]]) for m in range(len(names))]
    axes = [MetricAxis.of(name, column, units[name]) for name, column in zip(names, columns, strict=True)]
    places = [axis.values(totals[kept.points, m]) for m, axis in enumerate(axes)]
    shown_figure = figure(f"{len(front):,} Pareto-optimal subnets")
    if len(front.metric_names) == 2:
        order = np.argsort(places[1], kind="stable")
        line = {"shape": "hv", "width": 1, "color": GREY}
        stairs = {"x": places[1][order], "y": places[0][order], "mode": "lines", "line": line}
        shown_figure.add_scatter(**stairs, hoverinfo="skip", showlegend=False)
    texts = PointTexts(front, kept.points)
    hover, families = np.array(texts.hover(), dtype=object), np.array(texts.families(), dtype=object)
    size = POINT_SIZE_3D if len(axes) == 3 else POINT_SIZE
    is_large = len(kept.points) > FEW_POINTS
    for family in sorted(set(families.tolist())):
        rows = np.flatnonzero(families == family)
        if len(axes) == 3:
            np.random.default_rng(0).shuffle(rows)  # the first ones, which a slow browser draws, lie all over the front
        own = [place[rows] for place in places]
        _add(shown_figure, axes, own, family, family, hover[rows].tolist(), size, kept.points[rows], is_large)
    for name, family, values in marks:
        own = [axis.values([value]) for axis, value in zip(axes, values, strict=True)]
        _add(shown_figure, axes, own, family, name, [escaped(name)], MARK_SIZE)
    shown_figure.update_layout(meta={"metrics": list(names), "factors": [axis.factor for axis in axes]})
    layouts = [axis.layout(axis.values(column)) for axis, column in zip(axes, columns, strict=True)]
    _set_axes(shown_figure, layouts)
    if statement := kept.statement(len(front)):
        note(shown_figure, statement)
    return shown_figure


def plot_fronts(fronts: Mapping[str, Frontier], *, metrics: Sequence[str], max_points: int = FEW_POINTS) -> go.Figure:
    """Return a figure of several fronts in two metrics, one series per front.

    Args:
        fronts: name → a front that has the metrics.
        metrics: two metrics; the first one is the vertical axis.
        max_points: larger fronts are thinned; the figure states the error ε.

    Raises:
        InputError: a front lacks a metric, or other than two different ones are given.
    """
    if len(metrics) != 2:
        raise InputError(f"metrics: a figure of several fronts needs two, not {shown(metrics)}")
    totals = {
        name: np.column_stack([front.values(metric) for metric in _chosen(front, metrics)])
        for name, front in fronts.items()
    }
    units = {metric.name: metric.unit for front in fronts.values() for metric in front.metrics}
    columns = [np.concatenate([values[:, m] for values in totals.values()]) for m in range(2)]
    axes = [MetricAxis.of(name, column, units[name]) for name, column in zip(metrics, columns, strict=True)]
    shown_figure = figure(f"{len(fronts)} fronts")
    statements = []
    for number, (name, values) in enumerate(totals.items()):
        kept = thinned(values, max_points)
        y, x = (axis.values(values[kept.points, m]) for m, axis in enumerate(axes))
        look = {"color": SEQUENCE[number % len(SEQUENCE)], "size": POINT_SIZE}
        shown_figure.add_scatter(x=x, y=y, mode="markers", name=escaped(name), marker=look)
        if statement := kept.statement(len(values)):
            statements.append(f"{name}: {statement}")
    _set_axes(shown_figure, [axis.layout(axis.values(column)) for axis, column in zip(axes, columns, strict=True)])
    if statements:
        note(shown_figure, escaped("; ".join(statements)))
    return shown_figure


def _chosen(front: Frontier, metrics: Sequence[str] | None) -> Sequence[str]:
    if metrics is None:
        metrics = front.metric_names[:3]
    if isinstance(metrics, str) or not 2 <= len(metrics) <= 3 or len(set(metrics)) < len(metrics):
        raise InputError(f"metrics: a figure of a front needs two or three different metrics, not {shown(metrics)}")
    for name in metrics:
        if name not in front.metric_names:
            raise InputError(f"metric {name!r} is not in the front, which has {', '.join(front.metric_names)}")
    return metrics


def _marks(
    networks: Mapping[str, Totals] | None, family: str, metrics: Sequence[str]
) -> Iterator[tuple[str, str, list[float]]]:
    """Give name, family and totals of the networks whose totals are known."""
    for name, totals in (networks or {}).items():
        if (values := known_totals(totals, metrics)) is not None:
            yield name, family, values


def _add(
    shown_figure: go.Figure,
    axes: Sequence[MetricAxis],
    places: Sequence[NDArray[np.float64]],
    family: str,
    name: str,
    hover: Sequence[str],
    size: float,
    points: NDArray[np.int64] | None = None,
    one_of_many: bool = False,
) -> None:
    """Add one series; ``places`` are in the order of the axes, the objective first."""
    letters = _LETTERS[len(axes)]
    flat = go.Scatter if len(hover) <= FEW_POINTS else go.Scattergl
    lines = [f"{escaped(axis.title)}: %{{{letter}:.6~g}}" for axis, letter in zip(axes, letters, strict=True)]
    shown_figure.add_trace(
        (go.Scatter3d if len(axes) == 3 else flat)(
            **dict(zip(letters, places, strict=True)),
            mode="markers",
            name=escaped(name),
            text=list(hover),
            customdata=points,
            marker=marker(family, size, in_3d=len(axes) == 3, one_of_many=one_of_many),
            hovertemplate="<br>".join([*lines, "%{text}<extra></extra>"]),
        )
    )


_LETTERS = {2: ("y", "x"), 3: ("z", "x", "y")}
"""The axes of plotly for the metrics; the objective is vertical."""


def _set_axes(shown_figure: go.Figure, layouts: Sequence[Mapping[str, Any]]) -> None:
    axes = {f"{letter}axis": layout for letter, layout in zip(_LETTERS[len(layouts)], layouts, strict=True)}
    if len(layouts) == 3:
        shown_figure.update_layout(scene={**axes, "camera": CAMERA}, height=HEIGHT_3D)
    else:
        shown_figure.update_layout(axes)

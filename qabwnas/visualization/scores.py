"""Final scores against sizes, latencies and the sum of NSRs, with standard errors."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from plotly import graph_objects as go
from plotly.subplots import make_subplots

from qabwnas.report.kendall import agreement
from qabwnas.report.result import BUDGET, CONTROL, MIXED, NOT_FOUND, ONE_SHOT, TEACHER, Result, Results
from qabwnas.visualization.axes import MetricAxis, escaped
from qabwnas.visualization.style import layout, marker, note, style_of

PERCENT = 100
COLUMNS, PANEL_HEIGHT = 2, 400

X = Callable[[Result], float | None]
"""Where a network lies in a panel, ``None`` if that is not known."""


def plot_scores(results: Results) -> go.Figure:
    """Return a figure of final scores on the test split, one series per family, with standard errors.

    The panels show the score against the size of the encoder, the size of the whole model, each metric of
    :attr:`.Results.columns`, and the sum of the blocks' NSRs. Below the last one stands Kendall's tau-b between low NSR
    and high score. A network without a value is left out of that panel.
    """
    xs: dict[str, X] = {"encoder_bytes": lambda row: row.encoder_bytes, "whole model_bytes": lambda row: row.size_bytes}
    xs |= {metric: partial(_total, metric) for metric in results.columns}
    xs["sum of the blocks' NSRs"] = lambda row: row.nsr if row.widths and row.nsrs else None
    n_rows = -(-len(xs) // COLUMNS)
    panels = make_subplots(rows=n_rows, cols=COLUMNS, shared_yaxes="all", horizontal_spacing=0.06)
    title = f"{escaped(results.score)} on {results.n_test} test images of {escaped(results.task)}"
    panels.update_layout(layout(title))
    families = list(dict.fromkeys(row.family for row in results.networks))
    named: set[str] = set()
    for number, (name, x) in enumerate(xs.items()):
        place = {"row": number // COLUMNS + 1, "col": number % COLUMNS + 1}
        known = [(value, row) for row in results.networks if (value := x(row)) is not None]
        axis = MetricAxis.of(name, [value for value, _ in known])
        for family in families:
            own = sorted(((value, row) for value, row in known if row.family == family), key=lambda each: each[0])
            if own:
                panels.add_trace(_series(family, own, axis, showlegend=family not in named), **place)
                named.add(family)
        panels.update_xaxes(axis.layout(axis.values([value for value, _ in known])), **place)
    panels.update_yaxes(title_text=f"{escaped(results.score)}, %", col=1)
    panels.update_layout(height=max(450, 100 + PANEL_HEIGHT * n_rows))
    note(panels, "; ".join(["bars: standard error of the test sample", *_rank_text(results)]))
    return panels


def _series(family: str, own: list[tuple[float, Result]], axis: MetricAxis, *, showlegend: bool) -> go.Scatter:
    rows = [row for _, row in own]
    is_front = family not in (BUDGET, *NOT_FOUND, *ONE_SHOT)
    return go.Scatter(
        x=axis.values([value for value, _ in own]),
        y=[row.final_score * PERCENT for row in rows],
        error_y={"array": [row.standard_error * PERCENT for row in rows], "thickness": 1, "width": 3},
        mode="lines+markers" if is_front and len(rows) > 1 else "markers",
        line={"width": 1, "color": style_of(family).colour},
        marker=marker(family, 9),
        name=escaped(_label(family)),
        legendgroup=family,
        showlegend=showlegend,
        text=[_hover(row) for row in rows],
        hovertemplate="%{text}<br>%{x:.6~g}: %{y:.2f} % ± %{error_y.array:.2f}<extra></extra>",
    )


def _label(family: str) -> str:
    labels = {BUDGET: "under budgets", CONTROL: f"{TEACHER}, retrained", MIXED: "mixed front"}
    return labels.get(family, family if family in (TEACHER, "added", *ONE_SHOT) else f"{family} front")


def _hover(row: Result) -> str:
    lines = [row.name, *(f"{block}  {width}" for block, width in zip(row.blocks, row.widths, strict=False))]
    return "<br>".join(map(escaped, lines))


def _total(metric: str, row: Result) -> float | None:
    return row.totals.get(metric)


def _rank_text(results: Results) -> list[str]:
    """Return Kendall's tau in words; nothing if there are not two networks to rank."""
    found = results.found
    if len(found) < 2:
        return []
    tau = agreement([row.nsr for row in found], [row.final_score for row in found])
    return [f"Kendall's τ {tau:.2f} ({len(found)} networks; 1: lower NSR always has the higher score)"]

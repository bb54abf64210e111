"""Predicted against measured latencies of the same networks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from plotly import graph_objects as go
from plotly.subplots import make_subplots

from qabwnas.errors import InputError
from qabwnas.report.kendall import kendall_tau
from qabwnas.visualization.axes import escaped
from qabwnas.visualization.style import BLUE, GREY, layout

COLUMNS, PANEL_HEIGHT = 3, 420

Pairs = tuple[Sequence[float], Sequence[float]]
"""Predicted and measured milliseconds of the same networks."""


def plot_latency(series: Mapping[str, Pairs], *, errors: Mapping[str, Sequence[float]] | None = None) -> go.Figure:
    """Return a figure with one panel per series, titled with its name and Kendall's tau-b.

    On the grey line, predicted and measured latency are equal.

    Args:
        series: name → predicted and measured milliseconds.
        errors: name → the standard errors of the measured milliseconds, drawn as bars.

    Raises:
        InputError: there is no series, or one has no values or not the same number of them.
    """
    if not series:
        raise InputError("series: there are no latencies to draw")
    for name, (predicted, measured) in series.items():
        n_errors = len((errors or {}).get(name, measured))
        if not len(predicted) or len(predicted) != len(measured) or n_errors != len(measured):
            raise InputError(
                f"series {name!r}: {len(predicted)} predicted and {len(measured)} measured latencies with {n_errors} "
                "errors: one of each is needed for every network"
            )
    n_rows, n_columns = -(-len(series) // COLUMNS), min(COLUMNS, len(series))
    titles = [f"{escaped(name)}: Kendall's τ {kendall_tau(*pairs):.3f}" for name, pairs in series.items()]
    panels = make_subplots(rows=n_rows, cols=n_columns, subplot_titles=titles, horizontal_spacing=0.08)
    panels.update_layout(layout())
    for number, (name, (predicted, measured)) in enumerate(series.items()):
        place = {"row": number // COLUMNS + 1, "col": number % COLUMNS + 1}
        ends = [min(*predicted, *measured), max(*predicted, *measured)]
        equal = {"mode": "lines", "line": {"color": GREY, "width": 1}, "hoverinfo": "skip", "showlegend": False}
        panels.add_trace(go.Scatter(x=ends, y=ends, **equal), **place)
        bars = {"error_y": {"array": list(errors[name]), "thickness": 1}} if errors and name in errors else {}
        networks = go.Scatter(
            x=list(predicted), y=list(measured), mode="markers", marker={"color": BLUE, "size": 7}, name=escaped(name),
            hovertemplate="predicted %{x:.4~g} ms, measured %{y:.4~g} ms<extra></extra>", showlegend=False, **bars,
        )  # fmt: skip
        panels.add_trace(networks, **place)
    panels.update_xaxes(title_text="predicted latency, ms")
    panels.update_yaxes(title_text="measured latency, ms", col=1)
    panels.update_layout(height=100 + PANEL_HEIGHT * n_rows, width=max(600, 420 * n_columns))
    return panels

"""Times of search methods against each other, on a logarithmic scale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from plotly import graph_objects as go
from plotly.subplots import make_subplots

from qabwnas.errors import InputError
from qabwnas.visualization.axes import escaped
from qabwnas.visualization.style import BLUE, GREY, layout

BAR_HEIGHT, FRAME_HEIGHT, PIXELS_PER_LETTER = 30, 110, 7
OURS, OTHERS = BLUE, GREY


@dataclass(frozen=True)
class Bar:
    """One method: its time, its extrapolated time if any, the text next to its bar, whether it is this project's."""

    name: str
    seconds: float
    extrapolated_seconds: float | None
    remark: str
    is_ours: bool


@dataclass(frozen=True)
class Panel:
    """Methods that do the same work."""

    title: str
    bars: Sequence[Bar]


def plot_search_times(panels: Sequence[Panel]) -> go.Figure:
    """Return a figure with one bar per method; extrapolated times are lighter, around the measured ones.

    Raises:
        InputError: there is no panel, or one has no bars.
    """
    if not panels or not all(panel.bars for panel in panels):
        raise InputError("panels: there are no times to draw")
    heights = [FRAME_HEIGHT + BAR_HEIGHT * len(panel.bars) for panel in panels]
    shown = make_subplots(
        rows=len(panels), cols=1, shared_xaxes=True, row_heights=heights,
        vertical_spacing=min(0.1, 60 / sum(heights)), subplot_titles=[escaped(panel.title) for panel in panels],
    )  # fmt: skip
    shown.update_layout(layout())
    for row, panel in enumerate(panels, start=1):
        names = [escaped(bar.name) for bar in panel.bars]
        colours = [OURS if bar.is_ours else OTHERS for bar in panel.bars]
        extrapolated = [bar.extrapolated_seconds for bar in panel.bars]
        look = {"orientation": "h", "y": names, "showlegend": False}
        if any(seconds is not None for seconds in extrapolated):
            faint = {"color": colours, "opacity": 0.3}
            shown.add_trace(go.Bar(x=extrapolated, marker=faint, name="extrapolated", **look), row=row, col=1)
        ends = [max(bar.seconds, bar.extrapolated_seconds or 0) for bar in panel.bars]
        shown.add_trace(
            go.Bar(x=[bar.seconds for bar in panel.bars], marker={"color": colours}, name="measured", **look),
            row=row, col=1,
        )  # fmt: skip
        remarks = [escaped(f" {bar.remark}") for bar in panel.bars]
        labels = {"mode": "text", "text": remarks, "textposition": "middle right", "hoverinfo": "skip"}
        shown.add_trace(go.Scatter(x=ends, y=names, showlegend=False, cliponaxis=False, **labels), row=row, col=1)
    shown.update_xaxes(type="log", exponentformat="power")
    shown.update_xaxes(title_text="seconds", row=len(panels))
    shown.update_yaxes(autorange="reversed", automargin=True)
    longest = max(len(bar.remark) for panel in panels for bar in panel.bars)
    shown.update_layout(barmode="overlay", height=sum(heights), margin={"r": 20 + PIXELS_PER_LETTER * longest})
    return shown

"""Pictures of times: of methods on a logarithmic scale, and predicted against measured latencies."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from qabwnas.report.kendall import kendall_tau
from qabwnas.report.picture import PANEL_INCHES, picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH_INCHES, BAR_INCHES, FRAME_INCHES = 9.0, 0.34, 0.9
ROOM_FOR_REMARKS = 0.55
"""As a fraction of the decades that the bars take."""
OURS, OTHERS = "tab:blue", "tab:gray"
Pairs = tuple[Sequence[float], Sequence[float]]
"""Predicted and measured milliseconds of the same networks."""


@dataclass(frozen=True)
class Bar:
    """One method: its time, its extrapolated time if any, the text next to its bar, whether it is this project's."""

    name: str
    seconds: float
    extrapolated_seconds: float | None
    remark: str
    is_ours: bool

    @property
    def end(self) -> float:
        return max(self.seconds, self.extrapolated_seconds or 0.0)


@dataclass(frozen=True)
class Panel:
    """Methods that do the same work."""

    title: str
    bars: Sequence[Bar]


def draw_times(panels: Sequence[Panel], path: str | os.PathLike[str]) -> None:
    """Write a picture with one bar per method; extrapolated times are lighter, behind the measured ones.

    Raises as :func:`~qabwnas.report.picture.picture`.
    """
    heights = [FRAME_INCHES + BAR_INCHES * len(panel.bars) for panel in panels]
    with picture(path, WIDTH_INCHES, sum(heights)) as figure:
        grid = figure.subplots(len(panels), 1, squeeze=False, sharex=True, height_ratios=heights)
        for axes, panel in zip(grid[:, 0], panels, strict=True):
            _draw_panel(axes, panel)
        bars = [bar for panel in panels for bar in panel.bars]
        shortest, longest = min(bar.seconds for bar in bars) / 3, max(bar.end for bar in bars)
        grid[-1, 0].set_xlim(shortest, longest * (longest / shortest) ** ROOM_FOR_REMARKS)
        grid[-1, 0].set_xlabel("seconds")


def _draw_panel(axes: Axes, panel: Panel) -> None:
    for at, bar in enumerate(panel.bars):
        colour = OURS if bar.is_ours else OTHERS
        if bar.extrapolated_seconds is not None:
            axes.barh(at, bar.extrapolated_seconds, color=colour, alpha=0.25)
        axes.barh(at, bar.seconds, color=colour)
        axes.annotate(bar.remark, (bar.end, at), (4, 0), textcoords="offset points", va="center", fontsize=8)
    axes.set_xscale("log")
    axes.set_yticks(range(len(panel.bars)), [bar.name for bar in panel.bars])
    axes.invert_yaxis()
    axes.set_title(panel.title, fontsize=9, loc="left")
    axes.grid(axis="x", alpha=0.25)
    axes.set_axisbelow(True)


def draw_latencies(series: Mapping[str, Pairs], path: str | os.PathLike[str]) -> None:
    """Write a picture with one panel per series, titled with its name and Kendall's tau-b.

    The line is where predicted and measured latency are equal. Raises as :func:`~qabwnas.report.picture.picture`.
    """
    with picture(path, PANEL_INCHES[0] * len(series), PANEL_INCHES[1]) as figure:
        panels = figure.subplots(1, len(series), squeeze=False)[0]
        for panel, (name, (predicted, measured)) in zip(panels, series.items(), strict=True):
            panel.scatter(predicted, measured, s=14, alpha=0.8)
            panel.axline((min(predicted), min(predicted)), slope=1, color="0.6", linewidth=0.8)
            panel.set_title(f"{name}: Kendall's τ {kendall_tau(predicted, measured):.3f}", fontsize="medium")
            panel.set_xlabel("predicted latency, ms")
            panel.set_ylabel("measured latency, ms")
            panel.grid(alpha=0.25)

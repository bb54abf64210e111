"""The times of methods as a picture with a logarithmic scale."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from qabwnas.report.picture import picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH_INCHES, BAR_INCHES, FRAME_INCHES = 9.0, 0.34, 0.9
ROOM_FOR_REMARKS = 0.55
"""As a fraction of the decades that the bars take."""
OURS, OTHERS = "tab:blue", "tab:gray"


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

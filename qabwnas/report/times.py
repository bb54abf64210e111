"""How long methods took, as a picture with a logarithmic scale."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from qabwnas.errors import InputError
from qabwnas.io.atomic import atomic_path
from qabwnas.report.front import FORMATS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH_INCHES, BAR_INCHES, FRAME_INCHES = 9.0, 0.34, 0.9
ROOM_FOR_REMARKS = 0.55
"""As a share of the decades that bars take."""
OURS, OTHERS = "tab:blue", "tab:gray"


@dataclass(frozen=True)
class Bar:
    """One method: what it took, what it would have taken (or ``None``), what is said beside it, whether it is ours."""

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
    """Methods that did the same work."""

    title: str
    bars: Sequence[Bar]


def draw_times(panels: Sequence[Panel], path: str | os.PathLike[str]) -> None:
    """Write a picture with a bar a method; the suffix of ``path`` says in which format.

    What was extrapolated is drawn lighter, behind what was measured.

    Raises:
        InputError: the format is none of ``FORMATS``.
        OSError: the file cannot be written.
    """
    from matplotlib.figure import Figure

    if Path(path).suffix not in FORMATS:
        raise InputError(f"{os.fspath(path)}: pictures are written as {', '.join(FORMATS)}")
    heights = [FRAME_INCHES + BAR_INCHES * len(panel.bars) for panel in panels]
    figure = Figure(figsize=(WIDTH_INCHES, sum(heights)), layout="constrained")
    grid = figure.subplots(len(panels), 1, squeeze=False, sharex=True, height_ratios=heights)
    for axes, panel in zip(grid[:, 0], panels, strict=True):
        _draw_panel(axes, panel)
    bars = [bar for panel in panels for bar in panel.bars]
    shortest, longest = min(bar.seconds for bar in bars) / 3, max(bar.end for bar in bars)
    grid[-1, 0].set_xlim(shortest, longest * (longest / shortest) ** ROOM_FOR_REMARKS)
    grid[-1, 0].set_xlabel("seconds")
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=160)


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

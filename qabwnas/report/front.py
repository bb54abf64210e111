"""A front as a picture."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from qabwnas.errors import InputError
from qabwnas.report.picture import PANEL_INCHES, picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

THOUSAND = 1000
WIDE_RANGE = 8.0
"""An axis is logarithmic from this ratio of the largest to the smallest value."""

MANY_POINTS = 20_000


@dataclass(frozen=True)
class Mark:
    """A named network in the picture of a front: metric → total, for the metrics that are known."""

    name: str
    totals: Mapping[str, float]


def draw_front(
    columns: Mapping[str, NDArray[np.float64]], path: str | os.PathLike[str], marks: Sequence[Mark] = ()
) -> None:
    """Write a picture of a front, and mark other networks in it.

    The first metric is the objective; each other metric has a panel of its own. A front of two metrics is a staircase:
    for a budget between two points, the search returns the better one that fits. ``columns`` are float64
    ``(n_points,)`` each.

    Raises:
        InputError: there is no point, only one metric, or the format is unknown (:func:`picture`).
        OSError: the file cannot be written.
    """
    objective, *others = columns
    if not others or not len(columns[objective]):
        raise InputError("a picture needs a front of two metrics or more, and one point or more")
    with picture(path, PANEL_INCHES[0] * len(others), PANEL_INCHES[1]) as figure:
        for panel, other in zip(figure.subplots(1, len(others), squeeze=False)[0], others, strict=True):
            _draw_panel(panel, (other, columns[other]), (objective, columns[objective]), len(others) == 1, marks)


def _draw_panel(
    panel: Axes,
    x: tuple[str, NDArray[np.float64]],
    y: tuple[str, NDArray[np.float64]],
    is_staircase: bool,
    marks: Sequence[Mark],
) -> None:
    order = np.argsort(x[1], kind="stable")
    label = f"front, {len(order)} points"
    if is_staircase:
        panel.step(
            x[1][order], y[1][order], ".-", where="post", linewidth=1.0, markersize=3, color="tab:blue", label=label
        )
    else:
        panel.scatter(x[1], y[1], s=4, linewidths=0, color="tab:blue", label=label, rasterized=True)
    across, up = [x[1]], [y[1]]
    for number, mark in enumerate(marks, start=1):
        if x[0] in mark.totals and y[0] in mark.totals:
            across.append(np.array([mark.totals[x[0]]]))
            up.append(np.array([mark.totals[y[0]]]))
            panel.plot(across[-1], up[-1], "o", color=f"C{number}", markersize=6, label=mark.name)
    if _is_wide(np.concatenate(across)):
        panel.set_xscale("log")
    if _is_wide(np.concatenate(up)):
        panel.set_yscale("log")
    for axis in (panel.xaxis, panel.yaxis):
        _label(axis)
    panel.set_xlabel(x[0])
    panel.set_ylabel(y[0])
    panel.grid(which="both", alpha=0.25)
    # Of very many points the best place is slow to find; a front curves away from the upper right corner.
    panel.legend(fontsize="small", loc="upper right" if len(order) > MANY_POINTS else "best")


def _label(axis: Axis) -> None:
    """Label an axis with plain numbers: ``20 k`` if they are large, ``0.2`` if they are small."""
    from matplotlib.ticker import EngFormatter, LogLocator, NullFormatter, StrMethodFormatter

    if axis.get_scale() == "log":
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.set_minor_formatter(NullFormatter())
    is_large = axis.get_view_interval()[1] >= THOUSAND
    axis.set_major_formatter(EngFormatter() if is_large else StrMethodFormatter("{x:g}"))


def _is_wide(values: NDArray[np.float64]) -> bool:
    return bool(0 < WIDE_RANGE * values.min() < values.max())

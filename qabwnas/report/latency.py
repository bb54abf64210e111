"""Predicted against measured latencies as a picture."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from qabwnas.report.kendall import kendall_tau
from qabwnas.report.picture import PANEL_INCHES, picture

Pairs = tuple[Sequence[float], Sequence[float]]
"""Predicted and measured milliseconds of the same networks."""


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

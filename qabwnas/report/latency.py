"""Predicted against measured latencies as a picture."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from qabwnas.errors import InputError
from qabwnas.io.atomic import atomic_path
from qabwnas.report.front import FORMATS, PANEL_INCHES
from qabwnas.report.kendall import kendall_tau

Pairs = tuple[Sequence[float], Sequence[float]]
"""Predicted and measured milliseconds of the same networks."""


def draw_latencies(series: Mapping[str, Pairs], path: str | os.PathLike[str]) -> None:
    """Write a picture with a panel for every series, which its name and Kendall's tau-b stand above.

    The line is where both are equal. The suffix of ``path`` says in which format.

    Raises:
        InputError: the format is none of ``FORMATS``.
        OSError: the file cannot be written.
    """
    from matplotlib.figure import Figure

    if Path(path).suffix not in FORMATS:
        raise InputError(f"{os.fspath(path)}: pictures are written as {', '.join(FORMATS)}")
    figure = Figure(figsize=(PANEL_INCHES[0] * len(series), PANEL_INCHES[1]), layout="constrained")
    for panel, (name, (predicted, measured)) in zip(
        figure.subplots(1, len(series), squeeze=False)[0], series.items(), strict=True
    ):
        panel.scatter(predicted, measured, s=14, alpha=0.8)
        panel.axline((min(predicted), min(predicted)), slope=1, color="0.6", linewidth=0.8)
        panel.set_title(f"{name}: Kendall's τ {kendall_tau(predicted, measured):.3f}", fontsize="medium")
        panel.set_xlabel("predicted latency, ms")
        panel.set_ylabel("measured latency, ms")
        panel.grid(alpha=0.25)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=160)

"""Final scores as a picture: against the size of encoder and whole model, and against the sum of NSRs."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from qabwnas.report.kendall import agreement
from qabwnas.report.picture import PANEL_INCHES, picture
from qabwnas.report.result import BUDGET, MIXED, TEACHER, Result, Results

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MEGABYTE = 1e6
MARKERS = {BUDGET: "o", MIXED: "D"}
PERCENT = 100


def draw_scores(results: Results, path: str | os.PathLike[str]) -> None:
    """Write a picture of three panels.

    Two panels show the score against the size of the encoder and of the whole model, one series per front, with the
    teacher at its bit widths. The third shows the score against the sum of NSRs, with Kendall's tau-b in its title.
    Bars are standard errors. Raises as :func:`~qabwnas.report.picture.picture`.
    """
    families = list(dict.fromkeys(row.family for row in results.networks if row.family != TEACHER))
    with picture(path, PANEL_INCHES[0] * 3, PANEL_INCHES[1]) as figure:
        encoder, whole, noise = figure.subplots(1, 3, sharey=True)
        for panel, x in ((encoder, _encoder_megabytes), (whole, _megabytes)):
            _draw_families(panel, results, families, x)
            _draw_teachers(panel, results, x)
        _draw_families(noise, results, families, lambda row: row.nsr)
        for panel, label in ((encoder, "encoder, MB"), (whole, "whole model, MB"), (noise, "sum of the blocks' NSRs")):
            panel.set_xlabel(label)
            panel.grid(alpha=0.25)
        encoder.set_ylabel(f"{results.score} on the test split, %")
        encoder.legend(fontsize="small")
        noise.set_title(_rank_text(results), fontsize="medium")


def _encoder_megabytes(row: Result) -> float:
    return row.encoder_bytes / MEGABYTE


def _megabytes(row: Result) -> float:
    return row.size_bytes / MEGABYTE


def _draw_families(panel: Axes, results: Results, families: list[str], x: Callable[[Result], float]) -> None:
    for number, family in enumerate(families):
        rows = sorted((row for row in results.networks if row.family == family), key=x)
        panel.errorbar(
            [x(row) for row in rows],
            [row.final_score * PERCENT for row in rows],
            [row.standard_error * PERCENT for row in rows],
            fmt=MARKERS.get(family, "s"),
            linestyle="none" if family == BUDGET else "-",
            color=f"C{number}",
            markersize=4,
            linewidth=1.0,
            elinewidth=0.6,
            label="under budgets" if family == BUDGET else f"{family} front",
        )


def _draw_teachers(panel: Axes, results: Results, x: Callable[[Result], float]) -> None:
    rows = [row for row in results.networks if row.family == TEACHER]
    sizes, scores = [x(row) for row in rows], [row.final_score * PERCENT for row in rows]
    panel.plot(sizes, scores, "*", color="black", markersize=8, label=TEACHER)
    for row, size, score in zip(rows, sizes, scores, strict=True):
        bits = row.name.removeprefix(f"{TEACHER} ")
        panel.annotate(bits, (size, score), (0, 6), textcoords="offset points", fontsize="x-small", ha="center")


def _rank_text(results: Results) -> str:
    found = results.found
    tau = agreement([row.nsr for row in found], [row.final_score for row in found])
    return f"Kendall's τ {tau:.2f} ({len(found)} networks; 1: lower NSR always has the higher score)"

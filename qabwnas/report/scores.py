"""Final scores as a picture: against the size of encoder and whole model, latencies, and the sum of NSRs."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from qabwnas.report.kendall import agreement
from qabwnas.report.picture import PANEL_INCHES, picture
from qabwnas.report.result import BUDGET, CONTROL, MIXED, NOT_FOUND, TEACHER, Result, Results

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MEGABYTE = 1e6
MARKERS = {BUDGET: "o", MIXED: "D"}
PERCENT = 100

X = Callable[[Result], float | None]
"""Where a network lies in a panel, ``None`` if that is not known."""


def draw_scores(results: Results, path: str | os.PathLike[str]) -> None:
    """Write a picture of three panels, and one per metric in :attr:`Results.columns`.

    The first two show the score against the size of the encoder and of the whole model, one series per front, with the
    teacher at its bit widths. One panel per metric shows the score against its total, of the networks whose total is
    known. The last shows the score against the sum of NSRs, with Kendall's tau-b in its title.
    Bars are standard errors. Raises as :func:`~qabwnas.report.picture.picture`.
    """
    families = list(dict.fromkeys(row.family for row in results.networks if row.family not in NOT_FOUND))
    axes: dict[str, X] = {"encoder, MB": _encoder_megabytes, "whole model, MB": _megabytes}
    axes |= {metric: partial(_total, metric) for metric in results.columns}
    with picture(path, PANEL_INCHES[0] * (len(axes) + 1), PANEL_INCHES[1]) as figure:
        encoder, *others, noise = figure.subplots(1, len(axes) + 1, sharey=True)
        for panel, (label, x) in zip((encoder, *others), axes.items(), strict=True):
            _draw_families(panel, results, families, x)
            _draw_teachers(panel, results, x)
            panel.set_xlabel(label)
        _draw_families(noise, results, families, lambda row: row.nsr)
        noise.set_xlabel("sum of the blocks' NSRs")
        for panel in (encoder, *others, noise):
            panel.grid(alpha=0.25)
        encoder.set_ylabel(f"{results.score} on the test split, %")
        encoder.legend(fontsize="small")
        noise.set_title(_rank_text(results), fontsize="medium")


def _encoder_megabytes(row: Result) -> float:
    return row.encoder_bytes / MEGABYTE


def _megabytes(row: Result) -> float:
    return row.size_bytes / MEGABYTE


def _total(metric: str, row: Result) -> float | None:
    return row.totals.get(metric)


def _known(results: Results, family: str, x: X) -> list[tuple[float, Result]]:
    """Return the networks of a family whose ``x`` is known, with it."""
    return [(place, row) for row in results.networks if row.family == family and (place := x(row)) is not None]


def _draw_families(panel: Axes, results: Results, families: list[str], x: X) -> None:
    for number, family in enumerate(families):
        known = sorted(_known(results, family, x), key=lambda each: each[0])
        rows = [row for _, row in known]
        panel.errorbar(
            [place for place, _ in known],
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


def _draw_teachers(panel: Axes, results: Results, x: X) -> None:
    """Draw the teacher at its bit widths, full, and the retrained teacher, hollow."""
    for family, face, label in ((TEACHER, "black", TEACHER), (CONTROL, "none", f"{TEACHER}, retrained")):
        known = _known(results, family, x)
        if not known:
            continue
        places, scores = [place for place, _ in known], [row.final_score * PERCENT for _, row in known]
        panel.plot(places, scores, "*", color="black", markerfacecolor=face, markersize=8, label=label)
        for (place, row), score in zip(known, scores, strict=True):
            bits = row.name.removeprefix(f"{TEACHER} ").split(",")[0]
            panel.annotate(bits, (place, score), (0, 6), textcoords="offset points", fontsize="x-small", ha="center")


def _rank_text(results: Results) -> str:
    found = results.found
    tau = agreement([row.nsr for row in found], [row.final_score for row in found])
    return f"Kendall's τ {tau:.2f} ({len(found)} networks; 1: lower NSR always has the higher score)"

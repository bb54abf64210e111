"""The results of a run as one text table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import zip_longest
from statistics import mean

from qabwnas.report.kendall import agreement
from qabwnas.report.result import (
    ADDED,
    BUDGET,
    CONTROL,
    ONE_SHOT,
    TEACHER,
    NothingFits,
    Result,
    Results,
    mean_and_deviation,
)
from qabwnas.space import BitWidths

NONE = "–"
FEWEST_TO_RANK = 5
"""Networks that Kendall's tau needs: with fewer, a perfect order is likely by chance."""


def results_table(results: Results) -> str:
    """Return the table with one row per network, and notes on the precision of the figures.

    Teachers, answers to budgets and added networks have one line per block, the second one with the network's name.
    Points of fronts have one line, because there are many.
    """
    head = headings(results)
    lines = [head]
    for row in results.rows:
        lines += _row(row, results, len(head) - 2)
    widths = [max(len(line[c]) for line in lines) for c in range(len(head))]
    rule = "  ".join("─" * width for width in widths)
    return "\n".join([_join(head, widths), rule, *(_join(line, widths) for line in lines[1:]), "", footnote(results)])


def headings(results: Results) -> list[str]:
    """Return the names of the columns: the network, its :func:`figures`, and its blocks."""
    scores = [results.score, "quantised", *(["QAT"] if _has_qat(results) else [])]
    scores += [f"vs {short_name(name)}" for name in results.references]
    return ["network", "encoder", "whole", *results.columns, "NSR", *scores, "blocks"]


def figures(row: Result, results: Results) -> list[str]:
    """Return sizes, totals, NSR, scores and differences of a network as texts."""
    texts = [size_text(row.encoder_bytes), size_text(row.size_bytes)]
    texts += [f"{row.totals[metric]:.4g}" if metric in row.totals else NONE for metric in results.columns]
    texts.append(nsr_text(row.nsr) if row.widths and row.nsrs else NONE)
    texts += [scores_text(row.scores_before), scores_text(row.scores_after)]
    if _has_qat(results):
        texts.append(scores_text(row.scores_qat))
    return texts + [difference_text(row.differences.get(name)) for name in results.references]


def _has_qat(results: Results) -> bool:
    return any(row.scores_qat for row in results.networks)


def nsr_text(nsr: float) -> str:
    """Return an NSR with three decimals, or with three digits where it is large."""
    return f"{nsr:.3f}" if nsr < 1000 else f"{nsr:.3g}"


def times_line(seconds: Mapping[str, float]) -> str:
    """Return the time of every stage, and the total."""
    stages = ", ".join(f"{name} {duration_text(value)}" for name, value in seconds.items())
    return f"Time: {stages}; together {duration_text(sum(seconds.values()))}."


def _row(row: Result | NothingFits, results: Results, n_figures: int) -> list[list[str]]:
    if isinstance(row, NothingFits):
        return [[row.name, *[NONE] * n_figures, f"no network fits; {row.needed}"]]
    if row.family not in (TEACHER, CONTROL, BUDGET, ADDED, *ONE_SHOT):
        return [[row.network or row.name, *figures(row, results), ""]]
    texts = row.blocks or [""] * len(row.nsrs)  # older versions wrote no text for the blocks of a module
    longest = max(map(len, texts))
    widths = row.widths or ["float"] * len(texts)
    blocks = [f"{text:<{longest}}  {width}".lstrip() for text, width in zip(texts, widths, strict=True)]
    names = [row.name, *([row.network] if row.network else [])]
    n_others = max(len(names), len(blocks)) - 1
    shown = [figures(row, results), *[[""] * n_figures] * n_others]
    return [[name, *texts, block] for name, texts, block in zip_longest(names, shown, blocks, fillvalue="")]


def size_text(n_bytes: float) -> str:
    """Return a size in MB or kB (powers of 1000)."""
    return f"{n_bytes / 1e6:.2f} MB" if n_bytes >= 1e6 else f"{n_bytes / 1e3:.1f} kB"


def scores_text(scores: Sequence[float]) -> str:
    """Return the mean of scores in per cent, and their standard deviation if there are several."""
    if not scores:
        return NONE
    average, deviation = mean_and_deviation(list(scores))
    return f"{average:.2%}" + (f" ±{deviation * 100:.2f}" if len(scores) > 1 else "")


def short_name(reference: str) -> str:
    """Return a short name for the head of a column: ``INT8``, ``control``, or the name of a found network."""
    if reference.endswith(", retrained"):
        return CONTROL
    return reference.removeprefix(f"{TEACHER} ")


def difference_text(difference: Sequence[float] | None) -> str:
    """Return a difference and its standard error, in points."""
    if difference is None:
        return NONE
    value, error = difference
    return f"{value * 100:+.2f} ±{error * 100:.2f}"


def _join(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = [
        cell.rjust(width) if 0 < column < len(cells) - 1 else cell.ljust(width)
        for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
    return "  ".join(padded).rstrip()


def footnote(results: Results) -> str:
    """Return notes on the precision of the table, one per line."""
    n_seeds = max((len(row.scores_before) for row in results.networks), default=0)
    retrained = f"found networks: mean ± standard deviation of {n_seeds} retrainings; " if n_seeds > 1 else ""
    lines = [f"{results.score} on {results.n_test} test images of {results.task}; {retrained}seed {results.seed}."]
    if results.networks:
        error = mean(row.standard_error for row in results.networks) * 100
        precision = f"a standard error of about {error:.2f} points"
        lines.append(f"On so many images one network's {results.score} has {precision}.")
    if results.references:
        compared = "; ".join(f"vs {short_name(name)}: above the final score of {name}" for name in results.references)
        lines.append(f"Points {compared}.")
        lines.append("± there is the standard error of the difference on the same test images, not over seeds.")
    if any(row.family == TEACHER and row.widths for row in results.networks):
        lines.append(_fixed_bits(results.fixed_bits))
    found = results.found
    if len(found) >= FEWEST_TO_RANK:
        tau = agreement([row.nsr for row in found], [row.final_score for row in found])
        lines.append(f"Kendall's τ between low NSR and high final {results.score}, {len(found)} networks: {tau:.2f}.")
    return "\n".join(lines)


def _fixed_bits(name: str | None) -> str:
    if name is None:
        return "Stem and head of quantised teachers have the bits of their blocks, those of networks found 8 bits."
    if (widths := BitWidths.parse(name)).is_float:
        return "Stem and head are float in all networks."
    bits = f"{widths.weights} bits" if widths.weights == widths.activations else widths.name
    return f"Stem and head have {bits} in all quantised networks."


def duration_text(seconds: float) -> str:
    """Return a time in seconds, minutes or hours."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, hours = seconds / 60, seconds / 3600
    return f"{minutes:.1f} min" if minutes < 60 else f"{hours:.1f} h"

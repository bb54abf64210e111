"""The results of a run as one text table."""

from __future__ import annotations

from collections.abc import Sequence

from qabwnas.report.result import NothingFits, Result, Results, mean_and_deviation, standard_error

NONE = "–"
RIGHT_ALIGNED = (1, 2, 3, 4)


def results_table(results: Results) -> str:
    """Return the table: a network a row, a line for each of its blocks, and what the figures are worth below."""
    head = ["network", "size", "NSR", results.score, "quantised", "blocks"]
    lines = [head]
    for row in results.rows:
        lines += _row(row)
    widths = [max(len(line[c]) for line in lines) for c in range(len(head))]
    rule = "  ".join("─" * width for width in widths)
    return "\n".join([_join(head, widths), rule, *(_join(line, widths) for line in lines[1:]), "", _footnote(results)])


def _row(row: Result | NothingFits) -> list[list[str]]:
    if isinstance(row, NothingFits):
        return [[row.name, NONE, NONE, NONE, NONE, f"no network fits; {row.needed}"]]
    figures = [f"{row.size_bytes / 1000:.1f} kB", f"{row.nsr:.3f}" if row.widths else NONE]
    first = [row.name, *figures, _scores(row.scores_before), _scores(row.scores_after)]
    operations = max(len(block) for block in row.blocks)
    widths = row.widths or ["float"] * len(row.blocks)
    blocks = [f"{block:<{operations}}  {width}" for block, width in zip(row.blocks, widths, strict=True)]
    return [[*(first if b == 0 else [""] * len(first)), block] for b, block in enumerate(blocks)]


def _scores(scores: Sequence[float]) -> str:
    if not scores:
        return NONE
    average, deviation = mean_and_deviation(list(scores))
    return f"{average:.2%}" + (f" ±{deviation * 100:.2f}" if len(scores) > 1 else "")


def _join(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = [
        cell.rjust(width) if column in RIGHT_ALIGNED else cell.ljust(width)
        for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
    return "  ".join(padded).rstrip()


def _footnote(results: Results) -> str:
    found = [row for row in results.rows if isinstance(row, Result)]
    n_seeds = max(len(row.scores_before) for row in found)
    error = standard_error(mean_and_deviation([s for row in found for s in row.scores_before])[0], results.n_test)
    retrained = f"found networks: mean ± standard deviation of {n_seeds} retrainings; " if n_seeds > 1 else ""
    return (
        f"{results.score} on {results.n_test} test images of {results.task}; {retrained}seed {results.seed}.\n"
        f"On so many images one network's {results.score} has a standard error of about {error * 100:.2f} points."
    )

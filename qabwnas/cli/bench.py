"""``qabwnas bench``: compare the exact search with its baselines on one LUT."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from qabwnas.cli.command import Command, require_extras
from qabwnas.cli.output import check_output, force_option
from qabwnas.io.file_kinds import PICTURE, TIMINGS

if TYPE_CHECKING:
    from qabwnas.bench.compare import Case, Entry
    from qabwnas.visualization.search_times import Bar

EXTRAPOLATED_SUBNETS = (1e14, 7e16)
YEAR = 365.25 * 24 * 3600


@click.command(name="bench", cls=Command)
@click.argument("lut_path", metavar="LUT.h5", type=click.Path(path_type=Path))
@click.option("--minimize", metavar="METRIC", help="The objective. Default: loss, or nsr if the LUT has no loss.")
@click.option(
    "--budget",
    "budgets",
    metavar="METRIC=VALUE",
    multiple=True,
    help="A budget, as for `qabwnas search`. Default: tight budgets (a fifth of the way from the smallest to the "
    "largest total), first on one cost, then on all costs.",
)
@click.option("--repeats", type=click.IntRange(min=1), default=5, show_default=True, help="Runs per method (median).")
@click.option(
    "--time-limit",
    type=click.FloatRange(min=0.01),
    default=10.0,
    show_default=True,
    help="Seconds after which a slow baseline is stopped.",
)
@click.option("--json", "json_path", metavar="FILE", type=click.Path(path_type=Path), help="Also write JSON.")
@click.option(
    "--plot",
    "plot_path",
    metavar="FILE.html",
    type=click.Path(path_type=Path),
    help="Also plot the times: .html, .png, .svg or .pdf.",
)
@force_option
def command(
    lut_path: Path,
    minimize: str | None,
    budgets: tuple[str, ...],
    repeats: int,
    time_limit: float,
    json_path: Path | None,
    plot_path: Path | None,
    force: bool,
) -> None:
    """Compare the exact search on LUT.h5 with traversals, solvers and heuristics: answers and times.

    Fails if exact methods disagree. The table says which baselines are not installed, cannot take the problem, or were
    stopped.
    """
    from qabwnas.bench.compare import compare
    from qabwnas.cli.budget_options import parse_upper_bounds
    from qabwnas.lut.lut import Lut

    if json_path is not None:
        check_output(json_path, force, TIMINGS, inputs=[lut_path])
    if plot_path is not None:
        check_output(plot_path, force, PICTURE, inputs=[lut_path], outputs=[json_path] if json_path else [])
    if plot_path is not None:
        require_extras("plot")
    lut = Lut.open(lut_path)
    cases = compare(
        lut,
        minimize=minimize,
        budgets=parse_upper_bounds(budgets, lut) if budgets else None,
        repeats=repeats,
        time_limit=time_limit,
        announce=lambda method: click.echo(f"{method} …", err=True),
    )
    click.echo("\n\n".join(as_text(case) for case in cases))
    if json_path is not None:
        _write_json(json_path, lut_path, cases)
    if plot_path is not None:
        from qabwnas.visualization.save import save_figure
        from qabwnas.visualization.search_times import Panel, plot_search_times

        save_figure(plot_search_times([Panel(_title(case), _bars(case)) for case in cases]), plot_path)


def as_text(case: Case) -> str:
    """Return the table of a case, one line per method; below it, the extrapolated time of brute force."""
    rows = [["method", "status", case.problem.metrics[0].name, "gap", "time", "× exact", "note"]]
    rows += [_cells(case, entry) for entry in case.entries]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        padded = (cell.ljust(w) if n in (0, 1, 6) else cell.rjust(w) for n, (cell, w) in enumerate(zip(row, widths)))  # noqa: B905
        lines.append("  ".join(padded).rstrip())
    return "\n".join([_title(case), *lines, *_extrapolation(case)])


def _title(case: Case) -> str:
    budgets = ", ".join(f"{name} ≤ {total:f}" for name, total in case.budget_totals.items())
    return f"smallest {case.problem.metrics[0].name} with {budgets}; {_n_subnets(case):.3g} networks"


def _n_subnets(case: Case) -> int:
    offsets: list[int] = case.problem.offsets.tolist()
    return math.prod(last - first for first, last in pairwise(offsets))


def _exact_seconds(case: Case) -> float:
    """Return the time of the first backend that ran."""
    return next(entry.result.seconds for entry in case.entries if entry.result is not None)


def _cells(case: Case, entry: Entry) -> list[str]:
    if entry.result is None:
        return [entry.method, "not run", "", "", "", "", entry.note]
    value, gap = case.value(entry.result), case.gap(entry.result)
    return [
        entry.method,
        entry.result.status,
        "" if value is None else f"{value:f}",
        "" if gap is None else f"{gap:.2%}",
        _duration(entry.result.seconds),
        f"{entry.result.seconds / _exact_seconds(case):,.3g}",
        entry.note,
    ]


def _extrapolation(case: Case) -> list[str]:
    for entry in case.entries:
        if entry.result is not None and entry.full_seconds is not None:
            rate = entry.result.evaluations / entry.result.seconds
            sizes = [*EXTRAPOLATED_SUBNETS, _n_subnets(case)]
            times = ", ".join(f"{size:.3g} networks in {_duration(size / rate)}" for size in sizes)
            return [f"{entry.method}: {rate:.3g} networks per second; extrapolated, not measured: {times}"]
    return []


def _duration(seconds: float) -> str:
    for unit, text in ((YEAR, "years"), (24 * 3600, "days"), (3600, "h"), (1, "s"), (1e-3, "ms")):
        if seconds >= unit:
            return f"{seconds / unit:,.3g} {text}"
    return f"{seconds * 1e6:.3g} µs"


def _bars(case: Case) -> list[Bar]:
    from qabwnas.visualization.search_times import Bar

    bars = []
    for entry in case.entries:
        if entry.result is None:
            continue
        is_exact = entry.method.startswith("exact")
        bars.append(Bar(entry.method, entry.result.seconds, entry.full_seconds, _remark(case, entry), is_exact))
    return bars


def _remark(case: Case, entry: Entry) -> str:
    """Return the label of a bar: the time, and the gap to the optimum if there is one."""
    assert entry.result is not None
    words = [_duration(entry.result.seconds)]
    if entry.full_seconds is not None:
        return f"{words[0]} of about {_duration(entry.full_seconds)} (extrapolated)"
    if entry.note:
        words.append(entry.note.split(" after")[0])
    gap = case.gap(entry.result)
    if gap:
        words.append(f"{gap:.1%} above the best")
    elif gap is None and case.optimum is not None:
        words.append("nothing found")
    return ", ".join(words)


def _write_json(path: Path, lut_path: Path, cases: tuple[Case, ...]) -> None:
    from qabwnas.bench.machine import describe_machine
    from qabwnas.cli.exact_json import dumps
    from qabwnas.io.atomic import atomic_path

    content = {"lut": lut_path.name, "machine": describe_machine(), "cases": [_case_json(case) for case in cases]}
    with atomic_path(path) as temporary:
        temporary.write_text(dumps(content) + "\n", encoding="utf-8")


def _case_json(case: Case) -> dict[str, Any]:
    methods = []
    for entry in case.entries:
        fields: dict[str, Any] = {"method": entry.method, "kind": entry.kind, "note": entry.note}
        if entry.result is not None:
            gap = case.gap(entry.result)
            fields |= {
                "status": entry.result.status,
                "value": case.value(entry.result),
                "gap": gap if gap is None or math.isfinite(gap) else None,
                "seconds": entry.result.seconds,
                "times_exact": entry.result.seconds / _exact_seconds(case),
                "evaluations": entry.result.evaluations,
                "choice": None if entry.result.choice is None else entry.result.choice.tolist(),
                "extrapolated_seconds": entry.full_seconds,
            }
        methods.append(fields)
    return {
        "minimize": case.problem.metrics[0].name,
        "budgets": case.budget_totals,
        "networks": _n_subnets(case),
        "methods": methods,
    }

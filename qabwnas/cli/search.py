"""``qabwnas search``: find the best subnets of a LUT within budgets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import click

from qabwnas.cli.command import Command
from qabwnas.cli.completion import complete_metrics
from qabwnas.cli.lut_source import open_lut
from qabwnas.cli.scope_options import parse_scope, scope_options
from qabwnas.errors import InputError

if TYPE_CHECKING:
    from qabwnas.cli.margins import Margin
    from qabwnas.lut.lut import Lut
    from qabwnas.search import Answer, SearchResult
    from qabwnas.search.engine.strategy import Method
    from qabwnas.search.explain import BudgetEffect, Explanation

NOTHING_FITS = 3
MIN_SECONDS = 1e-6
"""The time limit of an explanation after a search that used all of the time."""


@click.command(name="search", cls=Command)
@click.argument("lut_path", metavar="(LUT.h5|TABLE.csv)", type=click.Path(path_type=Path))
@click.option(
    "--minimize",
    metavar="METRIC",
    shell_complete=complete_metrics,
    help="The objective; by default 'loss', or 'nsr' if there is no loss.",
)
@click.option(
    "--budget",
    "budgets",
    metavar="METRIC=VALUE",
    multiple=True,
    shell_complete=complete_metrics,
    help="An inclusive upper bound on the total of a metric; repeat it for other metrics. The value may have a unit if "
    "the name of the metric states one: size_bytes=1.5MB.",
)
@click.option(
    "--margin",
    "margin_texts",
    metavar="METRIC=5%",
    multiple=True,
    shell_complete=complete_metrics,
    help="Divide the budget of a metric by 1.05 for the search, because the metric is predicted, not measured.",
)
@click.option(
    "--top", type=click.IntRange(min=1), default=1, show_default=True, help="The number of answers, best first."
)
@scope_options
@click.option(
    "--min-distance",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="The minimum Hamming distance between answers: in how many blocks they must differ.",
)
@click.option(
    "--method",
    type=click.Choice(["auto", "front", "direct"]),
    default="auto",
    show_default=True,
    help="Search directly, or build the front within the budgets, which gives one answer.",
)
@click.option(
    "--time-limit",
    type=float,
    metavar="SECONDS",
    help="Stop the direct search after this time, and print the best answers so far.",
)
@click.option("--node-limit", type=click.IntRange(min=1), help="Stop the direct search after so many partial subnets.")
@click.option(
    "--explain",
    "with_reasons",
    is_flag=True,
    help="Also print which budgets bind, and what a larger budget would improve.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON; totals are exact decimals.")
def command(
    lut_path: Path,
    minimize: str | None,
    budgets: tuple[str, ...],
    margin_texts: tuple[str, ...],
    top: int,
    bits: tuple[str, ...],
    pin: tuple[str, ...],
    forbid: tuple[str, ...],
    weights: tuple[str, ...],
    weight_file: Path | None,
    min_distance: int,
    method: Method,
    time_limit: float | None,
    node_limit: int | None,
    with_reasons: bool,
    as_json: bool,
) -> None:
    """Find the best subnets of LUT.h5 within budgets, and prove that they are the best.

    TABLE.csv (or .csv.gz, .parquet) is imported in memory, as by `qabwnas lut import` without options.

    If no subnet fits, exits with 3 and prints the smallest budgets that would fit. If a limit stops the search, exits
    with 0 and prints how far the answer may be from the best, or exits with 1 if there is no answer yet.
    """
    from qabwnas.search import search

    lut = open_lut(lut_path)
    bounds, scope = parse_budgets(budgets, lut), parse_scope(bits, pin, forbid, weights, weight_file)
    margins: tuple[Margin, ...] = ()
    if margin_texts:
        from qabwnas.cli.margins import parse_margins

        margins = parse_margins(margin_texts, bounds)
        bounds |= {margin.metric: margin.searched for margin in margins}
    result = search(
        lut,
        minimize=minimize,
        budgets=bounds,
        top=top,
        scope=scope,
        min_distance=min_distance,
        method=method,
        time_limit=time_limit,
        node_limit=node_limit,
    )
    explanation = None
    if with_reasons and result.status == "optimal":  # an unproved answer cannot be explained
        from qabwnas.search.explain import explain

        seconds_left = None if time_limit is None else max(time_limit - result.seconds, MIN_SECONDS)
        explanation = explain(
            lut, minimize=minimize, budgets=bounds, scope=scope, time_limit=seconds_left, node_limit=node_limit
        )
    if as_json:
        from qabwnas.cli.exact_json import dumps

        click.echo(dumps(result_content(result, bounds, explanation, margins)))
    else:
        _print_result(lut, result, margins)
        if explanation is not None:
            _print_reasons(explanation, bounds)
    if result.status == "infeasible":
        _explain_infeasible(result, margins)
        raise click.exceptions.Exit(NOTHING_FITS)
    if result.status == "unknown":
        raise InputError(f"no subnet was found within the limits; none has {result.minimized} below {result.bound:f}")


def _print_result(lut: Lut, result: SearchResult, margins: tuple[Margin, ...]) -> None:
    click.echo(_headline(result))
    for margin in margins:
        click.echo(margin.as_text())
    for rank, answer in enumerate(result.answers, start=1):
        click.echo(_as_text(lut, rank, answer, result.minimized))


def parse_budgets(texts: tuple[str, ...], lut: Lut) -> dict[str, Decimal]:
    """Return metric → bound of ``METRIC=VALUE`` texts.

    Raises:
        click.UsageError: a text has another form, or a metric is given twice.
        InputError: the LUT has no such metric, or a value is not a quantity of the metric.
    """
    from qabwnas.lut.units import parse_quantity

    budgets: dict[str, Decimal] = {}
    for text in texts:
        name, equals, value = text.rpartition("=")
        if not equals or not name:
            raise click.UsageError(f"--budget {text!r} is not of the form METRIC=VALUE")
        if name in budgets:
            raise click.UsageError(f"--budget {name!r} is given twice")
        lut.metric(name)  # first, because a mistyped name has no unit
        budgets[name] = parse_quantity(value, name)
    return budgets


def result_content(
    result: SearchResult,
    budgets: Mapping[str, Decimal],
    explanation: Explanation | None,
    margins: tuple[Margin, ...],
) -> dict[str, object]:
    """Return what ``search --json`` and ``session`` write, with exact decimals."""
    content: dict[str, object] = {
        "status": result.status,
        "minimized": result.minimized,
        "method": result.method,
        "backend": result.backend,
        "seconds": result.seconds,
        "bound": result.bound,
        "gap": result.gap,
        "answers": [
            {"objective": answer.objective, "totals": answer.totals, "choice": answer.choice}
            for answer in result.answers
        ],
    }
    if result.status == "infeasible":
        content["smallest"] = result.smallest
    if margins:
        content["margins"] = {margin.metric: margin.as_json() for margin in margins}
    effects = {} if explanation is None else {each.metric: _effect_as_json(each) for each in explanation.effects}
    if budgets:
        content["budgets"] = {metric: effects.get(metric, {"budget": bound}) for metric, bound in budgets.items()}
    return content


def _effect_as_json(effect: BudgetEffect) -> dict[str, object]:
    return {"binds": effect.binds} | {name: value for name, value in vars(effect).items() if name != "metric"}


def _headline(result: SearchResult) -> str:
    """Return the status, how it was found, and, if a limit stopped the search, the bound on the best."""
    line = f"{result.status} ({result.method}, {result.backend}, {result.seconds * 1e3:.1f} ms)"
    if result.status == "feasible":
        line += f": no subnet has {result.minimized} below {result.bound:f}"
        if result.gap is not None:
            line += f", a gap of {result.gap:f}"
    return line


def _as_text(lut: Lut, rank: int, answer: Answer, minimized: str) -> str:
    totals = answer.totals if minimized in answer.totals else {minimized: answer.objective} | answer.totals
    lines = [f"#{rank}  " + "  ".join(f"{name} {total:f}" for name, total in totals.items())]
    names = max(len(name) for name in answer.choice)
    numbers = max(len(str(candidate)) for candidate in answer.choice.values())
    for name, candidate in answer.choice.items():
        lines.append(f"    {name:<{names}}  {candidate:>{numbers}}  {lut.describe(name, candidate)}")
    return "\n".join(lines)


def _print_reasons(explanation: Explanation, budgets: Iterable[str]) -> None:
    effects = {effect.metric: effect for effect in explanation.effects}
    for name in budgets:
        if name in effects:
            click.echo(_effect_as_text(effects[name], explanation.minimized))
        else:
            click.echo(f"budget {name}: its effect was not proved within the limits")


def _effect_as_text(effect: BudgetEffect, minimized: str) -> str:
    budget = f"budget {effect.metric} {effect.budget:f}, {effect.slack:f} unused"
    if effect.next_budget is None:
        return f"{budget}: does not bind"
    return (
        f"{budget}: binds; with {effect.next_budget:f} ({effect.growth:f} more) {minimized} is "
        f"{effect.next_objective:f} ({effect.gain:f} less)"
    )


def _explain_infeasible(result: SearchResult, margins: tuple[Margin, ...]) -> None:
    wider = {margin.metric: margin for margin in margins}
    for name, smallest in result.smallest.items():
        if smallest is not None:
            under = " under the other budgets" if len(result.smallest) > 1 else ""
            needed = f", which needs a budget of {wider[name].budget_for(smallest):f}" if name in wider else ""
            click.echo(f"no subnet fits: the smallest {name}{under} is {smallest:f}{needed}", err=True)
        else:
            click.echo(f"no subnet fits: the other budgets exclude every subnet, for any {name}", err=True)

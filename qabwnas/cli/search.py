"""``qabwnas search``: find the best subnets of a LUT within budgets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import click

from qabwnas.cli.command import Command
from qabwnas.cli.completion import complete_metrics
from qabwnas.cli.request_options import maximize_option, reference_option
from qabwnas.cli.scope_options import parse_scope, scope_options
from qabwnas.errors import InputError
from qabwnas.lut.importers.source import open_lut

if TYPE_CHECKING:
    from qabwnas.cli.margins import Margin
    from qabwnas.lut.lut import Lut
    from qabwnas.search import Answer, SearchResult
    from qabwnas.search.arguments import Budget
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
@maximize_option
@click.option(
    "--budget",
    "budgets",
    metavar="METRIC=VALUE",
    multiple=True,
    shell_complete=complete_metrics,
    help="An inclusive upper bound on the total of a metric; repeat it for other metrics. The value may have a unit if "
    "the name of the metric states one: size_bytes=1.5MB. METRIC>=VALUE is a lower bound, METRIC=LOW:HIGH a range, "
    "METRIC==VALUE both bounds at once, METRIC=60% a share of the largest total, METRIC+METRIC<=VALUE one budget on a "
    "sum of metrics.",
)
@reference_option
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
    maximize: str | None,
    budgets: tuple[str, ...],
    reference: str | None,
    margin_texts: tuple[str, ...],
    top: int,
    bits: tuple[str, ...],
    pin: tuple[str, ...],
    forbid: tuple[str, ...],
    weights: tuple[str, ...],
    weight_file: Path | None,
    skip_unmeasured: bool,
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
    bounds = parse_budgets(budgets, lut, reference)
    scope = parse_scope(bits, pin, forbid, weights, weight_file, skip_unmeasured)
    margins: tuple[Margin, ...] = ()
    if margin_texts:
        from qabwnas.cli.margins import parse_margins

        margins = parse_margins(margin_texts, _upper_bounds(bounds, lut))
        bounds |= {margin.metric: margin.searched for margin in margins}
    result = search(
        lut,
        minimize=minimize,
        maximize=maximize,
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
            lut,
            minimize=minimize,
            maximize=maximize,
            budgets=bounds,
            scope=scope,
            time_limit=seconds_left,
            node_limit=node_limit,
        )
    if as_json:
        from qabwnas.cli.exact_json import dumps

        click.echo(dumps(result_content(result, bounds, explanation, margins)))
    else:
        _print_result(lut, result, margins)
        if explanation is not None:
            _print_reasons(explanation, bounds, result.sense)
    if result.status == "infeasible":
        _explain_infeasible(result, margins)
        raise click.exceptions.Exit(NOTHING_FITS)
    if result.status == "unknown":
        raise InputError(
            f"no subnet was found within the limits; none has {result.minimized} "
            f"{'below' if result.sense == 'minimize' else 'above'} {result.bound:f}"
        )


def _print_result(lut: Lut, result: SearchResult, margins: tuple[Margin, ...]) -> None:
    click.echo(_headline(result))
    for margin in margins:
        click.echo(margin.as_text())
    for rank, answer in enumerate(result.answers, start=1):
        click.echo(_as_text(lut, rank, answer, result.minimized))


def parse_budgets(texts: tuple[str, ...], lut: Lut, reference: str | None = None) -> dict[str, Budget]:
    """Return budgets as :func:`qabwnas.search` takes them, from texts such as ``METRIC=VALUE`` and ``METRIC>=VALUE``.

    Raises:
        click.UsageError: a text has another form, or a metric is given twice.
        InputError: the LUT has no such metric, or a value is not a quantity of the metric, a range or a share.
    """
    from qabwnas.lut.units import parse_quantity
    from qabwnas.search.constraints.budgets import OPERATORS, subject_metrics

    budgets: dict[str, Budget] = {}
    is_share = False
    for text in texts:
        operator = next((each for each in OPERATORS if each in text), "=")
        name, equals, value = (part.strip() for part in text.rpartition(operator))
        if not equals or not name:
            raise click.UsageError(f"--budget {text!r} is not of the form METRIC=VALUE")
        metrics = subject_metrics(lut, name)  # first, because a mistyped name has no unit
        says_which = operator in (">=", "==") or any(metric.higher_is_better for metric in metrics)
        key = name + (operator if says_which and operator != "=" else "")
        if key in budgets:
            raise click.UsageError(f"--budget {key!r} is given twice")
        if ":" in value or "%" in value:
            budgets[key] = value if reference is None else _with_reference(value, reference)
            is_share |= budgets[key] != value or value.endswith("%")
        else:
            budgets[key] = parse_quantity(value, metrics[0].name)
    if reference is not None and not is_share:
        raise click.UsageError("--reference is for a --budget that is a share: METRIC=60%")
    return budgets


def _with_reference(value: str, reference: str) -> str:
    """Return a value, or both ends of a range, with a reference after each share that has none."""
    ends = (f"{end} of {reference}" if end.rstrip().endswith("%") else end for end in value.split(":"))
    return ":".join(ends)


def parse_upper_bounds(texts: tuple[str, ...], lut: Lut) -> dict[str, Decimal]:
    """Return metric → bound of ``METRIC=VALUE`` texts, for what takes no other budgets; raises like parse_budgets.

    Raises:
        click.UsageError: a budget is not an upper bound on one metric.
    """
    budgets = parse_budgets(texts, lut)
    upper = _upper_bounds(budgets, lut)
    for key in budgets:
        if key not in upper:
            raise click.UsageError(f"--budget {key!r}: only upper bounds METRIC=VALUE on one metric can be used here")
    return upper


def _upper_bounds(budgets: Mapping[str, Budget], lut: Lut) -> dict[str, Decimal]:
    return {key: bound for key, bound in budgets.items() if key in lut.metric_names and isinstance(bound, Decimal)}


def result_content(
    result: SearchResult,
    budgets: Mapping[str, Budget],
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
        "answers": [answer_content(answer) for answer in result.answers],
    }
    if result.sense == "maximize":
        content["sense"] = result.sense
    if result.status == "infeasible":
        content["smallest"] = result.smallest
        if result.largest:
            content["largest"] = result.largest
    if margins:
        content["margins"] = {margin.metric: margin.as_json() for margin in margins}
    effects = () if explanation is None else explanation.effects
    if budgets:
        content["budgets"] = {
            key: _budget_as_json(bound, _effects_of(key, bound, effects)) for key, bound in budgets.items()
        }
    return content


def answer_content(answer: Answer) -> dict[str, object]:
    """Return one subnet as ``search --json`` and ``session`` write it."""
    return {"objective": answer.objective, "totals": answer.totals, "choice": answer.choice}


def _effects_of(key: str, bound: Budget, effects: Iterable[BudgetEffect]) -> list[BudgetEffect]:
    """Return the effects of a budget: of a range or an equality, one for each of its bounds."""
    from qabwnas.search.constraints.budgets import split_operator

    subject, operator = split_operator(key)
    is_range = isinstance(bound, tuple) or (isinstance(bound, str) and ":" in bound)
    senses = {"<=": ["at most"], ">=": ["at least"], "==": ["at most", "at least"]}[operator]
    senses = ["at most", "at least"] if is_range else senses
    name = "+".join(part.strip() for part in subject.split("+"))
    return [effect for effect in effects if effect.metric in (subject, name) and effect.sense in senses]


def _budget_as_json(bound: Budget, effects: list[BudgetEffect]) -> dict[str, object]:
    if len(effects) == 1:
        return _effect_as_json(effects[0])
    return {"budget": bound} | {effect.sense: _effect_as_json(effect) for effect in effects}


def _effect_as_json(effect: BudgetEffect) -> dict[str, object]:
    hidden = {"metric", "sense"} if effect.sense == "at most" else {"metric"}
    return {"binds": effect.binds} | {name: value for name, value in vars(effect).items() if name not in hidden}


def _headline(result: SearchResult) -> str:
    """Return the status, how it was found, and, if a limit stopped the search, the bound on the best."""
    line = f"{result.status} ({result.method}, {result.backend}, {result.seconds * 1e3:.1f} ms)"
    if result.status == "feasible":
        beyond = "below" if result.sense == "minimize" else "above"
        line += f": no subnet has {result.minimized} {beyond} {result.bound:f}"
        if result.gap is not None:
            line += f", a gap of {result.gap:f}"
    return line


def _as_text(lut: Lut, rank: int, answer: Answer, minimized: str) -> str:
    from qabwnas.search.presentation import shown_total

    totals = answer.totals if minimized in answer.totals else {minimized: answer.objective} | answer.totals
    lines = [f"#{rank}  " + "  ".join(f"{name} {shown_total(total)}" for name, total in totals.items())]
    names = max(len(name) for name in answer.choice)
    numbers = max(len(str(candidate)) for candidate in answer.choice.values())
    for name, candidate in answer.choice.items():
        lines.append(f"    {name:<{names}}  {candidate:>{numbers}}  {lut.describe(name, candidate)}")
    return "\n".join(lines)


def _print_reasons(explanation: Explanation, budgets: Mapping[str, Budget], sense: str) -> None:
    for key, bound in budgets.items():
        effects = _effects_of(key, bound, explanation.effects)
        for effect in effects:
            click.echo(_effect_as_text(effect, explanation.minimized, "less" if sense == "minimize" else "more"))
        if not effects:
            click.echo(f"budget {key}: its effect was not proved within the limits")


def _effect_as_text(effect: BudgetEffect, minimized: str, better: str) -> str:
    is_lower = effect.sense == "at least"
    budget = f"budget {effect.metric} {'at least ' if is_lower else ''}{effect.budget:f}, {effect.slack:f} unused"
    if effect.next_budget is None:
        return f"{budget}: does not bind"
    assert effect.growth is not None
    change = f"{-effect.growth:f} less" if is_lower else f"{effect.growth:f} more"
    return (
        f"{budget}: binds; with {effect.next_budget:f} ({change}) {minimized} is "
        f"{effect.next_objective:f} ({effect.gain:f} {better})"
    )


def _explain_infeasible(result: SearchResult, margins: tuple[Margin, ...]) -> None:
    wider = {margin.metric: margin for margin in margins}
    n_bounds = len(result.smallest) + len(result.largest)
    for name, largest in result.largest.items():
        if largest is not None:
            under = " under the other budgets" if n_bounds > 1 else ""
            click.echo(f"no subnet fits: the largest {name}{under} is {largest:f}", err=True)
        else:
            click.echo(f"no subnet fits: the other budgets exclude every subnet, for any {name}", err=True)
    if not n_bounds:
        click.echo("no subnet fits", err=True)
    for name, smallest in result.smallest.items():
        if smallest is not None:
            under = " under the other budgets" if n_bounds > 1 else ""
            needed = f", which needs a budget of {wider[name].budget_for(smallest):f}" if name in wider else ""
            click.echo(f"no subnet fits: the smallest {name}{under} is {smallest:f}{needed}", err=True)
        else:
            click.echo(f"no subnet fits: the other budgets exclude every subnet, for any {name}", err=True)

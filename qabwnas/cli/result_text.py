"""The result of a search as text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from qabwnas.cli.result_json import effects_of

if TYPE_CHECKING:
    from qabwnas.cli.margins import Margin
    from qabwnas.lut.lut import Lut
    from qabwnas.search import Answer, SearchResult
    from qabwnas.search.arguments import Budget
    from qabwnas.search.explain import BudgetEffect, Explanation


def print_result(lut: Lut, result: SearchResult, margins: tuple[Margin, ...]) -> None:
    """Print the status and every answer to stdout."""
    click.echo(_headline(result))
    for margin in margins:
        click.echo(margin.as_text())
    for rank, answer in enumerate(result.answers, start=1):
        click.echo(_as_text(lut, rank, answer, result.minimized))


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


def print_reasons(explanation: Explanation, budgets: Mapping[str, Budget], sense: str) -> None:
    """Print what each budget costs."""
    for key, bound in budgets.items():
        effects = effects_of(key, bound, explanation.effects)
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


def print_what_would_fit(result: SearchResult, margins: tuple[Margin, ...]) -> None:
    """Print to stderr which single budget could be changed, and to what, so that a subnet fits."""
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

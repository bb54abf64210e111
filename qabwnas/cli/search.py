"""``qabwnas search``: the best subnets of a LUT under budgets."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from qabwnas.lut.lut import Lut
    from qabwnas.search import Answer, SearchResult

NOTHING_FITS = 3


@click.command(name="search")
@click.argument("lut_path", metavar="LUT.h5", type=click.Path(path_type=Path))
@click.option("--minimize", metavar="METRIC", help="The objective; by default 'loss', or 'nsr' where there is no loss.")
@click.option(
    "--budget",
    "budgets",
    metavar="METRIC=VALUE",
    multiple=True,
    help="An upper bound on the total, inclusive; may be given for several metrics. A unit may follow where the "
    "metric's name states one: size_bytes=1.5MB.",
)
@click.option("--top", type=click.IntRange(min=1), default=1, show_default=True, help="How many answers, best first.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON; totals are exact decimals.")
def command(lut_path: Path, minimize: str | None, budgets: tuple[str, ...], top: int, as_json: bool) -> None:
    """Find the best subnets of LUT.h5 within budgets, and prove that they are the best.

    Exits with 3 where no subnet fits, naming the smallest budget that would.
    """
    from qabwnas.lut.lut import Lut
    from qabwnas.search import search

    lut = Lut.open(lut_path)
    result = search(lut, minimize=minimize, budgets=parse_budgets(budgets), top=top)
    if as_json:
        click.echo(_as_json(result))
    else:
        click.echo(f"{result.status} ({result.backend}, {result.seconds * 1e3:.1f} ms)")
        for rank, answer in enumerate(result.answers, start=1):
            click.echo(_as_text(lut, rank, answer))
    if result.status == "infeasible":
        _explain_infeasible(result)
        raise click.exceptions.Exit(NOTHING_FITS)


def parse_budgets(texts: tuple[str, ...]) -> dict[str, Decimal]:
    """Return metric → bound of ``METRIC=VALUE`` texts.

    Raises:
        click.UsageError: a text is of another form, or a metric is given twice.
        InputError: a value is not a quantity of its metric.
    """
    from qabwnas.lut.units import parse_quantity

    budgets: dict[str, Decimal] = {}
    for text in texts:
        name, equals, value = text.rpartition("=")
        if not equals or not name:
            raise click.UsageError(f"--budget {text!r} is not of the form METRIC=VALUE")
        if name in budgets:
            raise click.UsageError(f"--budget {name!r} is given twice")
        budgets[name] = parse_quantity(value, name)
    return budgets


def _as_json(result: SearchResult) -> str:
    from qabwnas.cli.exact_json import dumps

    content: dict[str, object] = {
        "status": result.status,
        "backend": result.backend,
        "seconds": result.seconds,
        "answers": [{"totals": answer.totals, "choice": answer.choice} for answer in result.answers],
    }
    if result.status == "infeasible":
        content["smallest"] = result.smallest
    return dumps(content)


def _as_text(lut: Lut, rank: int, answer: Answer) -> str:
    lines = [f"#{rank}  " + "  ".join(f"{name} {total:f}" for name, total in answer.totals.items())]
    names = max(len(name) for name in answer.choice)
    numbers = max(len(str(candidate)) for candidate in answer.choice.values())
    for name, candidate in answer.choice.items():
        lines.append(f"    {name:<{names}}  {candidate:>{numbers}}  {lut.describe(name, candidate)}")
    return "\n".join(lines)


def _explain_infeasible(result: SearchResult) -> None:
    for name, smallest in result.smallest.items():
        if smallest is not None:
            under = " under the other budgets" if len(result.smallest) > 1 else ""
            click.echo(f"no subnet fits: the smallest {name}{under} is {smallest:f}", err=True)
        else:
            click.echo(f"no subnet fits: the other budgets leave nothing, whatever {name} may be", err=True)

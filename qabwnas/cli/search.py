"""``qabwnas search``: find the best subnets of a LUT within budgets."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from qabwnas.cli.budget_options import parse_budgets, upper_bounds
from qabwnas.cli.command import Command
from qabwnas.cli.completion import complete_metrics
from qabwnas.cli.request_options import maximize_option, reference_option
from qabwnas.cli.result_json import result_content
from qabwnas.cli.result_text import print_reasons, print_result, print_what_would_fit
from qabwnas.cli.scope_options import parse_scope, scope_options
from qabwnas.errors import InputError
from qabwnas.lut.importers.source import open_lut

if TYPE_CHECKING:
    from qabwnas.cli.margins import Margin
    from qabwnas.search.engine.strategy import Method

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

    lut = open_lut(lut_path, for_command=True)
    bounds = parse_budgets(budgets, lut, reference)
    scope = parse_scope(bits, pin, forbid, weights, weight_file, skip_unmeasured)
    margins: tuple[Margin, ...] = ()
    if margin_texts:
        from qabwnas.cli.margins import parse_margins

        margins = parse_margins(margin_texts, upper_bounds(bounds, lut))
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
        print_result(lut, result, margins)
        if explanation is not None:
            print_reasons(explanation, bounds, result.sense)
    if result.status == "infeasible":
        print_what_would_fit(result, margins)
        raise click.exceptions.Exit(NOTHING_FITS)
    if result.status == "unknown":
        raise InputError(
            f"no subnet was found within the limits; none has {result.minimized} "
            f"{'below' if result.sense == 'minimize' else 'above'} {result.bound:f}"
        )

"""``qabwnas batch``: many budgets at once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from qabwnas.cli.output import check_output, force_option
from qabwnas.cli.scope_options import parse_scope, scope_options

if TYPE_CHECKING:
    from qabwnas.search.method import Method


@click.command(name="batch")
@click.argument("source_path", metavar="(LUT.h5|FRONT.h5)", type=click.Path(path_type=Path))
@click.argument("budgets_path", metavar="BUDGETS.(csv|parquet)", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    metavar="ANSWERS.(csv|parquet)",
    type=click.Path(path_type=Path),
    required=True,
    help="The answers.",
)
@click.option("--minimize", metavar="METRIC", help="The objective; by default the front's first metric, or 'loss'.")
@click.option(
    "--method",
    type=click.Choice(["auto", "front", "direct"]),
    default="auto",
    show_default=True,
    help="How a LUT is asked: by its front, built first, or by a search for each distinct row, which 'auto' does where "
    "the front is too large.",
)
@scope_options
@force_option
def command(
    source_path: Path,
    budgets_path: Path,
    output: Path,
    minimize: str | None,
    method: Method,
    bits: tuple[str, ...],
    pin: tuple[str, ...],
    forbid: tuple[str, ...],
    weights: tuple[str, ...],
    weight_file: Path | None,
    force: bool,
) -> None:
    """Answer every row of BUDGETS: a column a budgeted metric, an empty cell for no budget, units as in 1.5MB.

    ANSWERS has, in the same order, the status (optimal or infeasible), the exact totals, and a candidate a block. Both
    are CSV or Parquet, as their names end; Parquet needs the extra 'batch'. With --weight there is a column for the
    weighted objective, which is called so; budgets are never weighted.
    """
    from qabwnas.lut.lut import Lut
    from qabwnas.search import Frontier
    from qabwnas.search.batch import answer_batch
    from qabwnas.search.front_file import is_front

    check_output(output, force)
    source = Frontier.open(source_path) if is_front(source_path) else Lut.open(source_path)
    scope = parse_scope(bits, pin, forbid, weights, weight_file)
    result = answer_batch(source, budgets_path, output, minimize=minimize, scope=scope, method=method)
    n_infeasible = result.n_budgets - result.n_optimal
    click.echo(
        f"{result.n_budgets} budgets ({result.method}, {result.backend}): {result.n_optimal} optimal, "
        f"{n_infeasible} infeasible, written to {output}"
    )

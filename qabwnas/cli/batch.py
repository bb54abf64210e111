"""``qabwnas batch``: many budgets at once."""

from __future__ import annotations

from pathlib import Path

import click

from qabwnas.cli.output import check_output, force_option


@click.command(name="batch")
@click.argument("source_path", metavar="(LUT.h5|FRONT.h5)", type=click.Path(path_type=Path))
@click.argument("budgets_path", metavar="BUDGETS.csv", type=click.Path(path_type=Path))
@click.option("-o", "--output", metavar="ANSWERS.csv", type=click.Path(path_type=Path), required=True)
@click.option("--minimize", metavar="METRIC", help="The objective; by default the front's first metric, or 'loss'.")
@force_option
def command(source_path: Path, budgets_path: Path, output: Path, minimize: str | None, force: bool) -> None:
    """Answer every row of BUDGETS.csv: a column a budgeted metric, an empty cell for no budget.

    ANSWERS.csv has, in the same order, the status (optimal or infeasible), the totals, and a candidate a block.
    """
    from qabwnas.lut.lut import Lut
    from qabwnas.search import Frontier
    from qabwnas.search.batch import answer_batch
    from qabwnas.search.front_file import is_front

    check_output(output, force)
    source = Frontier.open(source_path) if is_front(source_path) else Lut.open(source_path)
    result = answer_batch(source, budgets_path, output, minimize=minimize)
    n_infeasible = result.n_budgets - result.n_optimal
    click.echo(
        f"{result.n_budgets} budgets ({result.backend}): {result.n_optimal} optimal, {n_infeasible} infeasible, "
        f"written to {output}"
    )

"""``qabwnas one-shot``: the baselines SPOS and FairNAS on the space of a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from qabwnas.cli.command import Command, require_extras
from qabwnas.cli.resource_options import make_resources, resource_options
from qabwnas.cli.search import NOTHING_FITS

if TYPE_CHECKING:
    from qabwnas.one_shot.training import Method


@click.command(name="one-shot", cls=Command)
@click.argument("run", metavar="RUN", type=click.Path(path_type=Path))
@click.option(
    "--method",
    type=click.Choice(["spos", "fairnas"]),
    required=True,
    help="SPOS (uniform paths, evolutionary search) or FairNAS (strict fairness, NSGA-II).",
)
@click.option(
    "--budget",
    "budgets",
    metavar="METRIC=VALUE",
    multiple=True,
    help="An upper bound on the total of a metric of RUN/lut.h5, such as size_bytes=80kB or size_bytes=50%; repeat it "
    "for other metrics of the same network. By default, each of RUN's budgets is answered.",
)
@click.option(
    "--steps",
    type=click.IntRange(min=1),
    help="Steps of the supernet's training. By default, as many as cost what RUN's distillation cost.",
)
@click.option(
    "--population", type=click.IntRange(min=2), default=50, show_default=True, help="Candidates per generation."
)
@click.option("--generations", type=click.IntRange(min=1), default=20, show_default=True, help="Generations.")
@click.option("--force", is_flag=True, help="Train the supernet again if its settings are others.")
@resource_options
def command(
    run: Path,
    method: Method,
    budgets: tuple[str, ...],
    steps: int | None,
    population: int,
    generations: int,
    force: bool,
    **resources: Any,
) -> None:
    """Search RUN's space by one-shot NAS, retrain the winners as RUN retrains its own networks, and add them to RUN.

    A supernet of the method is trained end to end on the labels. Candidates are scored by quantised accuracy on the
    validation split, with inherited weights. Prints the names of the winners; `qabwnas report RUN` scores them. Needs
    RUN/lut.h5, for the totals of budgets. Run the same command again after an interruption, or with other budgets: the
    supernet and all scores are kept.

    If no network of the space keeps the budgets, exits with 3 before anything is trained.
    """
    require_extras("train", *(["baselines"] if method == "fairnas" else []))
    from qabwnas.cli.stages import stage_environment
    from qabwnas.one_shot.evolution import Evolution
    from qabwnas.pipeline.one_shot import search_one_shot

    bounds = _budget_texts(budgets)
    usable = make_resources(**resources)
    evolution = Evolution(population, generations, parents=min(Evolution.parents, population))
    with stage_environment():
        answers = search_one_shot(run, method, bounds or None, usable, steps=steps, evolution=evolution, force=force)
    for name in dict.fromkeys(found.network for found in answers.winners):
        click.echo(name)
    for line in answers.nothing_fits:
        click.echo(line, err=True)
    if not answers.winners:
        raise click.exceptions.Exit(NOTHING_FITS)


def _budget_texts(texts: tuple[str, ...]) -> dict[str, str]:
    """Return metric → value as text; raises click.UsageError for another form, or a metric that is given twice."""
    budgets: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.rpartition("=")
        if not equals or not name or not value:
            raise click.UsageError(f"--budget {text!r} is not of the form METRIC=VALUE")
        if name in budgets:
            raise click.UsageError(f"--budget {name!r} is given twice")
        budgets[name] = value
    return budgets

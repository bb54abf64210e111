"""``qabwnas demo``: all stages once, small, on real data."""

from __future__ import annotations

from pathlib import Path

import click

from qabwnas.cli.command import Command, require_extras
from qabwnas.cli.output import force_option


@click.command(name="demo", cls=Command)
@click.option(
    "-o",
    "--output",
    "folder",
    metavar="FOLDER",
    type=click.Path(path_type=Path),
    default=Path("runs/demo"),
    show_default=True,
    help="The run folder; an existing run is continued.",
)
@click.option("--seed", type=click.IntRange(min=0), help="Seed of all random numbers.  [default: the configuration's]")
@force_option
def command(folder: Path, seed: int | None, force: bool) -> None:
    """Search networks for handwritten digits, from a teacher to a report on retrained and quantised networks.

    Takes minutes on two cores. A second call finds all stages done and takes seconds.
    """
    require_extras("train")
    from dataclasses import replace

    from qabwnas.cli.stages import run_and_report
    from qabwnas.pipeline.config.load import demo_config

    config = demo_config()
    run_and_report(config if seed is None else replace(config, seed=seed), folder, force=force)

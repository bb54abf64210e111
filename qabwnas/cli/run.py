"""``qabwnas run``: the stages of a configuration."""

from __future__ import annotations

from pathlib import Path

import click

from qabwnas.cli.extras import require_extras
from qabwnas.cli.output import force_option


@click.command(name="run")
@click.argument("config_path", metavar="CONFIG.yaml", type=click.Path(path_type=Path))
@click.option("--stage", metavar="NAME", help="Make this stage and those that it depends on, instead of all.")
@click.option(
    "-o",
    "--output",
    "folder",
    metavar="FOLDER",
    type=click.Path(path_type=Path),
    help="The run folder; a run that is there is continued.  [default: runs/ and the configuration's name]",
)
@force_option
def command(config_path: Path, stage: str | None, folder: Path | None, force: bool) -> None:
    """Run the stages of CONFIG.yaml that are not done: teacher, supernet, lut, front, answers, networks, report.

    A configuration that differs from that of finished stages is refused; with --force they are made again.
    """
    require_extras("train", "plot")
    from qabwnas.cli.stages import run_and_report
    from qabwnas.pipeline.config_yaml import load_config

    run_and_report(load_config(config_path), folder or Path("runs") / config_path.stem, until=stage, force=force)

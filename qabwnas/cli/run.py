"""``qabwnas run``: the stages of a configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from qabwnas.cli.command import Command
from qabwnas.cli.config_options import config_options, default_folder, read_config
from qabwnas.cli.extras import require_extras
from qabwnas.cli.output import force_option
from qabwnas.cli.resource_options import make_resources, resource_options


@click.command(name="run", cls=Command)
@config_options
@click.option("--stage", metavar="NAME", help="Make this stage and those that it depends on, instead of all.")
@click.option(
    "-o",
    "--output",
    "folder",
    metavar="FOLDER",
    type=click.Path(path_type=Path),
    help="The run folder; a run that is there is continued.  [default: runs/NAME, for NAME.yaml or NAME/config.yaml]",
)
@click.option(
    "--qat",
    is_flag=True,
    help="Train the found networks on at their bit widths, also where CONFIG.yaml has no networks.qat.",
)
@resource_options
@force_option
def command(
    config_path: Path,
    data: Path | None,
    smoke: bool,
    sample: int | None,
    stage: str | None,
    folder: Path | None,
    qat: bool,
    force: bool,
    **resources: Any,
) -> None:
    """Run the stages of CONFIG.yaml that are not done: data, teacher, supernet, lut, front, answers, networks, report.

    A configuration that differs from that of finished stages is refused; with --force they are made again.
    """
    require_extras("train", "plot")
    from dataclasses import replace

    from qabwnas.cli.stages import run_and_report

    config = read_config(config_path, data, smoke, sample)
    if qat:
        config = replace(config, networks=config.networks.with_qat())
    run_and_report(
        config,
        folder or default_folder(config_path, smoke),
        until=stage,
        force=force,
        resources=make_resources(**resources),
    )

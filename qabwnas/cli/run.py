"""``qabwnas run``: the stages of a configuration."""

from __future__ import annotations

from pathlib import Path

import click

from qabwnas.cli.extras import require_extras
from qabwnas.cli.output import force_option
from qabwnas.cli.resource_options import make_resources, resource_options


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
@click.option(
    "--data",
    metavar="FOLDER",
    type=click.Path(path_type=Path),
    help="Where the data are, instead of where CONFIG.yaml says.",
)
@click.option(
    "--shorten",
    metavar="N",
    type=click.IntRange(min=1),
    default=1,
    help="Divide all training steps, and the images to measure on, by N: to try whether a run works.",
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
    stage: str | None,
    folder: Path | None,
    data: Path | None,
    shorten: int,
    qat: bool,
    device: str,
    readers: int,
    force: bool,
) -> None:
    """Run the stages of CONFIG.yaml that are not done: data, teacher, supernet, lut, front, answers, networks, report.

    A configuration that differs from that of finished stages is refused; with --force they are made again.
    """
    require_extras("train", "plot")
    from dataclasses import replace

    from qabwnas.cli.stages import run_and_report
    from qabwnas.pipeline.config_yaml import load_config
    from qabwnas.pipeline.shorten import shortened

    config = load_config(config_path, data)
    if qat:
        config = replace(config, networks=config.networks.with_qat())
    config = shortened(config, shorten)
    run_and_report(
        config,
        folder or Path("runs") / config_path.stem,
        until=stage,
        force=force,
        resources=make_resources(device, readers),
    )

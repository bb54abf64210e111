"""``qabwnas run``: run the stages of a configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from qabwnas.cli.command import Command, require_extras
from qabwnas.cli.config_options import config_options, default_folder, read_config
from qabwnas.cli.output import force_option
from qabwnas.cli.resource_options import make_resources, resource_options


@click.command(name="run", cls=Command)
@config_options
@click.option("--stage", metavar="NAME", help="Run only this stage and the stages that it depends on.")
@click.option(
    "-o",
    "--output",
    "folder",
    metavar="FOLDER",
    type=click.Path(path_type=Path),
    help="The run folder; an existing run is continued.  [default: runs/NAME, for NAME.yaml or NAME/config.yaml]",
)
@click.option(
    "--qat",
    is_flag=True,
    help="Add quantisation-aware training of the found networks, even if CONFIG.yaml has no networks.qat.",
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

    With devices in CONFIG.yaml, a stage latency follows lut and adds their latencies to the LUT. If the configuration
    differs from that of finished stages, it is refused; with --force these stages are run again.
    """
    require_extras("train")
    from dataclasses import replace

    from qabwnas.cli.stages import run_and_report
    from qabwnas.pipeline.config.latency import MeasuredDevice

    config = read_config(config_path, data, smoke, sample)
    if any(isinstance(device, MeasuredDevice) for device in config.latency):
        require_extras("deploy")
    if qat:
        config = replace(config, networks=config.networks.with_qat())
    run_and_report(
        config,
        folder or default_folder(config_path, smoke),
        until=stage,
        force=force,
        resources=make_resources(**resources),
    )
    if smoke:
        click.echo("A smoke test: training, data and space were cut, so no value means anything.")

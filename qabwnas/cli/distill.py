"""``qabwnas distill``: train the supernet of a configuration, or some of its blocks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from qabwnas.cli.command import Command, require_extras
from qabwnas.cli.config_options import config_options, folder_option, read_config
from qabwnas.cli.output import force_option
from qabwnas.cli.resource_options import make_resources, resource_options
from qabwnas.errors import InputError


@click.command(name="distill", cls=Command)
@config_options
@folder_option
@click.option("--block", "blocks", metavar="NAME", multiple=True, help="Train only this block; may be repeated.")
@resource_options
@force_option
def command(
    config_path: Path,
    data: Path | None,
    smoke: bool,
    sample: int | None,
    folder: Path,
    blocks: tuple[str, ...],
    force: bool,
    **resources: Any,
) -> None:
    """Distil the teacher of CONFIG.yaml into the supernet FOLDER/supernet.pt. Run the stages that this needs first.

    With --workers or --ray, blocks are trained in parallel, as with `distill: independent` in CONFIG.yaml. On CPUs the
    result is the same. With --block, other calls can train other blocks; a call without --block then writes the
    supernet.
    """
    require_extras("train")
    from dataclasses import replace

    from qabwnas.cli.stages import run_and_report, stage_environment
    from qabwnas.pipeline.parts import distill_blocks
    from qabwnas.pipeline.stages import supernet

    config = read_config(config_path, data, smoke, sample)
    if resources["workers"] > 1 or resources["address"] is not None:
        if config.supernet.distill == "cached":
            raise InputError(
                "supernet.distill: cached feature maps stay in one process; several processes need 'independent'"
            )
        config = replace(config, supernet=replace(config.supernet, distill="independent"))
    usable = make_resources(**resources)
    if not blocks:
        run_and_report(config, folder, until=supernet.STAGE.name, force=force, resources=usable)
        return
    with stage_environment():
        distill_blocks(config, folder, blocks, usable, force=force)

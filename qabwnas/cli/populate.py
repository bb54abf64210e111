"""``qabwnas populate``: measure the look-up table of a configuration, or a part of it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import click

from qabwnas.cli.command import Command, require_extras
from qabwnas.cli.config_options import config_options, folder_option, read_config
from qabwnas.cli.output import force_option
from qabwnas.cli.resource_options import make_resources, resource_options


@click.command(name="populate", cls=Command)
@config_options
@folder_option
@click.option("--shard", metavar="I/N", help="Measure only part I of N, into FOLDER/lut-I-of-N.h5; see `lut merge`.")
@resource_options
@force_option
def command(
    config_path: Path,
    data: Path | None,
    smoke: bool,
    sample: int | None,
    folder: Path,
    shard: str | None,
    force: bool,
    **resources: Any,
) -> None:
    """Measure every candidate of CONFIG.yaml into FOLDER/lut.h5. Run the stages that this needs first.

    An interruption loses no finished shard. The table does not depend on the number of workers or on the memory limit.
    """
    part = None if shard is None else _parse_shard(shard)
    require_extras("train")
    from qabwnas.cli.stages import stage_environment
    from qabwnas.pipeline.parts import populate_part
    from qabwnas.pipeline.run import STAGES, run_stages
    from qabwnas.pipeline.stages import lut

    config = read_config(config_path, data, smoke, sample)
    usable = make_resources(**resources)
    with stage_environment():
        if part is None:
            run_stages(STAGES, config, folder, until=lut.STAGE.name, force=force, resources=usable)
            path = folder / lut.FILE_NAME
        else:
            path = populate_part(config, folder, *part, usable, force=force)
    click.echo(path)


def _parse_shard(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"([0-9]+)/([0-9]+)", text)
    if match is None or not 1 <= int(match[1]) <= int(match[2]):
        raise click.UsageError(f"--shard {text!r} is not I/N with I from 1 to N")
    return int(match[1]), int(match[2])

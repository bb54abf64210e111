"""``qabwnas populate``: the look-up table of a configuration, or a part of it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import click

from qabwnas.cli.command import Command
from qabwnas.cli.config_options import config_options, folder_option, read_config
from qabwnas.cli.extras import require_extras
from qabwnas.cli.output import force_option
from qabwnas.cli.resource_options import make_resources, resource_options


@click.command(name="populate", cls=Command)
@config_options
@folder_option
@click.option("--shard", metavar="I/N", help="Measure part I of N only, into FOLDER/lut-I-of-N.h5; see `lut merge`.")
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
    """Measure every candidate of CONFIG.yaml, after the stages that this needs: FOLDER/lut.h5.

    Finished shards stay when it is interrupted. The table is the same for every number of workers and every memory.
    """
    part = None if shard is None else _parse_shard(shard)
    require_extras("train")
    from qabwnas.cli.stages import populate

    config = read_config(config_path, data, smoke, sample)
    click.echo(populate(config, folder, part, make_resources(**resources), force=force))


def _parse_shard(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"([0-9]+)/([0-9]+)", text)
    if match is None or not 1 <= int(match[1]) <= int(match[2]):
        raise click.UsageError(f"--shard {text!r} is not of the form I/N with I of 1 to N")
    return int(match[1]), int(match[2])

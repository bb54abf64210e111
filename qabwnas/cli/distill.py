"""``qabwnas distill``: the supernet of a configuration, or some of its blocks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from qabwnas.cli.command import Command
from qabwnas.cli.config_options import config_options, folder_option, read_config
from qabwnas.cli.extras import require_extras
from qabwnas.cli.output import force_option
from qabwnas.cli.resource_options import make_resources, resource_options


@click.command(name="distill", cls=Command)
@config_options
@folder_option
@click.option("--block", "blocks", metavar="NAME", multiple=True, help="Train this block only; may be repeated.")
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
    """Distil the teacher of CONFIG.yaml into its supernet, after the stages that this needs: FOLDER/supernet.pt.

    With --workers or --ray, blocks are trained at the same time, as with `distill: independent` in CONFIG.yaml. On CPUs
    the result is the same. With --block, other calls can train other blocks; one without it then puts them together.
    """
    require_extras("train")
    from qabwnas.cli.stages import distill

    config = read_config(config_path, data, smoke, sample)
    apart = resources["workers"] > 1 or resources["address"] is not None
    distill(config, folder, blocks, make_resources(**resources), apart=apart, force=force)

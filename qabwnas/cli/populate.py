"""``qabwnas populate``: the look-up table of a configuration, in processes, on a Ray cluster, or a part of it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from qabwnas.cli.extras import require_extras
from qabwnas.cli.output import force_option

if TYPE_CHECKING:
    from qabwnas.pipeline.jobs import Engine


@click.command(name="populate")
@click.argument("config_path", metavar="CONFIG.yaml", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    "folder",
    metavar="FOLDER",
    type=click.Path(path_type=Path),
    required=True,
    help="The run folder; what is done there is not done again.",
)
@click.option(
    "--workers", type=click.IntRange(min=1), default=1, show_default=True, help="Processes, of one thread each."
)
@click.option(
    "--ray",
    "address",
    metavar="[ADDRESS]",
    is_flag=False,
    flag_value="",
    help="Work on the Ray cluster at ADDRESS, or on one that is started here.",
)
@click.option("--shard", metavar="I/N", help="Measure part I of N only, into FOLDER/lut-I-of-N.h5; see `lut merge`.")
@click.option("--max-memory", metavar="SIZE", help="What feature maps may take in each process, such as 4GB.")
@click.option("--device", metavar="DEVICE", default="cpu", show_default=True, help="cpu, cuda, cuda:1.")
@force_option
def command(
    config_path: Path,
    folder: Path,
    workers: int,
    address: str | None,
    shard: str | None,
    max_memory: str | None,
    device: str,
    force: bool,
) -> None:
    """Measure every candidate of CONFIG.yaml, after the stages that this needs: FOLDER/lut.h5.

    Finished shards stay when it is interrupted. The table is the same for every number of workers and every memory.
    """
    require_extras("train", *([] if address is None else ["ray"]))
    from qabwnas.cli.stages import progress_on_stderr
    from qabwnas.lut.units import parse_quantity
    from qabwnas.pipeline import lut
    from qabwnas.pipeline.config_yaml import load_config
    from qabwnas.pipeline.part import populate_part
    from qabwnas.pipeline.resources import Resources
    from qabwnas.pipeline.run import run_stages
    from qabwnas.pipeline.stages import STAGES

    part = None if shard is None else _parse_shard(shard)
    memory = None if max_memory is None else int(parse_quantity(max_memory, "max-memory_bytes"))
    resources = Resources(device=device, engine=_engine(workers, address, device), max_memory=memory)
    config = load_config(config_path)
    with progress_on_stderr():
        if part is None:
            run_stages(STAGES, config, folder, until=lut.STAGE.name, force=force, resources=resources)
            click.echo(folder / lut.FILE_NAME)
        else:
            click.echo(populate_part(config, folder, *part, resources, force=force))


def _engine(workers: int, address: str | None, device: str) -> Engine:
    from qabwnas.pipeline.on_ray import OnRay
    from qabwnas.pipeline.processes import Processes

    if address is None:
        return Processes(workers)
    return OnRay(address or None, uses_gpu=device.startswith("cuda"))


def _parse_shard(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"([0-9]+)/([0-9]+)", text)
    if match is None or not 1 <= int(match[1]) <= int(match[2]):
        raise click.UsageError(f"--shard {text!r} is not of the form I/N with I of 1 to N")
    return int(match[1]), int(match[2])

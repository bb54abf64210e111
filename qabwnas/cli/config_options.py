"""What commands take that work on a run: the configuration, and how it is changed for this run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from qabwnas.pipeline.config.config import Config

F = TypeVar("F", bound=Callable[..., Any])

_PARAMETERS = (
    click.argument("config_path", metavar="CONFIG.yaml", type=click.Path(path_type=Path)),
    click.option(
        "--data",
        metavar="FOLDER",
        type=click.Path(path_type=Path),
        help="Where the data are, instead of where CONFIG.yaml says.",
    ),
    click.option(
        "--smoke",
        is_flag=True,
        help="Try whether the run works, in a minute or two: 2 steps per training, 2 images to calibrate and to "
        "measure on, 2 operations per block, few and small scenes to draw. Results mean nothing.",
    ),
    click.option(
        "--sample",
        metavar="N",
        type=click.IntRange(min=1),
        help="Measure N rows a block, where the space has bit widths a layer, instead of what CONFIG.yaml says.",
    ),
)

folder_option = click.option(
    "-o",
    "--output",
    "folder",
    metavar="FOLDER",
    type=click.Path(path_type=Path),
    required=True,
    help="The run folder; what is done there is not done again.",
)


def config_options(command: F) -> F:
    """Add the parameters ``config_path``, ``data``, ``smoke`` and ``sample`` to a command."""
    for parameter in reversed(_PARAMETERS):
        command = parameter(command)
    return command


def read_config(config_path: Path, data: Path | None, smoke: bool, sample: int | None) -> Config:
    """Return the configuration that the parameters describe; raises InputError, which names each wrong field."""
    from qabwnas.pipeline.config.load import load_config
    from qabwnas.pipeline.config.smoke import smoke_config

    config = load_config(config_path, data, sample, draws=smoke)
    return smoke_config(config) if smoke else config


def default_folder(config_path: Path, smoke: bool) -> Path:
    """Return the run folder of a configuration: ``runs/`` and its name; a smoke test has a folder of its own.

    ``config.yaml``, as ``qabwnas init`` names it, says nothing, so its folder does.
    """
    name = config_path.absolute().parent.name if config_path.name == "config.yaml" else config_path.stem
    return Path("runs") / (f"{name}-smoke" if smoke else name)

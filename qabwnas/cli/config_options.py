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
        "--shorten",
        metavar="N",
        type=click.IntRange(min=1),
        default=1,
        help="Divide all training steps, and the images to measure on, by N: to try whether a run works.",
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
    """Add the parameters ``config_path``, ``data``, ``shorten`` and ``sample`` to a command."""
    for parameter in reversed(_PARAMETERS):
        command = parameter(command)
    return command


def read_config(config_path: Path, data: Path | None, shorten: int, sample: int | None) -> Config:
    """Return the configuration that the parameters stand for; raises InputError, which names the field."""
    from qabwnas.pipeline.config.config_yaml import load_config
    from qabwnas.pipeline.config.smoke import shortened

    return shortened(load_config(config_path, data, sample), shorten)

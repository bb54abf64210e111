"""The options of commands that train or measure: which device, how many processes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from qabwnas.errors import InputError

if TYPE_CHECKING:
    from qabwnas.pipeline.resources import Resources

F = TypeVar("F", bound=Callable[..., Any])

OPTIONS = (
    click.option(
        "--device",
        metavar="DEVICE",
        default="auto",
        show_default=True,
        help="Where networks run: cpu, cuda, cuda:1; auto takes cuda where there is one.",
    ),
    click.option(
        "--readers",
        type=click.IntRange(min=0),
        default=0,
        show_default=True,
        help="Processes that read and augment images; 0 reads where it is trained.",
    ),
)


def resource_options(command: F) -> F:
    """Add the options to a command, which gets them as ``device`` and ``readers``."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


def make_resources(device: str, readers: int) -> Resources:
    """Return the resources that the options stand for.

    Raises:
        InputError: there is no such device.
    """
    import torch

    from qabwnas.pipeline.resources import Resources

    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise InputError(f"--device {device}: cannot be used: {str(error).splitlines()[0]}") from error
    return Resources(device=device, n_readers=readers)

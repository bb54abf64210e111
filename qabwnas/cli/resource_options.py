"""The options of commands that train or measure: which device, how many processes, how much memory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from qabwnas.cli.extras import require_extras
from qabwnas.errors import InputError

if TYPE_CHECKING:
    from qabwnas.pipeline.execution.resources import Resources

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
    click.option(
        "--workers",
        type=click.IntRange(min=1),
        default=1,
        show_default=True,
        help="Processes for independent jobs, of one thread each.",
    ),
    click.option(
        "--ray",
        "address",
        metavar="[ADDRESS]",
        is_flag=False,
        flag_value="",
        help="Give jobs to the Ray cluster at ADDRESS instead, or to one that is started here.",
    ),
    click.option(
        "--logs",
        metavar="FOLDER",
        type=click.Path(path_type=Path),
        help="Write curves of trainings there, for TensorBoard.",
    ),
    click.option("--max-memory", metavar="SIZE", help="What feature maps may take in each process, such as 4GB."),
)


def resource_options(command: F) -> F:
    """Add the options to a command, which hands them on to :func:`make_resources`."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


def make_resources(
    device: str, readers: int, workers: int, address: str | None, max_memory: str | None, logs: Path | None
) -> Resources:
    """Return the resources that the options stand for.

    Raises:
        InputError: there is no such device, Ray or tensorboard is not installed, or the memory is no size.
    """
    require_extras(*([] if address is None else ["ray"]), *([] if logs is None else ["logs"]))
    import torch

    from qabwnas.lut.units import parse_quantity
    from qabwnas.pipeline.execution.on_ray import OnRay
    from qabwnas.pipeline.execution.processes import Processes
    from qabwnas.pipeline.execution.resources import Resources

    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise InputError(f"--device {device}: cannot be used: {str(error).splitlines()[0]}") from error
    memory = None if max_memory is None else int(parse_quantity(max_memory, "max-memory_bytes"))
    engine = Processes(workers) if address is None else OnRay(address or None, uses_gpu=device.startswith("cuda"))
    return Resources(device, engine, n_readers=readers, max_memory=memory, logs=logs)

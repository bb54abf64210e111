"""The options of commands that train or measure: device, processes, memory, logs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from qabwnas.cli.command import require_extras
from qabwnas.errors import InputError

if TYPE_CHECKING:
    from qabwnas.pipeline.execution.jobs import Resources

F = TypeVar("F", bound=Callable[..., Any])

OPTIONS = (
    click.option(
        "--device",
        metavar="DEVICE",
        default="auto",
        show_default=True,
        help="Where networks run: cpu, cuda, cuda:1; auto takes cuda if it is available.",
    ),
    click.option(
        "--num-workers",
        type=click.IntRange(min=0),
        default=0,
        show_default=True,
        help="Processes that read and augment images; with 0 the process that trains or measures does it.",
    ),
    click.option(
        "--workers",
        type=click.IntRange(min=1),
        default=1,
        show_default=True,
        help="Processes for independent jobs (blocks, shards, networks), with one thread each.",
    ),
    click.option(
        "--ray",
        "address",
        metavar="[ADDRESS]",
        is_flag=False,
        flag_value="",
        help="Run the jobs on the Ray cluster at ADDRESS; without ADDRESS, start a cluster on this machine.",
    ),
    click.option(
        "--logs",
        metavar="FOLDER",
        type=click.Path(path_type=Path),
        help="Write the curves of trainings to FOLDER, for TensorBoard.",
    ),
    click.option("--max-memory", metavar="SIZE", help="Memory limit for feature maps in each process, such as 4GB."),
)


def resource_options(command: F) -> F:
    """Add the options to a command, which passes them to :func:`make_resources`."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


def make_resources(
    device: str, num_workers: int, workers: int, address: str | None, max_memory: str | None, logs: Path | None
) -> Resources:
    """Return the resources that the options describe.

    Raises:
        InputError: the device does not exist, Ray or tensorboard is not installed, or the memory is not a size.
    """
    require_extras(*([] if address is None else ["ray"]), *([] if logs is None else ["logs"]))
    import torch

    from qabwnas.lut.units import parse_quantity
    from qabwnas.pipeline.execution.jobs import Resources
    from qabwnas.pipeline.execution.on_ray import OnRay
    from qabwnas.pipeline.execution.processes import Processes

    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise InputError(f"--device {device}: cannot be used: {str(error).splitlines()[0]}") from error
    memory = None if max_memory is None else int(parse_quantity(max_memory, "max-memory_bytes"))
    engine = Processes(workers) if address is None else OnRay(address or None, uses_gpu=device.startswith("cuda"))
    return Resources(device, engine, num_workers=num_workers, max_memory=memory, logs=logs)

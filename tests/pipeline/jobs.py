"""Jobs for the tests of engines: functions that other processes can import."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from qabwnas.errors import InputError


def write(path: Path, text: str) -> None:
    path.write_text(text)


def fail(message: str) -> None:
    raise InputError(message)


def write_environment(path: Path) -> None:
    import torch

    path.write_text(f"{os.environ.get('GLIBC_TUNABLES')} {torch.get_num_threads()} {os.getpid()}")


def die_once(marker: Path, path: Path) -> None:
    """Kill this process unless it was done before."""
    if not marker.exists():
        marker.write_text(str(os.getpid()))
        os.kill(os.getpid(), signal.SIGKILL)
    path.write_text(f"{marker.read_text()} {os.getpid()}")


def die(path: Path) -> None:
    path.write_text("tried")
    os.kill(os.getpid(), signal.SIGKILL)


def train_long(path: Path) -> None:
    """Train until a signal comes; write the file ``begun`` next to the checkpoint ``path`` in the sixth step."""
    import torch
    from torch import Tensor, nn

    from qabwnas.train.loop import train
    from qabwnas.train.settings import Training
    from qabwnas.train.trainer import Progress

    def loss(forward: nn.Module, _: int, step: int) -> Tensor:
        if step == 5:
            path.with_name("begun").touch()
        output: Tensor = forward(torch.ones(1, 2)).square().sum()
        return output

    train(nn.Linear(2, 1), loss, range, Training(10**9, 1, 1e-9), seed=0, name="long", progress=Progress(path, ""))


def sleep(path: Path) -> None:
    """Write the process's number, and never end."""
    path.write_text(str(os.getpid()))
    signal.pause()

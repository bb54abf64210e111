"""Logging of a training while it runs: a line from time to time, and curves for TensorBoard if requested."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any

from qabwnas.errors import InputError
from qabwnas.train.parallel import rank
from qabwnas.train.trainer import Trainer

logger = logging.getLogger(__name__)

N_LINES = 4
SECONDS_BETWEEN_LINES = 60.0
STEPS_BETWEEN_POINTS = 50


class TrainingLog(AbstractContextManager["TrainingLog"]):
    """Reports the progress of trainers that run side by side from step ``first`` to ``last``.

    A line comes at every quarter, and every minute in between: losses, steps per second and the remaining time. If a
    trainer's progress names a folder for logs, TensorBoard's events go there: loss, learning rate and steps per second.

    Raises:
        InputError: logs are requested, and tensorboard is not installed.
    """

    def __init__(self, name: str, trainers: Sequence[Trainer[Any]], first: int, last: int) -> None:
        self._name = name
        self._trainers = trainers
        self._first = first
        self._last = last
        self._start = self._last_line = time.monotonic()
        self._writers = [_writer(trainer.progress.logs, trainer.name, first) for trainer in trainers]

    def after(self, step: int) -> None:
        """Report a finished step, if a line or a point is due; losses are only read then."""
        if rank():
            return  # only the first of several processes reports
        done = step + 1
        now = time.monotonic()
        rate = (done - self._first) / max(now - self._start, 1e-9)
        if done % STEPS_BETWEEN_POINTS == 0 or done == self._last:
            self._point(done, rate)
        quarter = done * N_LINES // self._last > step * N_LINES // self._last
        if quarter or now - self._last_line >= SECONDS_BETWEEN_LINES:
            self._last_line = now
            losses = " ".join(f"{trainer.last_loss():.4g}" for trainer in self._trainers)
            left = duration((self._last - done) / rate)
            logger.info(
                "%s: step %d of %d, loss %s, %.3g steps/s, %s left", self._name, done, self._last, losses, rate, left
            )

    def _point(self, done: int, rate: float) -> None:
        for trainer, writer in zip(self._trainers, self._writers, strict=True):
            if writer is not None and done <= trainer.settings.steps:
                writer.add_scalar("loss", trainer.last_loss(), done)
                writer.add_scalar("learning rate", trainer.settings.learning_rate_at(done - 1), done)
                writer.add_scalar("steps per second", rate, done)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for writer in self._writers:
            if writer is not None:
                writer.close()


def check_logs() -> None:
    """Raise InputError if tensorboard is not installed; the message says how to install it."""
    if find_spec("tensorboard") is None:
        raise InputError("logs need tensorboard: pip install 'qabwnas[logs]'")


def duration(seconds: float) -> str:
    """Return a time as text, rounded up to its last unit: ``42 s``, ``12 min``, ``3 h 05 min``, ``2 d 04 h``."""
    whole = int(seconds + 0.999)
    if whole < 60:
        return f"{whole} s"
    minutes = -(-whole // 60)
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 24 * 60:
        return f"{minutes // 60} h {minutes % 60:02d} min"
    hours = -(-minutes // 60)
    return f"{hours // 24} d {hours % 24:02d} h"


def _writer(folder: Path | None, name: str, first: int) -> Any:
    if folder is None or rank():
        return None
    check_logs()
    from torch.utils.tensorboard import SummaryWriter  # an import of tensorboard

    # Points that a killed training wrote after its last checkpoint are written again, and shown once.
    return SummaryWriter(folder / name.replace(": ", "/"), purge_step=first + 1)

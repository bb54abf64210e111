"""Progress of a training while it runs, and curves for TensorBoard if requested."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from qabwnas.errors import InputError
from qabwnas.progress import Activity, activity
from qabwnas.train.parallel import rank
from qabwnas.train.trainer import Trainer

logger = logging.getLogger(__name__)

N_LINES = 4
N_SCORES = 10
"""How often a training is scored; always after its last step."""
STEPS_BETWEEN_POINTS = 50

Validation = Callable[[], tuple[str, float]]
"""Gives the name and the value of a score of the network in training. It changes nothing that the training reads."""


class TrainingLog:
    """Reports the progress of trainers that run side by side; opened by :func:`training_log`."""

    def __init__(
        self, shown: Activity | None, trainers: Sequence[Trainer[Any]], first: int, last: int, score: Validation | None
    ) -> None:
        self._activity = shown
        self._trainers = trainers
        self._first = first
        self._last = last
        self._score = score
        self._scored = ""
        self._start = time.monotonic()
        self._writers = [_writer(trainer.progress.logs, trainer.name, first) for trainer in trainers]

    def after(self, step: int) -> None:
        """Report a finished step, and score the network if this is due; losses are only read when they are shown."""
        if self._activity is None:
            return
        done = step + 1
        rate = (done - self._first) / max(time.monotonic() - self._start, 1e-9)
        if done % STEPS_BETWEEN_POINTS == 0 or done == self._last:
            self._point(done, rate)
        if self._score is not None and done * N_SCORES // self._last > step * N_SCORES // self._last:
            self._take_score(self._score, done)
        self._activity.advance(1, lambda: self._note(done, rate))

    def _note(self, done: int, rate: float) -> str:
        losses = " ".join(f"{trainer.last_loss():.4g}" for trainer in self._trainers)
        learning_rates = dict.fromkeys(
            f"{trainer.settings.learning_rate_at(done - 1):.3g}"
            for trainer in self._trainers
            if done <= trainer.settings.steps
        )
        values = [f"loss {losses}", f"learning rate {' '.join(learning_rates)}", self._scored, f"{rate:.3g} steps/s"]
        return ", ".join(filter(None, values))

    def _take_score(self, score: Validation, done: int) -> None:
        name, value = score()
        self._scored = f"{name} {value:.3f}"
        for writer in filter(None, self._writers):
            writer.add_scalar(name, value, done)

    def _point(self, done: int, rate: float) -> None:
        for trainer, writer in zip(self._trainers, self._writers, strict=True):
            if writer is not None and done <= trainer.settings.steps:
                writer.add_scalar("loss", trainer.last_loss(), done)
                writer.add_scalar("learning rate", trainer.settings.learning_rate_at(done - 1), done)
                writer.add_scalar("steps per second", rate, done)

    def close(self) -> None:
        """Close the files of TensorBoard."""
        for writer in filter(None, self._writers):
            writer.close()


@contextmanager
def training_log(
    name: str, trainers: Sequence[Trainer[Any]], first: int, last: int, score: Validation | None = None
) -> Iterator[TrainingLog]:
    """Report the progress of trainers that run side by side from step ``first`` to ``last``.

    Shown are losses, learning rates, the last score if there is one, and steps per second. Only the first of several
    processes reports. If a trainer's progress names a folder for logs, TensorBoard's events go there.

    Raises:
        InputError: logs are requested, and tensorboard is not installed.
    """
    if rank():
        yield TrainingLog(None, trainers, first, last, None)
        return
    with activity(name, last, "steps", done=first, n_lines=N_LINES) as shown:
        log = TrainingLog(shown, trainers, first, last, score)
        try:
            yield log
        finally:
            log.close()


def check_logs() -> None:
    """Raise InputError if tensorboard is not installed; the message says how to install it."""
    if find_spec("tensorboard") is None:
        raise InputError("logs need tensorboard: pip install 'qabwnas[logs]'")


def _writer(folder: Path | None, name: str, first: int) -> Any:
    if folder is None or rank():
        return None
    check_logs()
    from torch.utils.tensorboard import SummaryWriter  # an import of tensorboard

    # Points that a killed training wrote after its last checkpoint are written again, and shown once.
    return SummaryWriter(folder / name.replace(": ", "/"), purge_step=first + 1)

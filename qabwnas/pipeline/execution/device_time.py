"""Device-seconds: how long jobs compute, added up over all of them, however many run at the same time.

Every job is timed where it runs, and leaves its seconds in a file of its own in a folder that all of them see. So
several workers, tasks on other machines and interrupted attempts add up. A killed job leaves nothing.

On a CPU the seconds are CPU time of the process that computes, all of its threads together: what else the machine does
does not count. On other devices they are wall time.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from qabwnas.pipeline.execution.jobs import Engine, Job

FOLDER = "device-seconds"
Clock = Callable[[], float]


def device_clock(device: str) -> Clock:
    """Return the clock whose differences are seconds of a device such as ``cpu`` or ``cuda:1``."""
    return time.process_time if device == "cpu" else time.perf_counter


class TimedEngine(Engine):
    """Runs jobs on another engine and times each of them.

    Attributes:
        clock: of the device on which jobs compute.
        waited: the seconds of this clock that this process has spent in :meth:`run`.
    """

    def __init__(self, engine: Engine, folder: Path, clock: Clock) -> None:
        self._engine = engine
        self._folder = folder
        self.clock = clock
        self.waited = 0.0

    def run(self, jobs: Sequence[Job]) -> None:
        start = self.clock()
        try:
            self._engine.run(
                [Job(job.name, _timed, (self._folder, self.clock, job.function, job.arguments)) for job in jobs]
            )
        finally:
            self.waited += self.clock() - start


def _timed(folder: Path, clock: Clock, function: Callable[..., object], arguments: tuple[Any, ...]) -> None:
    start = clock()
    try:
        function(*arguments)
    finally:
        add_seconds(folder, clock() - start)


def add_seconds(folder: Path, seconds: float) -> None:
    """Record seconds of computing in a folder of a stage's unfinished work."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / uuid.uuid4().hex).write_text(repr(seconds), encoding="ascii")


def recorded_seconds(folder: Path) -> float:
    """Return the sum of all seconds that were recorded in a folder; an incomplete record of a kill counts as 0."""
    texts = [path.read_text(encoding="ascii") for path in sorted(folder.glob("*"))]
    return sum(float(text) for text in texts if text)

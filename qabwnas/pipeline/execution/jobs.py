"""Independent pieces of a stage's work (jobs), the engines that run them, and what a run may use of the machine."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Job:
    """A call that does its work once: it writes a file atomically, and does nothing if that file exists.

    ``function`` and ``arguments`` can be pickled. The function's return value is dropped. ``name`` is for messages.
    """

    name: str
    function: Callable[..., object]
    arguments: tuple[Any, ...]


class Engine(ABC):
    """Runs jobs, in any order or in parallel."""

    @abstractmethod
    def run(self, jobs: Sequence[Job]) -> None:
        """Return when all jobs are done.

        Raises the error of a job that failed. Jobs that have not started are then skipped, and finished jobs keep
        their files.
        """


class Serial(Engine):
    """Runs one job after the other, in this process."""

    def run(self, jobs: Sequence[Job]) -> None:
        for job in jobs:
            job.function(*job.arguments)


@dataclass(frozen=True)
class Resources:
    """What a run may use of the machine. No result depends on it; on the CPU, results are equal bit for bit.

    Attributes:
        device: where networks live: ``cpu``, ``cuda`` or ``cuda:1``.
        engine: runs independent jobs.
        num_workers: processes that read and augment images; with 0 the process that trains or measures does it.
        max_memory: limit in bytes for the feature maps of each process that measures; ``None`` for the default of the
            device (:func:`qabwnas.measure.memory.default_memory`).
        logs: the folder for TensorBoard's events of trainings; ``None`` writes none.
    """

    device: str = "cpu"
    engine: Engine = field(default_factory=Serial)
    num_workers: int = 0
    max_memory: int | None = None
    logs: Path | None = None

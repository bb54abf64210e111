"""Independent pieces of a stage's work, and what runs them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Job:
    """A call that does its work once: it writes a file atomically, and does nothing where that file is there.

    ``function`` and ``arguments`` can be pickled; what the function returns is dropped. ``name`` is for messages.
    """

    name: str
    function: Callable[..., None]
    arguments: tuple[Any, ...]


class Engine(ABC):
    """Runs jobs, in any order or at once."""

    @abstractmethod
    def run(self, jobs: Sequence[Job]) -> None:
        """Return when all jobs are done.

        Raises the error of a job that failed; jobs that did not begin are then left undone, and finished ones keep
        their files.
        """


class Serial(Engine):
    """Runs one job after the other, in this process."""

    def run(self, jobs: Sequence[Job]) -> None:
        for job in jobs:
            job.function(*job.arguments)

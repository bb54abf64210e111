"""What a stage is, and where it works."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qabwnas.pipeline.config.config import Config
from qabwnas.pipeline.execution.resources import Resources
from qabwnas.train.trainer import Progress


@dataclass(frozen=True)
class Workplace:
    """Where a stage works.

    Attributes:
        config: of the run.
        folder: of the run; earlier stages' outputs are there, and the stage's own go there.
        scratch: the stage's own folder for unfinished work. It outlives a kill, and is gone when the stage is done.
        identity: a fingerprint of the stage's settings and of the files that it reads.
        resources: what it may use of the machine.
    """

    config: Config
    folder: Path
    scratch: Path
    identity: str
    resources: Resources

    def progress(self, name: str) -> Progress:
        """Return where a training of the stage keeps its progress."""
        return Progress(self.scratch / f"{name}.pt", self.identity, logs=self.resources.logs)


@dataclass(frozen=True)
class Stage:
    """One step of a run.

    Attributes:
        name: what users call it.
        needs: the stages whose outputs it reads.
        settings: JSON values of all that it takes from the configuration: if they change, the stage is redone.
        make: does the work and returns the paths of its outputs, relative to the run folder.
        guarded: whether unfinished work is so dear that, once settings or inputs are others, it is only thrown away
            where that is asked for.
    """

    name: str
    needs: tuple[str, ...]
    settings: Callable[[Config], dict[str, Any]]
    make: Callable[[Workplace], list[str]]
    guarded: bool = False

"""What a stage is, and the context that it works in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from qabwnas.pipeline.config.config import Config
from qabwnas.pipeline.execution.jobs import Resources, Serial
from qabwnas.train.trainer import Progress


@dataclass(frozen=True)
class StageContext:
    """What a stage works with.

    Attributes:
        config: the configuration of the run.
        folder: the run folder; it holds the outputs of earlier stages, and the stage writes its outputs there.
        scratch: the stage's folder for unfinished work. It survives a kill, and is deleted when the stage is done.
        identity: a fingerprint of the stage's settings and of the files that it reads.
        resources: what the stage may use of the machine.
    """

    config: Config
    folder: Path
    scratch: Path
    identity: str
    resources: Resources

    def for_job(self) -> StageContext:
        """Return the context for a job: it starts no other jobs, and can be pickled, which not every engine can."""
        return replace(self, resources=replace(self.resources, engine=Serial()))

    def progress(self, name: str) -> Progress:
        """Return where the training ``name`` of the stage keeps its progress."""
        return Progress(self.scratch / f"{name}.pt", self.identity, logs=self.resources.logs)


@dataclass(frozen=True)
class Stage:
    """One step of a run.

    Attributes:
        name: the name that users see.
        needs: the stages whose outputs it reads.
        settings: JSON values of everything that it takes from the configuration; if they change, it is made again.
        make: does the work and returns the paths of its outputs, relative to the run folder.
        keeps_partial_results: whether unfinished work is kept when settings or inputs change, unless ``--force`` is
            given.
        applies: whether a run with this configuration has the stage. Where it has not, no stage needs it.
    """

    name: str
    needs: tuple[str, ...]
    settings: Callable[[Config], dict[str, Any]]
    make: Callable[[StageContext], list[str]]
    keeps_partial_results: bool = False
    applies: Callable[[Config], bool] = lambda _: True

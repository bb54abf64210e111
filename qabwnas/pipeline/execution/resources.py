"""What a run may use of the machine: no result depends on it, on the CPU in no bit."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from qabwnas.pipeline.execution.jobs import Engine, Serial


@dataclass(frozen=True)
class Resources:
    """What a run may use.

    Attributes:
        device: ``cpu``, ``cuda`` or ``cuda:1``: where networks live.
        engine: what runs independent jobs.
        max_memory: bytes that feature maps may take in each process that measures; ``None`` for what is usual on the
            device (:func:`qabwnas.measure.memory.default_memory`).
        n_readers: processes that read and augment images; 0 reads in the training process.
        logs: the folder for TensorBoard's events of trainings, if they are wanted.
    """

    device: str = "cpu"
    engine: Engine = field(default_factory=Serial)
    n_readers: int = 0
    max_memory: int | None = None
    logs: Path | None = None

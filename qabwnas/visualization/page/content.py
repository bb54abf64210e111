"""What the page of a run shows. The caller, who knows the files of the run, collects it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from qabwnas.lut.lut import Lut
from qabwnas.report.effort import MethodEffort
from qabwnas.report.result import Results
from qabwnas.search.explain import Explanation
from qabwnas.search.frontier import Frontier


@dataclass(frozen=True)
class BlockCounts:
    """How many candidates of a block are left at each step.

    Attributes:
        name: the block.
        candidates: rows of the LUT.
        kept: rows that no other row of the block dominates in the metrics of the front.
        used: rows that a point of the front has.
    """

    name: str
    candidates: int
    kept: int
    used: int


@dataclass(frozen=True)
class StageTime:
    """How long a stage took, in wall time and on devices; ``None`` where an earlier version did not record it."""

    name: str
    seconds: float
    device_seconds: float | None


@dataclass(frozen=True)
class Example:
    """A test image with its label, and what networks predict; a class as text, or classes of pixels as PNG."""

    image: bytes
    label: str | bytes
    predictions: Mapping[str, str | bytes]


@dataclass(frozen=True)
class RunContent:
    """A finished run.

    Attributes:
        name: of the run folder.
        minimized: the objective of the run's searches.
        explanations: the budgets of an answer, as text → what each budget costs.
        methods, notes: the compute effort of methods, if it was compared.
        examples: empty if the task has no classes.
        configuration: as JSON text.
        versions: package or part → version.
        hashes: file of the run → SHA-256.
        logs: a folder with TensorBoard's events of the trainings.
    """

    name: str
    results: Results
    front: Frontier
    lut: Lut
    minimized: str
    counts: Sequence[BlockCounts]
    stages: Sequence[StageTime]
    explanations: Mapping[str, Explanation]
    configuration: str
    versions: Mapping[str, str]
    hashes: Mapping[str, str]
    methods: Sequence[MethodEffort] = ()
    notes: Sequence[str] = ()
    examples: Sequence[Example] = field(default=(), repr=False)
    logs: Path | None = None

"""What is done in a run folder, what is not and why, and who works there. Changes nothing in the folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from qabwnas.errors import InputError
from qabwnas.pipeline.config.config import Config
from qabwnas.pipeline.config.load import stored_config
from qabwnas.pipeline.config.teacher import TrainedTeacher
from qabwnas.pipeline.ledger import Ledger, differences, scratch_origins
from qabwnas.pipeline.lock import holders
from qabwnas.pipeline.run import CONFIG_NAME, STAGES, stages_of
from qabwnas.pipeline.stages import lut, supernet, teacher
from qabwnas.pipeline.stages.stage import Stage
from qabwnas.train.checkpoint import SAFETENSORS, load_checkpoint
from qabwnas.train.trainer import KIND

NO_TRAININGS = (teacher.TRAINED_NAME, teacher.VARIANCES_NAME)
DONE, STALE, UNFINISHED, NOT_BEGUN = "done", "stale", "unfinished", "not begun"


@dataclass(frozen=True)
class StageStatus:
    """How far a stage is.

    Attributes:
        name: the stage.
        state: ``done``, ``stale`` (made with other settings or inputs, or its files were changed), ``unfinished`` or
            ``not begun``.
        reasons: why it is stale, or how far its unfinished work is, one line each.
        seconds: how long it took, if it is done or stale.
        size_bytes: of the files that it wrote.
    """

    name: str
    state: str
    reasons: list[str] = field(default_factory=list)
    seconds: float | None = None
    size_bytes: int = 0


@dataclass(frozen=True)
class RunStatus:
    """How far a run is.

    Attributes:
        folder: of the run.
        stages: in the order of the run.
        workers: the processes that work there now, as text.
        next: what the next run does.
    """

    folder: str
    stages: list[StageStatus]
    workers: list[str]
    next: str

    def to_json(self) -> dict[str, Any]:
        """Return JSON values."""
        return asdict(self)


def run_status(folder: Path, config: Config | None = None) -> RunStatus:
    """Return how far the run in ``folder`` is, compared with ``config`` or with the configuration that it holds.

    Reads all outputs, to compare their digests.

    Raises:
        InputError: the folder holds no run.
        FormatError: its files are damaged.
    """
    if not (folder / CONFIG_NAME).is_file():
        raise InputError(f"{folder}: holds no run ({CONFIG_NAME} is missing)")
    given = config or stored_config(folder / CONFIG_NAME)
    ledger = Ledger(folder)
    stages: list[StageStatus] = []
    own = stages_of(STAGES, given)
    for stage in own:
        before = {each.name: each.state for each in stages}
        stages.append(_stage_status(stage, given, folder, ledger, before))
    changed = [stage.name for stage in own if ledger.changes(stage.name, stage.settings(given))]
    return RunStatus(str(folder), stages, [str(holder) for holder in holders(folder)], _next(stages, changed))


def _stage_status(stage: Stage, config: Config, folder: Path, ledger: Ledger, before: Mapping[str, str]) -> StageStatus:
    settings, made = stage.settings(config), ledger.seconds()
    if stage.name not in made:
        found = [line for scratch, origin in scratch_origins(folder, stage.name).items()
                 for line in _unfinished(stage, config, scratch, origin, ledger)]  # fmt: skip
        return StageStatus(stage.name, UNFINISHED if found else NOT_BEGUN, found)
    outputs = [folder / name for name in ledger.outputs(stage.name)]
    size = sum(path.stat().st_size for path in outputs if path.exists())
    reasons = [*ledger.changes(stage.name, settings), *ledger.damages(stage.name)]
    reasons += [f"{need} is {before[need]}" for need in stage.needs if before[need] != DONE]
    return StageStatus(stage.name, STALE if reasons else DONE, reasons, made[stage.name], size)


def _unfinished(stage: Stage, config: Config, scratch: Path, origin: Mapping[str, Any], ledger: Ledger) -> list[str]:
    """Return how far the unfinished work in a folder is, or how its settings and inputs differ from those of now."""
    made = ledger.seconds()
    now: dict[str, Any] = {"settings": stage.settings(config)}
    if all(need in made for need in stage.needs):  # else the inputs of now do not exist yet
        now["inputs"] = {name: digest for need in stage.needs for name, digest in ledger.outputs(need).items()}
    changes = list(differences("", {name: origin[name] for name in now}, now))
    if changes:
        return [f"unfinished work with other settings or inputs ({'; '.join(changes)})"]
    trainings = [path for path in sorted(scratch.glob("*.pt")) if path.name not in NO_TRAININGS]
    lines = [_training(stage, config, path) for path in trainings]
    n_shards, n_networks = (len(list(scratch.glob(pattern))) for pattern in ("*.h5", f"networks/*{SAFETENSORS}"))
    if n_shards:
        lines.append(f"{n_shards} of {len(lut.shards_of(config))} shards are measured")
    if n_networks:
        lines.append(f"{n_networks} networks are trained")
    return lines or ["nothing is saved yet"]


def _training(stage: Stage, config: Config, checkpoint: Path) -> str:
    """Return how far a training is: ``block2: 300 of 800 steps``."""
    name, steps = checkpoint.stem, f"{load_checkpoint(checkpoint, KIND)['step']:,}"
    if stage == supernet.STAGE:
        names = {f"block{b}": block.name for b, block in enumerate(config.space.blocks)}
        return f"{names[name]}: {steps} of {config.supernet.training.steps:,} steps"
    if stage == teacher.STAGE and isinstance(config.teacher, TrainedTeacher):
        return f"{name}: {steps} of {config.teacher.training.steps:,} steps"
    return f"{name}: {steps} steps"


def _next(stages: Sequence[StageStatus], changed: Sequence[str]) -> str:
    """Return what the next `qabwnas run` does; ``changed`` are the stages that were made with other settings."""
    left = [each for each in stages if each.state != DONE]
    if not left:
        return "nothing to do: all stages are done"
    makes = ", ".join(f"{'continues ' if each.state == UNFINISHED else ''}{each.name}" for each in left)
    refused = f" with --force, because of the settings of {', '.join(changed)}" if changed else ""
    return f"makes {makes}{refused}"

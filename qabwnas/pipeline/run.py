"""The stages of a run in their order, and how those that are not done yet are made."""

from __future__ import annotations

import json
import logging
import shutil
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from qabwnas.errors import InputError
from qabwnas.io.atomic import atomic_path
from qabwnas.io.fingerprint import fingerprint
from qabwnas.pipeline.config.config import Config, config_to_json
from qabwnas.pipeline.config.load import stored_config
from qabwnas.pipeline.execution import device_time
from qabwnas.pipeline.execution.jobs import Resources
from qabwnas.pipeline.ledger import Ledger, open_scratch, scratch_identity
from qabwnas.pipeline.lock import changing, work_alone, work_on_parts
from qabwnas.pipeline.stages import answers, data, front, latency, lut, networks, report, supernet, teacher
from qabwnas.pipeline.stages.stage import Stage, StageContext
from qabwnas.pipeline.work import stage_work
from qabwnas.progress import activity

logger = logging.getLogger(__name__)

CONFIG_NAME = "config.json"

STAGES = (
    data.STAGE,
    teacher.STAGE,
    supernet.STAGE,
    lut.STAGE,
    latency.STAGE,
    front.STAGE,
    answers.STAGE,
    networks.STAGE,
    report.STAGE,
)


def stages_of(stages: Sequence[Stage], config: Config) -> list[Stage]:
    """Return the stages that a run with this configuration has. They need only each other."""
    names = {stage.name for stage in stages if stage.applies(config)}
    return [
        replace(stage, needs=tuple(need for need in stage.needs if need in names))
        for stage in stages
        if stage.name in names
    ]


def run_stages(
    stages: Sequence[Stage],
    config: Config,
    folder: Path,
    *,
    until: str | None = None,
    force: bool = False,
    resources: Resources | None = None,
) -> None:
    """Make every stage of a run that is not done; with ``until``, only that stage and those that it depends on.

    ``resources`` is what the run may use: by default, this process and the CPU.

    A stage is done if it was made with equal settings and its outputs exist unchanged. When a stage is made, all
    stages that depend on it are made again. A kill loses what the running stage did since it last saved its progress.

    Raises:
        BusyError: another process works in the folder.
        InputError: the folder holds files but no run; or the configuration would make finished stages again, and
            ``force`` is not given.
    """
    _check_folder(folder)
    present = stages_of(stages, config)
    wanted = [stage for stage in present if until is None or stage.name in _needed(present, until)]
    folder.mkdir(parents=True, exist_ok=True)
    with work_alone(folder):
        _run(stages, wanted, config, folder, force, resources or Resources())


def make_needs(
    stages: Sequence[Stage], stage: Stage, config: Config, folder: Path, force: bool, resources: Resources
) -> None:
    """Make the stages that ``stage`` needs. If several processes call this for one run, one works and the others wait.

    Raises as :func:`run_stages`.
    """
    _check_folder(folder)
    folder.mkdir(parents=True, exist_ok=True)
    present = stages_of(stages, config)
    wanted = [other for other in present if other.name != stage.name and other.name in _needed(present, stage.name)]
    with work_on_parts(folder, [f"before-{stage.name}"], run_identity(stages, config), wait=True):
        _run(stages, wanted, config, folder, force, resources)


def run_identity(stages: Sequence[Stage], config: Config) -> str:
    """Return a fingerprint of all settings of a run."""
    return fingerprint({stage.name: stage.settings(config) for stage in stages_of(stages, config)})


def _run(
    stages: Sequence[Stage], wanted: Sequence[Stage], config: Config, folder: Path, force: bool, resources: Resources
) -> None:
    ledger = Ledger(folder)
    if not force:
        _check_unchanged(wanted, config, ledger, folder)
    with atomic_path(folder / CONFIG_NAME) as temporary:
        temporary.write_text(json.dumps(config_to_json(config), indent=2) + "\n", encoding="utf-8")
    with ExitStack() as stack:
        work: dict[str, float] = {}
        for place, stage in enumerate(wanted):
            if not work and (work := _work(config, folder, wanted[place:])):
                stack.enter_context(activity("run", sum(work.values())))
            reason = ledger.reason_to_make(stage.name, stage.settings(config))
            size = work.get(stage.name, 0)
            if reason is None:
                logger.info("%s: done before", stage.name)
                with activity(stage.name, 1, done=1, size=size):
                    continue
            logger.info("%s: %s", stage.name, reason)
            ledger.forget([stage.name, *_dependents(stages, stage.name)])
            with activity(stage.name, size=size):
                make_stage(stage, config, folder, ledger, resources, force=force)


def _work(config: Config, folder: Path, stages: Sequence[Stage]) -> dict[str, float]:
    """Return how much work each of the stages is; nothing as long as the number of images is not known."""
    path = folder / data.FILE_NAME
    if data.STAGE in stages or not path.exists():
        return {}
    work = stage_work(config, {name: split["images"] for name, split in json.loads(path.read_text()).items()})
    return {stage.name: work.get(stage.name, 0) for stage in stages}


def finished_config(folder: Path, stage: Stage) -> Config:
    """Return the configuration of a run whose ``stage`` is done.

    Raises:
        InputError: there is no run, or the stage is not done; the message says why.
    """
    config = stored_config(folder / CONFIG_NAME)
    reason = Ledger(folder).reason_to_make(stage.name, stage.settings(config))
    if reason is not None:
        raise InputError(f"{folder}: the stage {stage.name} is not done ({reason}); run it first")
    return config


def make_stage(
    stage: Stage, config: Config, folder: Path, ledger: Ledger, resources: Resources, *, force: bool = False
) -> None:
    """Make a stage whose needs are done, and enter it in the ledger; raises as :func:`open_context`."""
    context = open_context(stage, config, folder, ledger, resources, force=force)
    engine, busy = context.resources.engine, context.scratch / device_time.FOLDER
    assert isinstance(engine, device_time.TimedEngine)
    start, busy_from = time.perf_counter(), engine.clock()
    try:
        outputs = stage.make(context)
    finally:
        seconds = time.perf_counter() - start
        device_time.add_seconds(busy, engine.clock() - busy_from - engine.waited)
    ledger.enter(stage.name, stage.settings(config), outputs, seconds, device_time.recorded_seconds(busy))
    shutil.rmtree(context.scratch.parent)
    logger.info("%s: done in %.1f s", stage.name, seconds)


def open_context(
    stage: Stage, config: Config, folder: Path, ledger: Ledger, resources: Resources, *, force: bool = False
) -> StageContext:
    """Return the context of a stage; the stages that it needs have to be done.

    Raises:
        StaleError: there is unfinished work with other settings or inputs that only ``force`` may delete.
    """
    settings = stage.settings(config)
    inputs = {name: digest for need in stage.needs for name, digest in ledger.outputs(need).items()}
    with changing(folder):
        scratch = open_scratch(
            folder, stage.name, settings, inputs, keep_other=stage.keeps_partial_results and not force
        )
    clock = device_time.device_clock(resources.device)
    timed = replace(resources, engine=device_time.TimedEngine(resources.engine, scratch / device_time.FOLDER, clock))
    return StageContext(config, folder, scratch, scratch_identity(settings, inputs), timed)


def missing_need(stages: Sequence[Stage], stage: Stage, config: Config, ledger: Ledger) -> str | None:
    """Return the first stage that ``stage`` needs and that is not done, and why; ``None`` if all are done."""
    for need in stages:
        if need.name in stage.needs:
            reason = ledger.reason_to_make(need.name, need.settings(config))
            if reason is not None:
                return f"{need.name}: {reason}"
    return None


def _needed(stages: Sequence[Stage], name: str) -> set[str]:
    """Return the names of a stage and of all stages that it depends on."""
    stage = next((stage for stage in stages if stage.name == name), None)
    if stage is None:
        raise InputError(f"stage {name!r} is not one of {', '.join(stage.name for stage in stages)}")
    return {name}.union(*(_needed(stages, need) for need in stage.needs))


def _dependents(stages: Sequence[Stage], name: str) -> list[str]:
    """Return the names of all stages that depend on a stage, directly or through others."""
    return [stage.name for stage in stages if stage.name != name and name in _needed(stages, stage.name)]


def _check_folder(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder}: not a folder")
    visible = [entry.name for entry in folder.glob("[!.]*")]
    if visible and CONFIG_NAME not in visible:
        raise InputError(f"{folder}: holds files, but no run ({CONFIG_NAME} is missing); choose another folder")


def _check_unchanged(stages: Sequence[Stage], config: Config, ledger: Ledger, folder: Path) -> None:
    for stage in stages:
        if changes := ledger.changes(stage.name, stage.settings(config)):
            raise InputError(
                f"{folder}: {stage.name} was made with other settings ({'; '.join(changes)}); "
                "--force makes it again, or choose another folder"
            )

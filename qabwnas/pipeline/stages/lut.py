"""Stage 4: measure every candidate of every block at every bit width. Writes ``lut.h5``.

The work is divided into shards (:mod:`qabwnas.measure.shard`), one job per shard, which any engine may run. A job
writes its rows as a LUT in which all other rows are masked, and the last step merges them. A kill loses the shards that
are being measured. The first job also measures the variances of the teacher's channels, the targets of all shards; jobs
that start together may each do so.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from qabwnas.costs.own_metric import value_fingerprint
from qabwnas.errors import StaleError
from qabwnas.lut.content import REFERENCES
from qabwnas.lut.lut import Lut
from qabwnas.lut.merge import differing, merge_luts
from qabwnas.measure.memory import default_memory
from qabwnas.measure.populate import measure_shard, provenance
from qabwnas.measure.sample import Sample, space_rows
from qabwnas.measure.shard import Shard, space_shards
from qabwnas.measure.target_variance import WITHOUT_SIGNAL, inactive_channels
from qabwnas.pipeline.config.config import Config, own_costs, run_costs
from qabwnas.pipeline.execution.jobs import Job
from qabwnas.pipeline.stages.data import load_task
from qabwnas.pipeline.stages.quantisation import fixed_bits_setting, measure_settings
from qabwnas.pipeline.stages.stage import Stage, StageContext
from qabwnas.pipeline.stages.supernet import load_supernet
from qabwnas.pipeline.stages.teacher import VARIANCES_NAME, load_teacher, target_variances
from qabwnas.pipeline.stages.teacher_choice import TEACHER_WIDTHS, teacher_choice
from qabwnas.pipeline.stages.teacher_network import measured_parts
from qabwnas.progress import activity

logger = logging.getLogger(__name__)

FILE_NAME = "lut.h5"
N_LINES = 10


def _settings(config: Config) -> dict[str, Any]:
    settings: dict[str, Any] = {
        "bit_widths": [widths.name for widths in config.space.bit_widths],
        "measure": measure_settings(config).to_json(),
        **fixed_bits_setting(config),
    }
    if config.space.policy == "layer":
        sample = sample_of(config)
        settings |= {"policy": "layer", "sample": sample.n_rows, "seed": None if sample.n_rows is None else sample.seed}
    return settings | _own_metrics(config)


def _own_metrics(config: Config) -> dict[str, Any]:
    """Return what identifies the user's own columns, their values included; empty if there are none."""
    costs = own_costs(config)
    own = {cost.name: value_fingerprint(cost, config.space) for cost in costs}
    return {"metrics": own} if own else {}


def sample_of(config: Config) -> Sample:
    """Return which rows a run measures."""
    return Sample(config.sample, config.seed)


def _make(context: StageContext) -> list[str]:
    measure(context, shards_of(context.config)).save(context.folder / FILE_NAME)
    return [FILE_NAME]


def shards_of(config: Config) -> list[Shard]:
    """Return all shards of a run."""
    return space_shards(config.space, rows=space_rows(config.space, sample_of(config)))


def measure(context: StageContext, shards: Sequence[Shard]) -> Lut:
    """Measure the ``shards`` that are not in the stage's scratch folder yet, and return the LUT of all of them.

    Raises:
        StaleError: a shard in the folder was measured on another type of device.
        InputError: as :func:`~qabwnas.measure.populate.measure_shard`; the message names block and candidate.
    """
    made_with = _provenance(context)
    space = context.config.space
    parts = {shard: context.scratch / f"{shard.name(space)}.h5" for shard in shards}
    for path in parts.values():
        _check_part(path, made_with)
    variances = context.scratch / VARIANCES_NAME
    resources = context.resources
    common = context.config, context.folder, resources.device, resources.max_memory, resources.num_workers
    jobs = [
        Job(shard.name(space), measure_part, (*common, shard, variances, made_with, path))
        for shard, path in parts.items()
        if not path.exists()
    ]
    logger.info("lut: %d of %d shards to measure", len(jobs), len(parts))
    n_rows = {shard: shard.n_rows(space) for shard in shards}
    n_measured = sum(n_rows[shard] for shard, path in parts.items() if path.exists())
    with activity("lut", sum(n_rows.values()), "rows", done=n_measured, n_lines=N_LINES):
        context.resources.engine.run(jobs)
    merged = merge_luts((str(path), Lut.open(path)) for path in parts.values())
    return with_teacher(context.config, merged)


def with_teacher(config: Config, table: Lut) -> Lut:
    """Return the LUT with the 8-bit teacher as a reference, if its operations are candidates of the space."""
    choice = teacher_choice(config, table, TEACHER_WIDTHS)
    if choice is None:
        return table
    return replace(table, provenance={**table.provenance, REFERENCES: {"teacher": choice}})


def _provenance(context: StageContext) -> dict[str, Any]:
    splits = load_task(context.config, context.folder).splits
    teacher, supernet = load_teacher(context.config, context.folder), load_supernet(context.config, context.folder)
    made_with = provenance(
        teacher,
        supernet,
        splits.calibration,
        splits.validation,
        context.config.fixed_bits,
        context.resources.device,
        sample_of(context.config),
        measure_settings(context.config),
    )
    return made_with | _own_metrics(context.config)


def _check_part(path: Path, made_with: Mapping[str, Any]) -> None:
    if path.exists():
        found = dict(Lut.open(path).provenance)
        found.pop(WITHOUT_SIGNAL, None)  # it follows from the teacher and the images
        differences = "; ".join(differing("", found, made_with))
        if differences:
            raise StaleError(
                f"{path}: was measured with other settings or inputs: {differences}; delete it to start again"
            )


def measure_part(
    config: Config,
    folder: Path,
    device: str,
    max_memory: int | None,
    num_workers: int,
    shard: Shard,
    variances: Path,
    made_with: Mapping[str, Any],
    path: Path,
) -> None:
    """Write the LUT of one shard; a job."""
    if path.exists():
        return
    splits = load_task(config, folder).splits
    teacher, supernet = load_teacher(config, folder).to(device), load_supernet(config, folder).to(device)
    targets = target_variances(config, folder, device, variances)
    memory = default_memory(torch.device(device)) if max_memory is None else max_memory
    lut = measure_shard(
        teacher,
        supernet,
        config.space,
        shard,
        splits.calibration,
        splits.validation,
        targets[shard.b],
        memory,
        {**made_with, **inactive_channels([block.name for block in config.space.blocks], targets)},
        measured_parts(config),
        space_rows(config.space, sample_of(config)),
        run_costs(config),
        measure_settings(config),
        num_workers,
    )
    lut.save(path)


STAGE = Stage("lut", ("data", "teacher", "supernet"), _settings, _make, keeps_partial_results=True)

"""Stage 4: measure every candidate of every block at every bit width. Writes ``lut.h5``.

The work is cut into shards (:mod:`qabwnas.measure.shard`), a job each, which any engine may run: a job keeps its rows
as a LUT of its own, in which all others are masked, and the last step merges them. A kill loses the shards under way.
The teacher's signal, which all shards are measured against, is found out by whoever comes first, or by all that do.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from qabwnas.errors import StaleError
from qabwnas.lut.lut import Lut
from qabwnas.lut.merge import differing, merge_luts
from qabwnas.measure.memory import default_memory
from qabwnas.measure.populate import SETTINGS, measure_shard, provenance
from qabwnas.measure.sample import Sample, space_rows
from qabwnas.measure.shard import Shard, space_shards
from qabwnas.measure.target_variance import WITHOUT_SIGNAL, without_signal
from qabwnas.pipeline.config.config import Config
from qabwnas.pipeline.execution.jobs import Job
from qabwnas.pipeline.stages.data import load_task
from qabwnas.pipeline.stages.stage import Stage, Workplace
from qabwnas.pipeline.stages.supernet import load_supernet
from qabwnas.pipeline.stages.target_variance import FILE_NAME as FILE_OF_SIGNALS
from qabwnas.pipeline.stages.target_variance import load_signals, write_signals
from qabwnas.pipeline.stages.teacher import load_teacher
from qabwnas.pipeline.stages.teacher_network import measured_parts
from qabwnas.space import Policy

logger = logging.getLogger(__name__)

FILE_NAME = "lut.h5"


def _settings(config: Config) -> dict[str, Any]:
    settings: dict[str, Any] = {"bit_widths": [widths.name for widths in config.space.bit_widths], "measure": SETTINGS}
    if config.space.policy == "layer":
        sample = sample_of(config)
        settings |= {"policy": "layer", "sample": sample.n_rows, "seed": None if sample.n_rows is None else sample.seed}
    return settings


def sample_of(config: Config) -> Sample:
    """Return which rows a run measures."""
    return Sample(config.sample, config.seed)


def _make(place: Workplace) -> list[str]:
    measure(place, shards_of(place.config)).save(place.folder / FILE_NAME)
    return [FILE_NAME]


def shards_of(config: Config) -> list[Shard]:
    """Return all shards of a run."""
    return space_shards(config.space, rows=space_rows(config.space, sample_of(config)))


def measure(place: Workplace, shards: Sequence[Shard]) -> Lut:
    """Measure those of ``shards`` that are not in the stage's scratch folder yet, and return the LUT of them all.

    Raises:
        StaleError: a shard in the folder was measured on another kind of device.
        InputError: as :func:`~qabwnas.measure.populate.measure_shard`; the message names block and candidate.
    """
    made_with = _provenance(place)
    space = place.config.space
    parts = {shard: place.scratch / f"{shard.name(space)}.h5" for shard in shards}
    for path in parts.values():
        _check_part(path, made_with)
    signal = place.scratch / FILE_OF_SIGNALS
    here = place.config, place.folder, place.resources.device, place.resources.max_memory
    jobs = [
        Job(shard.name(space), measure_part, (*here, shard, signal, made_with, path))
        for shard, path in parts.items()
        if not path.exists()
    ]
    logger.info("lut: %d of %d shards to measure", len(jobs), len(parts))
    place.resources.engine.run(jobs)
    return merge_luts((str(path), Lut.open(path)) for path in parts.values())


def _provenance(place: Workplace) -> dict[str, Any]:
    splits = load_task(place.config, place.folder).splits
    teacher, supernet = load_teacher(place.config, place.folder), load_supernet(place.config, place.folder)
    device = place.resources.device
    sample = sample_of(place.config)
    return provenance(teacher, supernet, splits.calibration, splits.validation, Policy.fixed, device, sample)


def _check_part(path: Path, made_with: Mapping[str, Any]) -> None:
    if path.exists():
        found = dict(Lut.open(path).provenance)
        found.pop(WITHOUT_SIGNAL, None)  # follows from the teacher and the images
        differences = "; ".join(differing("", found, made_with))
        if differences:
            raise StaleError(f"{path}: was measured with something else: {differences}; delete it to begin anew")


def measure_part(
    config: Config,
    folder: Path,
    device: str,
    max_memory: int | None,
    shard: Shard,
    signal: Path,
    made_with: Mapping[str, Any],
    path: Path,
) -> None:
    """Write the LUT of one shard, as a job."""
    if path.exists():
        return
    splits = load_task(config, folder).splits
    teacher, supernet = load_teacher(config, folder).to(device), load_supernet(config, folder).to(device)
    write_signals(config, folder, device, signal)
    signals = load_signals(signal)
    memory = default_memory(torch.device(device)) if max_memory is None else max_memory
    lut = measure_shard(
        teacher,
        supernet,
        config.space,
        shard,
        splits.calibration,
        splits.validation,
        signals[shard.b],
        memory,
        {**made_with, **without_signal([block.name for block in config.space.blocks], signals)},
        measured_parts(config),
        space_rows(config.space, sample_of(config)),
    )
    lut.save(path)


STAGE = Stage("lut", ("data", "teacher", "supernet"), _settings, _make, guarded=True)

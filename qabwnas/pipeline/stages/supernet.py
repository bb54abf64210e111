"""Stage 3: distil the teacher into the supernet, block by block. Writes ``supernet.pt``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import torch

from qabwnas.nets.supernet import Supernet, SupernetBlock
from qabwnas.pipeline.config.config import Config, config_to_json
from qabwnas.pipeline.execution.jobs import Job, Serial
from qabwnas.pipeline.stages import target_variance as signal
from qabwnas.pipeline.stages.data import load_task
from qabwnas.pipeline.stages.stage import Stage, Workplace
from qabwnas.pipeline.stages.teacher import load_teacher
from qabwnas.train.checkpoint import load_weights, save_weights
from qabwnas.train.distill import block_seed, distill, distill_block, feature_maps
from qabwnas.train.feed import images
from qabwnas.train.seeds import derive_seed, own_generators

KIND = "supernet"
FILE_NAME = "supernet.pt"


def _settings(config: Config) -> dict[str, Any]:
    content = config_to_json(config)
    operations = {block["name"]: [block["layers"], block["operations"]] for block in content["space"]["blocks"]}
    supernet = content["supernet"]
    if config.supernet.distill != "cached":
        supernet["distill"] = "joint or independent"  # their results are the same
    return {"seed": config.seed, "supernet": supernet, "space": {"operations": operations}}


def _make(place: Workplace) -> list[str]:
    blocks = range(len(place.config.space.blocks))
    if place.config.supernet.distill == "independent":
        place.resources.engine.run([Job("signal", signal.write_signals, _signal_arguments(place))])  # once, not in each
        place.resources.engine.run(block_jobs(place, blocks))
    supernet = _fresh(place.config)
    _distill(place, supernet, blocks)  # what jobs have done is only loaded
    save_weights(place.folder / FILE_NAME, KIND, supernet)
    return [FILE_NAME]


def block_jobs(place: Workplace, blocks: Iterable[int]) -> list[Job]:
    """Return a job for each of ``blocks``, which leaves the trained block in its progress."""
    alone = replace(place, resources=replace(place.resources, engine=Serial()))  # engines cannot all be pickled
    return [Job(f"supernet: {place.config.space.blocks[b].name}", _distill_one, (alone, b)) for b in blocks]


def _signal_arguments(place: Workplace) -> tuple[Config, Path, str, Path]:
    return place.config, place.folder, place.resources.device, place.scratch / signal.FILE_NAME


def _distill_one(place: Workplace, b: int) -> None:
    _distill(place, _fresh(place.config), [b])


def _fresh(config: Config) -> Supernet:
    with own_generators(derive_seed(config.seed, "supernet")):
        return Supernet(config.space)


def _distill(place: Workplace, supernet: Supernet, blocks: Sequence[int]) -> None:
    """Train blocks of the supernet, in place; those whose progress says that they are done are loaded."""
    config = place.config
    train_split = load_task(config, place.folder).splits.train
    teacher = load_teacher(config, place.folder)
    arguments = _signal_arguments(place)
    signal.write_signals(*arguments)
    signals = signal.load_signals(arguments[-1])
    if config.supernet.distill != "cached":
        distill(
            teacher,
            supernet,
            blocks,
            train_split,
            config.supernet.training.trainings(),
            sampling=config.supernet.sampling,
            seed=config.seed,
            progress=lambda b: place.progress(f"block{b}"),
            device=torch.device(place.resources.device),
            workers=place.resources.n_readers,
            signals=signals,
        )
        return
    device = torch.device(place.resources.device)
    maps = feature_maps(teacher.to(device), [part.to(device) for part in images(train_split)])
    for b in blocks:
        name = config.space.blocks[b].name
        distill_block(
            cast(SupernetBlock, supernet.blocks[b]),
            maps[b],
            maps[b + 1],
            config.supernet.training.trainings()[b],
            sampling=config.supernet.sampling,
            seed=block_seed(config.seed, name),
            name=f"supernet: {name}",
            progress=place.progress(f"block{b}"),
            signal=signals[b],
        )


def load_supernet(config: Config, folder: Path) -> Supernet:
    """Return the supernet of a run; raises as :func:`~qabwnas.train.checkpoint.load_weights`."""
    supernet = Supernet(config.space)
    load_weights(folder / FILE_NAME, KIND, supernet)
    return supernet


STAGE = Stage("supernet", ("data", "teacher"), _settings, _make)

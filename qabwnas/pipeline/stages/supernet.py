"""Stage 3: distil the teacher into the supernet, block by block. Writes ``supernet.pt``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, cast

import torch

from qabwnas.data.batches import ImageBatches
from qabwnas.nets.supernet import Supernet, SupernetBlock
from qabwnas.pipeline.config.config import Config, config_to_json
from qabwnas.pipeline.execution.jobs import Job, Serial
from qabwnas.pipeline.execution.torchrun import training_engine
from qabwnas.pipeline.stages.data import load_task
from qabwnas.pipeline.stages.stage import Stage, StageContext
from qabwnas.pipeline.stages.teacher import VARIANCES_NAME, load_teacher, target_variances
from qabwnas.progress import expect
from qabwnas.train.checkpoint import load_weights, save_weights
from qabwnas.train.distill import block_seed, distill, distill_block, feature_maps
from qabwnas.train.parallel import rank
from qabwnas.train.sampling import derive_seed, seeded_generators

KIND = "supernet"
FILE_NAME = "supernet.pt"


def _settings(config: Config) -> dict[str, Any]:
    content = config_to_json(config)
    operations = {block["name"]: [block["layers"], block["operations"]] for block in content["space"]["blocks"]}
    supernet = content["supernet"]
    if config.supernet.distill != "cached":
        supernet["distill"] = "joint or independent"  # their results are the same
    return {"seed": config.seed, "supernet": supernet, "space": {"operations": operations}}


def _make(context: StageContext) -> list[str]:
    blocks = range(len(context.config.space.blocks))
    independent = context.config.supernet.distill == "independent"
    engine = context.resources.engine if independent else Serial()
    # Once, not in every job or process.
    engine.run([Job("target variances", target_variances, _variances_arguments(context))])
    engine = training_engine(engine)
    if independent:
        expect(len(blocks) * context.config.supernet.training.steps, "steps")
        engine.run(block_jobs(context, blocks))
        engine = Serial()  # only loads what these jobs have trained
    engine.run([Job(KIND, _distill_all, (context.for_job(),))])
    (context.scratch / FILE_NAME).replace(context.folder / FILE_NAME)
    return [FILE_NAME]


def block_jobs(context: StageContext, blocks: Iterable[int]) -> list[Job]:
    """Return one job per block, which leaves the trained block in its progress file."""
    own = context.for_job()
    return [Job(f"supernet: {context.config.space.blocks[b].name}", _distill_one, (own, b)) for b in blocks]


def _variances_arguments(context: StageContext) -> tuple[Config, Path, str, Path]:
    return context.config, context.folder, context.resources.device, context.scratch / VARIANCES_NAME


def _distill_all(context: StageContext) -> None:
    """Train all blocks jointly, and write the supernet to the scratch folder."""
    if (context.scratch / FILE_NAME).exists():
        return
    supernet = _new_supernet(context.config)
    _distill(context, supernet, range(len(context.config.space.blocks)))
    if rank() == 0:
        save_weights(context.scratch / FILE_NAME, KIND, supernet)


def _distill_one(context: StageContext, b: int) -> None:
    _distill(context, _new_supernet(context.config), [b])


def _new_supernet(config: Config) -> Supernet:
    with seeded_generators(derive_seed(config.seed, "supernet")):
        return Supernet(config.space)


def _distill(context: StageContext, supernet: Supernet, blocks: Sequence[int]) -> None:
    """Train blocks of the supernet in place; a block that its progress file has as done is only loaded."""
    config = context.config
    train_split = load_task(config, context.folder).splits.train
    teacher = load_teacher(config, context.folder)
    variances = target_variances(*_variances_arguments(context))
    if config.supernet.distill != "cached":
        distill(
            teacher,
            supernet,
            blocks,
            train_split,
            config.supernet.training.trainings(),
            sampling=config.supernet.sampling,
            seed=config.seed,
            progress=lambda b: context.progress(f"block{b}"),
            device=torch.device(context.resources.device),
            workers=context.resources.num_workers,
            target_variances=variances,
        )
        return
    device = torch.device(context.resources.device)
    maps = feature_maps(teacher.to(device), ImageBatches(train_split, device, size=256))
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
            progress=context.progress(f"block{b}"),
            target_variance=variances[b],
        )


def load_supernet(config: Config, folder: Path) -> Supernet:
    """Return the supernet of a run; raises as :func:`~qabwnas.train.checkpoint.load_weights`."""
    supernet = Supernet(config.space)
    load_weights(folder / FILE_NAME, KIND, supernet)
    return supernet


STAGE = Stage("supernet", ("data", "teacher"), _settings, _make)

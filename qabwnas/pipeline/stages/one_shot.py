"""The one-shot supernet of a method, trained end to end. Writes ``one-shot/METHOD.pt``.

No stage of a run needs it; ``qabwnas one-shot`` makes it. The ledger has it as ``one-shot-METHOD``.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import torch

from qabwnas.one_shot.supernet import OneShotSupernet
from qabwnas.one_shot.training import Method, paths_per_step, train_one_shot
from qabwnas.pipeline.config.config import Config, config_to_json
from qabwnas.pipeline.execution.jobs import Job
from qabwnas.pipeline.ledger import Ledger
from qabwnas.pipeline.stages.data import load_task, own_task_settings
from qabwnas.pipeline.stages.stage import Stage, StageContext
from qabwnas.pipeline.stages.teacher_network import build_teacher
from qabwnas.train.checkpoint import load_weights, save_weights
from qabwnas.train.sampling import derive_seed, seeded_generators
from qabwnas.train.settings import Training

FOLDER = "one-shot"
KIND = "one-shot-supernet"
PATH_PASSES = 3
"""Forward passes that a forward and a backward pass of one path through the whole network cost."""
TEACHER_PASSES = 1


def stage_name(method: str) -> str:
    """Return the name of the stage that trains the supernet of a method."""
    return f"one-shot-{method}"


def weights_name(method: str) -> str:
    """Return the file of a method's supernet, relative to the run folder."""
    return f"{FOLDER}/{method}.pt"


def equal_compute_steps(config: Config, method: str) -> int:
    """Return how many steps cost as much as the run's block-wise distillation, rounded up.

    The unit is a forward pass of one image through one path; a backward pass takes two. A step of distillation is one
    pass of the teacher, except with cached feature maps, and one path forward and backward in every block. A step of
    SPOS is one path forward and backward, a step of FairNAS as many as a layer has operations.
    """
    distilled, recipe = config.supernet.training, config.networks.training
    of_teacher = 0 if config.supernet.distill == "cached" else TEACHER_PASSES
    radices = [radix for block in config.space.blocks for radix in block.radices]
    passes = distilled.steps * distilled.batch * (of_teacher + PATH_PASSES)
    return -(-passes // (recipe.batch * PATH_PASSES * paths_per_step(cast(Method, method), radices)))


def one_shot_training(config: Config, steps: int) -> Training:
    """Return the recipe of ``networks.training`` with another number of steps, and warm-up in proportion."""
    recipe = config.networks.training
    return replace(recipe, steps=steps, warm_up=recipe.warm_up * steps // recipe.steps)


def training_stage(method: str, steps: int, ledger: Ledger) -> Stage:
    """Return the stage that trains the supernet of a method."""

    def settings(config: Config) -> dict[str, Any]:
        content = config_to_json(config)
        parts = {name: content["space"][name] for name in ("stem", "head")}
        operations = {block["name"]: [block["layers"], block["operations"]] for block in content["space"]["blocks"]}
        training = content["networks"]["training"] | {
            name: getattr(one_shot_training(config, steps), name) for name in ("steps", "warm_up")
        }
        return {
            "seed": config.seed,
            "method": method,
            "training": training,
            "space": parts | {"operations": operations},
            "inputs": ledger.outputs("data") if "data" in ledger.stages() else {},
            **own_task_settings(config),
        }

    def make(context: StageContext) -> list[str]:
        context.resources.engine.run([Job(stage_name(method), _train, (context.for_job(), method, steps))])
        target = context.folder / weights_name(method)
        target.parent.mkdir(exist_ok=True)
        (context.scratch / target.name).replace(target)
        return [weights_name(method)]

    return Stage(stage_name(method), ("data",), settings, make)


def _train(context: StageContext, method: Method, steps: int) -> None:
    config, target = context.config, context.scratch / Path(weights_name(method)).name
    if target.exists():
        return
    supernet = _new_supernet(config, method)
    train_one_shot(
        supernet,
        load_task(config, context.folder),
        one_shot_training(config, steps),
        method=method,
        seed=derive_seed(config.seed, stage_name(method)),
        name=f"{method}: supernet",
        progress=context.progress("training"),
        device=torch.device(context.resources.device),
        workers=context.resources.num_workers,
    )
    save_weights(target, KIND, supernet)


def _new_supernet(config: Config, method: str) -> OneShotSupernet:
    with seeded_generators(derive_seed(config.seed, stage_name(method), "weights")):
        return OneShotSupernet(config.space, build_teacher(config))


def load_supernet(config: Config, folder: Path, method: str) -> OneShotSupernet:
    """Return the trained supernet of a method; raises as :func:`~qabwnas.train.checkpoint.load_weights`."""
    supernet = _new_supernet(config, method)
    load_weights(folder / weights_name(method), KIND, supernet)
    return supernet

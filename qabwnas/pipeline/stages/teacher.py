"""Stage 2: train the teacher, or take the weights that it is given. Writes ``teacher.pt``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from qabwnas.errors import FormatError
from qabwnas.io.fingerprint import file_sha256
from qabwnas.nets.network import Network
from qabwnas.pipeline.config.config import Config, ModuleTeacher, TrainedTeacher, config_to_json
from qabwnas.pipeline.execution.jobs import Job, Serial
from qabwnas.pipeline.execution.torchrun import training_engine
from qabwnas.pipeline.stages.data import load_task
from qabwnas.pipeline.stages.stage import Stage, Workplace
from qabwnas.pipeline.stages.teacher_network import build_teacher, given_teacher, trainable_teacher
from qabwnas.train.checkpoint import load_weights, save_weights
from qabwnas.train.parallel import rank
from qabwnas.train.seeds import derive_seed, own_generators
from qabwnas.train.settings import Training
from qabwnas.train.teacher import train_teacher

KIND = "teacher"
FILE_NAME = "teacher.pt"
TRAINED_NAME = "trained.pt"


def _settings(config: Config) -> dict[str, Any]:
    content = config_to_json(config)
    space = content["space"]
    # What the space lets the search choose from is nothing to the teacher.
    shapes = [{name: block[name] for name in ("channels", "stride", "dilation")} for block in space["blocks"]]
    fixed = {name: space[name] for name in ("input", "stem", "head")}
    return {"seed": config.seed, "teacher": _identity(config), "space": {**fixed, "blocks": shapes}}


def _identity(config: Config) -> dict[str, Any]:
    """Return the teacher's fields, with the contents of files instead of where they are."""
    fields: dict[str, Any] = config_to_json(config)["teacher"]
    fields.pop("folder", None)  # it may be moved
    digests = {}
    for name in ("checkpoint", "weights"):
        if fields.get(name) is not None:
            digests[name] = file_sha256(Path(fields[name]))
    return fields | digests


def _make(place: Workplace) -> list[str]:
    config = place.config
    if not isinstance(config.teacher, TrainedTeacher):
        save_weights(place.folder / FILE_NAME, KIND, given_teacher(config))
    else:
        alone = replace(place, resources=replace(place.resources, engine=Serial()))  # a job starts none of its own
        training_engine(Serial()).run([Job(KIND, _train, (alone, config.teacher.training))])
        (place.scratch / TRAINED_NAME).replace(place.folder / FILE_NAME)
    return [FILE_NAME]


def _train(place: Workplace, settings: Training) -> None:
    config, teacher = place.config, place.config.teacher
    auxiliary = teacher.auxiliary if isinstance(teacher, TrainedTeacher) else None
    if (place.scratch / TRAINED_NAME).exists():
        return
    task = load_task(config, place.folder)
    seed = derive_seed(config.seed, "teacher")
    with own_generators(seed):
        network = trainable_teacher(config)
    train_teacher(
        network,
        task,
        settings,
        seed=seed,
        name=KIND,
        progress=place.progress(KIND),
        auxiliary_weight=auxiliary.weight if auxiliary else 0.0,
        device=torch.device(place.resources.device),
        workers=place.resources.n_readers,
    )
    network.auxiliary = None  # its work is done
    if rank() == 0:
        save_weights(place.scratch / TRAINED_NAME, KIND, network)


def load_teacher(config: Config, folder: Path) -> Network:
    """Return the teacher of a run, in evaluation mode.

    Raises:
        InputError: as :func:`~qabwnas.pipeline.stages.teacher_network.build_teacher`.
        FormatError: as :func:`~qabwnas.train.checkpoint.load_weights`.
    """
    network = build_teacher(config)
    try:
        load_weights(folder / FILE_NAME, KIND, network)
    except FormatError as error:
        if not isinstance(config.teacher, ModuleTeacher):
            raise
        raise FormatError(
            f"{error}; if the module was changed, or divided into operators in another way by an earlier version, "
            "make the run anew in another folder"
        ) from error
    return network.eval()


STAGE = Stage("teacher", ("data",), _settings, _make)

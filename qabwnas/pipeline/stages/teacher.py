"""Stage 2: train the teacher, or take the weights that it is given. Writes ``teacher.pt``.

Later stages train and measure students against the variances of the teacher's channels (the targets). Each keeps them
as a file in its scratch folder.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from qabwnas.errors import FormatError, InputError
from qabwnas.io.fingerprint import file_sha256
from qabwnas.measure.target_variance import measure_target_variances
from qabwnas.nets.network import Network
from qabwnas.pipeline.config.config import Config, config_to_json
from qabwnas.pipeline.config.teacher import CheckpointTeacher, ModuleTeacher, TrainedTeacher
from qabwnas.pipeline.execution.jobs import Job, Serial
from qabwnas.pipeline.execution.torchrun import training_engine
from qabwnas.pipeline.stages.data import load_task
from qabwnas.pipeline.stages.stage import Stage, StageContext
from qabwnas.pipeline.stages.teacher_network import (
    build_teacher,
    given_teacher,
    log_float_parts,
    trainable_teacher,
    trained_network,
)
from qabwnas.quant.nsr import TargetVariance
from qabwnas.train.checkpoint import load_checkpoint, load_weights, save_checkpoint, save_weights
from qabwnas.train.label_loss import label_loss
from qabwnas.train.parallel import rank
from qabwnas.train.sampling import derive_seed, seeded_generators
from qabwnas.train.settings import Training
from qabwnas.train.teacher import train_teacher

KIND = "teacher"
FILE_NAME = "teacher.pt"
TRAINED_NAME = "trained.pt"
VARIANCES_NAME, VARIANCES_KIND = "signal.pt", "signal"


def _settings(config: Config) -> dict[str, Any]:
    content = config_to_json(config)
    space = content["space"]
    # The teacher does not depend on the candidates of the space.
    shapes = [{name: block[name] for name in ("channels", "stride", "dilation")} for block in space["blocks"]]
    fixed = {name: space[name] for name in ("input", "stem", "head")}
    return {"seed": config.seed, "teacher": _identity(config), "space": {**fixed, "blocks": shapes}}


def _identity(config: Config) -> dict[str, Any]:
    """Return the teacher's fields, with digests of files instead of their paths."""
    fields: dict[str, Any] = config_to_json(config)["teacher"]
    fields.pop("folder", None)  # the folder may be moved
    digests = {}
    for name in ("checkpoint", "weights"):
        if fields.get(name) is not None:
            digests[name] = file_sha256(Path(fields[name]))
    return fields | digests


def _make(context: StageContext) -> list[str]:
    config = context.config
    _check_label_smoothing(context)
    if isinstance(config.teacher, CheckpointTeacher) or config.teacher.training is None:
        network = given_teacher(config)
        log_float_parts(config, network)
        save_weights(context.folder / FILE_NAME, KIND, network)
    else:
        training_engine(Serial()).run([Job(KIND, _train, (context.for_job(), config.teacher.training))])
        (context.scratch / TRAINED_NAME).replace(context.folder / FILE_NAME)
    return [FILE_NAME]


def _check_label_smoothing(context: StageContext) -> None:
    """Raise before anything is trained if a training of the run smoothes labels and the task's loss does not."""
    config = context.config
    trainings = {"networks.training": config.networks.training, "networks.qat": config.networks.qat}
    if not isinstance(config.teacher, CheckpointTeacher):
        trainings = {"teacher.training": config.teacher.training, **trainings}
    for field, training in trainings.items():
        if training is not None and training.label_smoothing:
            try:
                label_loss(load_task(config, context.folder), training.label_smoothing)
            except InputError as error:
                raise InputError(f"{field}.{error}") from error


def _train(context: StageContext, settings: Training) -> None:
    config, teacher = context.config, context.config.teacher
    auxiliary = teacher.auxiliary if isinstance(teacher, TrainedTeacher) else None
    if (context.scratch / TRAINED_NAME).exists():
        return
    task = load_task(config, context.folder)
    seed = derive_seed(config.seed, "teacher")
    with seeded_generators(seed):
        trained, frozen = trainable_teacher(config)
    if isinstance(trained, Network):  # a module is split when it is trained
        log_float_parts(config, trained)
    train_teacher(
        trained,
        task,
        settings,
        seed=seed,
        name=KIND,
        progress=context.progress(KIND),
        auxiliary_weight=auxiliary.weight if auxiliary else 0.0,
        frozen=frozen,
        device=torch.device(context.resources.device),
        workers=context.resources.num_workers,
    )
    if rank() == 0:
        save_weights(context.scratch / TRAINED_NAME, KIND, trained_network(config, trained))


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
            f"{error}; if the module was changed, or an earlier version divided it into operators differently, "
            "start a new run in another folder"
        ) from error
    return network.eval()


def target_variances(config: Config, folder: Path, device: str, path: Path) -> list[TargetVariance]:
    """Return the variances of the teacher's channels at the output of every block, from ``path`` if that file exists.

    Otherwise measure them on the validation split and write the file. Raises InputError as
    :func:`~qabwnas.measure.target_variance.measure_target_variances`.
    """
    if not path.exists():
        teacher = load_teacher(config, folder).to(device)
        names = [block.name for block in config.space.blocks]
        measured = measure_target_variances(teacher, names, load_task(config, folder).splits.validation)
        save_checkpoint(path, VARIANCES_KIND, {"variances": [target.variances for target in measured]})
    return [TargetVariance.of(variances) for variances in load_checkpoint(path, VARIANCES_KIND)["variances"]]


STAGE = Stage("teacher", ("data",), _settings, _make)

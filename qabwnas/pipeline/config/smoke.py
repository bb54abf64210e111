"""A smoke test of a run: the same stages with hardly any training, to see whether everything works."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from qabwnas.pipeline.config.config import CheckpointTeacher, Config, HeldOut, MeasuredDevice
from qabwnas.train.settings import TrainingSettings

T = TypeVar("T", bound=TrainingSettings)

STEPS = 2
ROUNDS = 2
IMAGES = 2
"""As standard errors need."""


def smoke_config(config: Config) -> Config:
    """Return the run with at most ``STEPS`` steps per training, ``IMAGES`` images to calibrate and to validate, and
    ``ROUNDS`` rounds of a device.

    What is drawn, searched and reported stays the same, and no result means anything. A task of a user's own keeps its
    images.
    """
    task, teacher, networks = config.task, config.teacher, config.networks
    if isinstance(task, HeldOut):
        calibration, validation = min(task.calibration, IMAGES), min(task.validation, IMAGES)
        task = replace(task, calibration=calibration, validation=validation)
    if not isinstance(teacher, CheckpointTeacher) and teacher.training is not None:
        teacher = replace(teacher, training=_few_steps(teacher.training))
    return replace(
        config,
        task=task,
        teacher=teacher,
        supernet=replace(config.supernet, training=_few_steps(config.supernet.training)),
        networks=replace(
            networks,
            training=_few_steps(networks.training),
            qat=None if networks.qat is None else _few_steps(networks.qat),
        ),
        latency=tuple(
            replace(device, measure=replace(device.measure, rounds=min(device.measure.rounds, ROUNDS)))
            if isinstance(device, MeasuredDevice)
            else device
            for device in config.latency
        ),
    )


def _few_steps(training: T) -> T:
    return replace(training, steps=min(training.steps, STEPS), warm_up=0)

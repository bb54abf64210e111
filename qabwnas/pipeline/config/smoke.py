"""A smoke test of a run: the same stages with hardly any work, to see whether everything works."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from qabwnas.pipeline.config.config import Config
from qabwnas.pipeline.config.latency import MeasuredDevice
from qabwnas.pipeline.config.task import CityscapesTask, HeldOut, Scenes
from qabwnas.pipeline.config.teacher import CheckpointTeacher, ModuleTeacher
from qabwnas.space import SearchSpace, Shape
from qabwnas.train.settings import TrainingSettings

T = TypeVar("T", bound=TrainingSettings)

STEPS = 2
ROUNDS = 2
IMAGES = 2
"""As standard errors need."""
SCENES = Scenes(train=12, val=2)
HEIGHT, WIDTH = 64, 128
"""The largest scenes that are drawn."""
OPERATIONS = 2
"""Operations of each block. Each block takes others, so that all are tried."""
ROWS = 24
"""Rows per block, if rows are sampled."""


def smoke_config(config: Config) -> Config:
    """Return a run of the same stages with little work: no result means anything.

    Left are at most ``STEPS`` steps per training, ``IMAGES`` images to calibrate and to validate, ``ROUNDS`` rounds of
    a device, ``OPERATIONS`` operations per block (all if there are devices, whose results are of all), one seed and one
    point per front. Fewer and smaller scenes are drawn. Data in a folder stay as they are, and so does the space's
    input, which has to fit them. A task of a user's own keeps its images.
    """
    task, teacher, networks, space = config.task, config.teacher, config.networks, config.space
    if isinstance(task, HeldOut):
        calibration, validation = min(task.calibration, IMAGES), min(task.validation, IMAGES)
        task = replace(task, calibration=calibration, validation=validation)
    if isinstance(task, CityscapesTask) and task.scenes is not None:
        scenes = task.scenes
        train, val = min(scenes.train, SCENES.train), min(scenes.val, SCENES.val)
        task = replace(task, scenes=replace(scenes, train=train, val=val))
        if not isinstance(teacher, ModuleTeacher):  # which may need the size of its images
            crop = min(task.crop[0], HEIGHT), min(task.crop[1], WIDTH)
            task = replace(task, crop=crop)
            space = replace(space, input=_small(space.input))
    if not isinstance(teacher, CheckpointTeacher) and teacher.training is not None:
        teacher = replace(teacher, training=_few_steps(teacher.training))
    n_rows = max(ROWS, len(space.bit_widths))
    return replace(
        config,
        task=task,
        space=space if config.latency else _with_few_operations(space),
        teacher=teacher,
        supernet=replace(config.supernet, training=_few_steps(config.supernet.training)),
        networks=replace(
            networks,
            training=_few_steps(networks.training),
            seeds=1,
            qat=None if networks.qat is None else _few_steps(networks.qat),
        ),
        latency=tuple(
            replace(device, measure=replace(device.measure, rounds=min(device.measure.rounds, ROUNDS)))
            if isinstance(device, MeasuredDevice)
            else device
            for device in config.latency
        ),
        front_points=min(config.front_points, 1),
        sample=min(config.sample or n_rows, n_rows) if space.policy == "layer" else None,
    )


def _few_steps(training: T) -> T:
    return replace(training, steps=min(training.steps, STEPS), warm_up=0)


def _small(shape: Shape) -> Shape:
    return Shape(shape.channels, min(shape.height, HEIGHT), min(shape.width, WIDTH))


def _with_few_operations(space: SearchSpace) -> SearchSpace:
    blocks = []
    for b, block in enumerate(space.blocks):
        n = len(block.operations)
        chosen = {(b * OPERATIONS + i) % n for i in range(min(OPERATIONS, n))}
        operations = tuple(block.operations[index] for index in sorted(chosen))
        blocks.append(replace(block, operations=operations))
    return replace(space, blocks=tuple(blocks))

"""A run that is shortened, to see whether everything works before it takes days."""

from __future__ import annotations

from dataclasses import replace

from qabwnas.pipeline.config import Config
from qabwnas.train.settings import Training


def shortened(config: Config, divisor: int) -> Config:
    """Return the run with steps of every training, and images to calibrate and measure on, divided by ``divisor``.

    At least one step or image is left. What is drawn, searched and reported is the same, and nothing is comparable.
    """
    task = config.task
    return replace(
        config,
        task=replace(
            task,
            n_calibration=_part(task.n_calibration, divisor),
            n_validation=_part(task.n_validation, divisor),
        ),
        teacher=replace(config.teacher, training=_shortened(config.teacher.training, divisor)),
        supernet=replace(
            config.supernet, training=tuple(_shortened(training, divisor) for training in config.supernet.training)
        ),
        networks=replace(config.networks, training=_shortened(config.networks.training, divisor)),
    )


def _shortened(training: Training, divisor: int) -> Training:
    return replace(training, steps=_part(training.steps, divisor), warm_up=training.warm_up // divisor)


def _part(number: int, divisor: int) -> int:
    return max(1, number // divisor) if number else 0

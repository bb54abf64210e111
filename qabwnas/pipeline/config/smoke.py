"""A run that is shortened, to see whether everything works before it takes days."""

from __future__ import annotations

from dataclasses import replace

from qabwnas.pipeline.config.config import Config
from qabwnas.train.settings import Training


def shortened(config: Config, divisor: int) -> Config:
    """Return the run with steps of every training, and images to calibrate and measure on, divided by ``divisor``.

    At least one step is left, and two images, as standard errors need. What is drawn, searched and reported is the
    same, and nothing is comparable.
    """
    task, training, networks = config.task, config.teacher.training, config.networks
    return replace(
        config,
        task=replace(
            task,
            n_calibration=_part(task.n_calibration, divisor, at_least=2),
            n_validation=_part(task.n_validation, divisor, at_least=2),
        ),
        teacher=replace(config.teacher, training=training and _shortened(training, divisor)),
        supernet=replace(
            config.supernet, training=tuple(_shortened(training, divisor) for training in config.supernet.training)
        ),
        networks=replace(
            networks,
            training=_shortened(networks.training, divisor),
            qat=None if networks.qat is None else _shortened(networks.qat, divisor),
        ),
    )


def _shortened(training: Training, divisor: int) -> Training:
    return replace(training, steps=_part(training.steps, divisor), warm_up=training.warm_up // divisor)


def _part(number: int, divisor: int, at_least: int = 1) -> int:
    return max(min(at_least, number), number // divisor)

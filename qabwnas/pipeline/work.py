"""How much work the stages of a run are, for the estimate of its remaining time.

The unit is one forward pass of an image through a whole network. A training step takes three of them per image (the
backward pass takes about two). A row of a LUT takes one layer's share of it per image, since prefixes are shared. The
stages that only search count nothing. Real speeds differ by about a factor of two between stages.
"""

from __future__ import annotations

from collections.abc import Mapping

from qabwnas.pipeline.config.config import Config
from qabwnas.pipeline.config.teacher import CheckpointTeacher
from qabwnas.pipeline.stages import lut
from qabwnas.train.settings import TrainingSettings

TRAINING_PASSES = 3


def stage_work(config: Config, n_images: Mapping[str, int]) -> dict[str, float]:
    """Return the forward passes of every stage that takes long; ``n_images`` are the images of every split."""
    space, teacher, networks = config.space, config.teacher, config.networks
    n_layers = sum(block.n_layers for block in space.blocks)
    n_rows = sum(shard.n_rows(space) for shard in lut.shards_of(config))
    n_fronts = len(space.bit_widths) + (len(space.bit_widths) > 1)
    n_answers = len(config.budgets) + config.front_points * n_fronts
    n_networks = (n_answers + networks.control) * networks.seeds
    with_teacher = TRAINING_PASSES + 1
    passes = with_teacher if networks.distillation else TRAINING_PASSES
    retraining = _images(networks.training) + (0 if networks.qat is None else _images(networks.qat))
    training = None if isinstance(teacher, CheckpointTeacher) else teacher.training
    scored = len(space.bit_widths) + 1 + n_networks * (2 + (networks.qat is not None))
    return {
        "teacher": 0 if training is None else TRAINING_PASSES * _images(training),
        "supernet": with_teacher * _images(config.supernet.training),
        "lut": n_rows * n_images["validation"] / n_layers,
        "networks": n_networks * passes * retraining,
        "report": scored * n_images["test"],
    }


def _images(training: TrainingSettings) -> int:
    return training.steps * training.batch

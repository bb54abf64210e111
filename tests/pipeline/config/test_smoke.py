"""Shortened runs: fewer steps and images, at least one of each, and all else as it was."""

from dataclasses import replace
from pathlib import Path

from qabwnas.pipeline.config.config import TaskConfig
from qabwnas.pipeline.config.config_yaml import config_to_json, demo_config
from qabwnas.pipeline.config.smoke import shortened


def test_steps_and_images_are_divided() -> None:
    config = replace(demo_config(), task=TaskConfig("cityscapes", Path("data"), None, (32, 64), 64, 500))
    short = shortened(config, 100)
    assert (short.task.n_calibration, short.task.n_validation) == (2, 5)
    assert short.teacher.training == replace(config.teacher.training, steps=3, warm_up=0)
    assert short.supernet.training == tuple(replace(t, steps=8, warm_up=0) for t in config.supernet.training)
    assert short.networks.training == replace(config.networks.training, steps=2, warm_up=0)
    assert short.networks.qat is None
    tuned = shortened(replace(config, networks=config.networks.with_qat()), 5)
    assert tuned.networks.qat is not None
    assert tuned.networks.qat.steps == config.networks.training.steps // 10 // 5
    before, after = config_to_json(config), config_to_json(short)
    assert {name for name in before if before[name] != after[name]} == {"task", "teacher", "supernet", "networks"}


def test_by_one_nothing_changes() -> None:
    assert shortened(demo_config(), 1) == demo_config()

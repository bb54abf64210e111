"""Smoke tests: few steps and images, and all else as it was."""

from dataclasses import replace
from pathlib import Path

from qabwnas.costs.roofline import load_device
from qabwnas.pipeline.config.config import (
    CityscapesTask,
    EstimatedDevice,
    MeasuredDevice,
    Measurement,
    TrainedTeacher,
    config_to_json,
)
from qabwnas.pipeline.config.load import demo_config
from qabwnas.pipeline.config.smoke import smoke_config


def test_steps_and_images_are_few() -> None:
    task = CityscapesTask(64, 1, "cityscapes", (32, 64), root=Path("data"))
    config = replace(demo_config(), task=task, networks=demo_config().networks.with_qat())
    small = smoke_config(config)
    assert small.task == replace(task, calibration=2)
    assert isinstance(config.teacher, TrainedTeacher)
    assert small.teacher == replace(config.teacher, training=replace(config.teacher.training, steps=2, warm_up=0))
    assert small.supernet.training == replace(config.supernet.training, steps=2, warm_up=0)
    for name in ("training", "qat"):
        assert getattr(small.networks, name) == replace(getattr(config.networks, name), steps=2, warm_up=0)
    before, after = config_to_json(config), config_to_json(small)
    assert {name for name in before if before[name] != after[name]} == {"task", "teacher", "supernet", "networks"}


def test_devices_are_measured_in_few_rounds() -> None:
    here = MeasuredDevice("here", Measurement(threads=2, rounds=100))
    described = EstimatedDevice("made-up-edge-cpu", load_device("made-up-edge-cpu"))
    small = smoke_config(replace(demo_config(), latency=(described, here)))
    assert small.latency == (described, MeasuredDevice("here", Measurement(threads=2, rounds=2)))


def test_a_smaller_run_stays_as_it_is() -> None:
    small = smoke_config(demo_config())
    assert smoke_config(small) == small

"""Smoke tests: little of everything, and all stages as they were."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from qabwnas.costs.roofline import load_device
from qabwnas.errors import InputError
from qabwnas.io.yaml_reader import parse_yaml
from qabwnas.pipeline.config.config import Config, config_to_json
from qabwnas.pipeline.config.examples import example_text
from qabwnas.pipeline.config.latency import EstimatedDevice, MeasuredDevice, Measurement
from qabwnas.pipeline.config.load import demo_config, load_config, parse_config
from qabwnas.pipeline.config.smoke import smoke_config
from qabwnas.pipeline.config.task import CityscapesTask, Scenes
from qabwnas.pipeline.config.teacher import TrainedTeacher


def street() -> Config:
    return parse_config(parse_yaml(example_text("street-small"), "street-small.yaml"))


def test_trainings_and_images_are_cut() -> None:
    task = CityscapesTask(64, 1, "cityscapes", (32, 64), root=Path("data"))
    config = replace(demo_config(), task=task, networks=demo_config().networks.with_qat())
    small = smoke_config(config)
    assert small.task == replace(task, calibration=2)
    assert isinstance(config.teacher, TrainedTeacher)
    assert small.teacher == replace(config.teacher, training=replace(config.teacher.training, steps=2, warm_up=0))
    assert small.supernet.training == replace(config.supernet.training, steps=2, warm_up=0)
    for name in ("training", "qat"):
        assert getattr(small.networks, name) == replace(getattr(config.networks, name), steps=2, warm_up=0)
    assert small.space.input == config.space.input, "images in a folder have the size that they have"
    before, after = config_to_json(config), config_to_json(small)
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"task", "teacher", "supernet", "networks", "space"}


def test_scenes_are_few_and_small_and_every_operation_is_tried() -> None:
    config = replace(street(), front_points=4)
    small = smoke_config(config)
    assert isinstance(small.task, CityscapesTask)
    assert small.task.scenes == Scenes(12, 2, 0)
    assert small.task.crop == tuple(small.space.input[1:]) == (64, 128)
    assert [block.n_candidates for block in small.space.blocks] == [8, 8, 16, 16, 8, 2]
    tried = {operation for block in small.space.blocks for operation in block.operations}
    assert tried == {operation for block in config.space.blocks for operation in block.operations}
    assert small.front_points == 1


def test_few_rows_are_sampled() -> None:
    space = replace(street().space, policy="layer")
    assert smoke_config(replace(street(), space=space, policy=None, bit_widths=None, sample=500)).sample == 24


def test_devices_are_measured_in_few_rounds() -> None:
    here = MeasuredDevice("here", Measurement(threads=2, rounds=100))
    described = EstimatedDevice("made-up-edge-cpu", load_device("made-up-edge-cpu"))
    small = smoke_config(replace(demo_config(), latency=(described, here)))
    assert small.latency == (described, MeasuredDevice("here", Measurement(threads=2, rounds=2)))


def test_a_smaller_run_stays_as_it_is() -> None:
    small = smoke_config(street())
    assert smoke_config(small).task == small.task
    assert smoke_config(small).space.input == small.space.input


def test_scenes_are_drawn_where_nothing_says_where_cityscapes_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "c.yaml").write_text(example_text("cityscapes"))
    monkeypatch.delenv("CITYSCAPES_DATASET", raising=False)
    with pytest.raises(InputError, match="task.root: missing, and CITYSCAPES_DATASET is not set"):
        load_config(tmp_path / "c.yaml")
    task = load_config(tmp_path / "c.yaml", draws=True).task
    assert isinstance(task, CityscapesTask)
    assert (task.root, task.scenes) == (None, Scenes(12, 2))
    monkeypatch.setenv("CITYSCAPES_DATASET", str(tmp_path))
    task = load_config(tmp_path / "c.yaml", draws=True).task
    assert isinstance(task, CityscapesTask)
    assert (task.root, task.scenes) == (tmp_path, None)

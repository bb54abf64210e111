"""Tasks from YAML: what they become, what is written, and what is wrong in one line."""

from pathlib import Path
from typing import Any

import pytest

from qabwnas.errors import InputError
from qabwnas.io.fields import Fields
from qabwnas.pipeline.config.config import Scenes, TaskConfig
from qabwnas.pipeline.config.task_yaml import CITYSCAPES_VARIABLE, parse_task, task_to_json, with_root

STREET = {"name": "cityscapes", "root": "data", "crop": [32, 64], "calibration": 4, "validation": 6}
DRAWN = {**STREET, "root": None, "scenes": {"train": 9, "val": 3}}


def parse(task: Any) -> TaskConfig:
    return parse_task(Fields({"task": task}, "config"), Path("folder"))


def test_what_tasks_become() -> None:
    assert parse("digits") == parse({"name": "digits"}) == TaskConfig("digits")
    assert parse(STREET) == TaskConfig("cityscapes", Path("folder/data").absolute(), None, (32, 64), 4, 6)
    assert parse(DRAWN) == TaskConfig("cityscapes", None, Scenes(9, 3, 0), (32, 64), 4, 6)
    images = {"name": "image-folder", "root": "/data", "calibration": 4, "validation": 6}
    assert parse(images) == TaskConfig("image-folder", Path("/data"), None, None, 4, 6)


@pytest.mark.parametrize("task", ["digits", STREET, DRAWN])
def test_what_is_written_is_read_back(task: Any) -> None:
    config = parse(task)
    written = task_to_json(config)
    assert parse_task(Fields({"task": written}, "config"), Path()) == config


def test_the_environment_names_the_folder_of_cityscapes(monkeypatch: pytest.MonkeyPatch) -> None:
    rootless = {name: value for name, value in STREET.items() if name != "root"}
    monkeypatch.setenv(CITYSCAPES_VARIABLE, "/elsewhere")
    assert parse(rootless).root == Path("/elsewhere")
    monkeypatch.delenv(CITYSCAPES_VARIABLE)
    with pytest.raises(InputError, match="config: task.root: missing, and CITYSCAPES_DATASET is not set"):
        parse(rootless)


def test_another_root_takes_the_place_of_root_and_scenes(tmp_path: Path) -> None:
    content = {"task": DRAWN, "seed": 1}
    changed = with_root(content, tmp_path, "config")
    assert changed == {"task": {**STREET, "root": str(tmp_path)}, "seed": 1}
    with pytest.raises(InputError, match="config: task: has no data in a folder"):
        with_root({"task": "digits"}, tmp_path, "config")


@pytest.mark.parametrize(
    ("task", "message"),
    [
        ("imagenet", "config: task: 'imagenet' is not one of digits, cityscapes, image-folder"),
        ("cityscapes", "config: task: 'cityscapes' needs settings"),
        ({"name": "digits", "root": "data"}, "config: task.root: unknown field"),
        ({**STREET, "crop": [32]}, "config: task.crop: .32. is not a height and a width"),
        ({**STREET, "crop": [32, 0]}, r"config: task.crop\[1\]: 0 is not a whole number of 1 or more"),
        ({**STREET, "root": 3}, "config: task.root: 3 is not a folder"),
        ({**STREET, "calibration": 0}, "config: task.calibration: 0 is not a whole number of 1 or more"),
        (
            {**STREET, "scenes": {"train": 9, "val": 3}},
            "config: task.scenes: scenes are drawn where there is no root; give one",
        ),
        ({**DRAWN, "scenes": {"train": 9}}, "config: task.scenes.val: missing"),
        ({"name": "image-folder", "calibration": 4, "validation": 6}, "config: task.root: None is not a folder"),
    ],
)
def test_what_is_wrong_with_a_task(task: Any, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(CITYSCAPES_VARIABLE, raising=False)
    with pytest.raises(InputError, match=message):
        parse(task)

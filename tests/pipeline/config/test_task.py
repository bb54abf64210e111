"""Tasks from YAML: what they become, what is written, and what is wrong in one line."""

from pathlib import Path
from typing import Any

import pytest

from qabwnas.data.fashion import DEBIAN_ROOT
from qabwnas.errors import InputError
from qabwnas.pipeline.config.config import config_to_json
from qabwnas.pipeline.config.load import parse_config, with_root
from qabwnas.pipeline.config.task import (
    CITYSCAPES_VARIABLE,
    CityscapesTask,
    DigitsTask,
    FashionTask,
    ImageFolderTask,
    Scenes,
    Task,
)
from tests.pipeline.tiny import SPACE, TINY

STREET = {"name": "cityscapes", "root": "data", "crop": [32, 64], "calibration": 4, "validation": 6}
DRAWN = {**STREET, "root": None, "scenes": {"train": 9, "val": 3}}


def parse(task: Any, folder: str = "folder") -> Task:
    return parse_config(TINY | {"space": SPACE, "task": task}, folder=Path(folder)).task


def test_what_tasks_become() -> None:
    assert parse("digits") == parse({"name": "digits"}) == DigitsTask()
    assert parse("fashion") == FashionTask(name="fashion", calibration=200, validation=1000, root=DEBIAN_ROOT)
    assert parse({"name": "fashion", "validation": 7, "root": "/data"}) == FashionTask(
        name="fashion", validation=7, root=Path("/data")
    )
    held_out = {"crop": (32, 64), "calibration": 4, "validation": 6}
    root = Path("folder/data").absolute()
    assert parse(STREET) == CityscapesTask(name="cityscapes", **held_out, root=root)
    assert parse(DRAWN) == CityscapesTask(name="cityscapes", **held_out, scenes=Scenes(9, 3, 0))
    images = {"name": "image-folder", "root": "/data", "calibration": 4, "validation": 6}
    assert parse(images) == ImageFolderTask(4, 6, "image-folder", Path("/data"))


@pytest.mark.parametrize("task", ["digits", "fashion", STREET, DRAWN])
def test_what_is_written_is_read_back(task: Any) -> None:
    config = parse_config(TINY | {"space": SPACE, "task": task}, folder=Path("folder"))
    assert parse(config_to_json(config)["task"], "") == config.task


def test_the_environment_names_the_folder_of_cityscapes(monkeypatch: pytest.MonkeyPatch) -> None:
    rootless = {name: value for name, value in STREET.items() if name != "root"}
    monkeypatch.setenv(CITYSCAPES_VARIABLE, "/elsewhere")
    task = parse(rootless)
    assert isinstance(task, CityscapesTask)
    assert task.root == Path("/elsewhere")
    monkeypatch.delenv(CITYSCAPES_VARIABLE)
    with pytest.raises(InputError, match="config: task.root: missing, and CITYSCAPES_DATASET is not set"):
        parse(rootless)


def test_another_root_takes_the_place_of_root_and_scenes(tmp_path: Path) -> None:
    content = {"task": DRAWN, "seed": 1}
    changed = with_root(content, tmp_path, "config")
    assert changed == {"task": {**STREET, "root": str(tmp_path)}, "seed": 1}
    assert with_root({"task": "fashion"}, tmp_path, "config") == {"task": {"name": "fashion", "root": str(tmp_path)}}
    with pytest.raises(InputError, match="config: task: has no data in a folder"):
        with_root({"task": "digits"}, tmp_path, "config")


@pytest.mark.parametrize(
    ("task", "message"),
    [
        ("imagenet", "config: task: 'imagenet' is not one of digits, fashion, cityscapes, image-folder"),
        ("cityscapes", "config: task: 'cityscapes' needs settings"),
        (5, "config: task: not a mapping of fields"),
        ({"root": "data"}, "config: task.name: missing"),
        ({"name": "imagenet"}, "config: task.name: 'imagenet' is not one of digits, fashion, cityscapes, image-folder"),
        ({"name": "digits", "root": "data"}, "config: task.root: unknown field"),
        ({**STREET, "crop": [32]}, r"config: task.crop\[1\]: missing"),
        ({**STREET, "crop": [32, 64, 3]}, "config: task.crop: has 3 entries, not 2"),
        ({**STREET, "crop": [32, 0]}, r"config: task.crop\[1\]: 0 is less than 1"),
        ({**STREET, "root": 3}, "config: task.root: 3 is not a path; put it between quotes"),
        ({**STREET, "calibration": 0}, "config: task.calibration: 0 is less than 1"),
        ({**STREET, "n_calibration": 4}, "config: task.n_calibration: unknown field"),
        (
            {**STREET, "scenes": {"train": 9, "val": 3}},
            "config: task.root: scenes are drawn where there is no root; give one",
        ),
        ({**DRAWN, "scenes": {"train": 9}}, "config: task.scenes.val: missing"),
        ({"name": "image-folder", "calibration": 4, "validation": 6}, "config: task.root: missing"),
    ],
)
def test_what_is_wrong_with_a_task(task: Any, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(CITYSCAPES_VARIABLE, raising=False)
    with pytest.raises(InputError, match=f"^{message}"):
        parse(task)

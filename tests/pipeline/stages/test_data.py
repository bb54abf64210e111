"""The first stage: what data are taken, drawn or refused, and that they are missed when they change."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from qabwnas.errors import InputError, StaleError
from qabwnas.pipeline.config.config import Config
from qabwnas.pipeline.config.load import load_config
from qabwnas.pipeline.config.task import CityscapesTask
from qabwnas.pipeline.run import run_stages
from qabwnas.pipeline.stages import data
from qabwnas.pipeline.stages.data import load_task
from qabwnas.train.tasks import Classification, Segmentation
from tests.pipeline.tiny import SPACE, TINY, write_config

STREET = {
    "name": "cityscapes",
    "scenes": {"train": 9, "val": 3},
    "crop": [32, 48],
    "calibration": 2,
    "validation": 3,
}
SIZE = {"channels": 3, "height": 32, "width": 64}
HEAD = {"kind": "deeplabv3", "classes": 19, "channels": 4, "dilations": [1]}


def config(folder: Path, task: Any, **space: Any) -> Config:
    return load_config(write_config(folder, {**TINY, "task": task}, {**SPACE, **space}))


def run(street: Config, folder: Path, force: bool = False) -> None:
    run_stages([data.STAGE], street, folder, force=force)


@pytest.fixture
def street(tmp_path: Path) -> Config:
    return config(tmp_path, STREET, input=SIZE, head=HEAD)


def test_scenes_are_drawn_into_the_run(street: Config, tmp_path: Path) -> None:
    run(street, tmp_path / "run")
    described = json.loads((tmp_path / "run" / "data.json").read_text())
    assert {name: part["images"] for name, part in described.items()} == {
        "train": 4,
        "calibration": 2,
        "validation": 3,
        "test": 3,
    }
    task = load_task(street, tmp_path / "run")
    assert isinstance(task, Segmentation)
    assert task.splits.train.draw([0, 1], 0).images.shape == (2, 3, 32, 48)
    assert task.splits.test.read([2]).labels.shape == (1, 32, 64)


def test_other_scenes_are_another_run(street: Config, tmp_path: Path) -> None:
    run(street, tmp_path / "run")
    assert isinstance(street.task, CityscapesTask)
    assert street.task.scenes is not None
    other = replace(street, task=replace(street.task, scenes=replace(street.task.scenes, seed=1)))
    with pytest.raises(InputError, match="data was made with other settings .task.scenes.seed: 0 → 1."):
        run(other, tmp_path / "run")
    before = load_task(street, tmp_path / "run").splits.test.read([0]).images
    run(other, tmp_path / "run", force=True)
    assert not before.equal(load_task(other, tmp_path / "run").splits.test.read([0]).images)


def test_data_that_change_are_missed(street: Config, tmp_path: Path) -> None:
    run(street, tmp_path / "run")
    path = next((tmp_path / "run" / "scenes" / "leftImg8bit" / "val").rglob("*.png"))
    Image.new("RGB", (64, 32)).save(path)
    with pytest.raises(StaleError, match="run: the test split has changed; delete data.json to start again"):
        load_task(street, tmp_path / "run")


def test_data_in_a_folder(street: Config, tmp_path: Path) -> None:
    run(street, tmp_path / "run")
    root = tmp_path / "run" / "scenes"
    assert isinstance(street.task, CityscapesTask)
    elsewhere = replace(street, task=replace(street.task, root=root, scenes=None))
    run(elsewhere, tmp_path / "other")
    assert (tmp_path / "other" / "data.json").read_text() == (tmp_path / "run" / "data.json").read_text()
    gone = replace(elsewhere, task=replace(street.task, root=tmp_path / "gone", scenes=None))
    with pytest.raises(InputError, match="gone"):
        run(gone, tmp_path / "third")


def test_images_of_another_size_or_number_of_classes_are_refused(street: Config, tmp_path: Path) -> None:
    run(street, tmp_path / "run")
    task = {**STREET, "scenes": None, "root": str(tmp_path / "run" / "scenes")}
    wider = config(tmp_path, task, input={**SIZE, "width": 96}, head=HEAD)
    with pytest.raises(InputError, match=r"images are 3×32×64 .* but the space's input is 3×32×96"):
        run(wider, tmp_path / "other")
    fewer = config(tmp_path, task, input=SIZE, head={**HEAD, "classes": 10})
    with pytest.raises(InputError, match="the space 'tiny' has a head of 10 classes, the data 19"):
        run(fewer, tmp_path / "other")


def test_classes_in_folders(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for part in ("train", "val"):
        for label, shade in (("dark", 20), ("light", 200)):
            folder = tmp_path / "images" / part / label
            folder.mkdir(parents=True)
            for n in range(4):
                Image.new("RGB", (40, 40), (shade + n,) * 3).save(folder / f"{n}.png")
    (tmp_path / "images" / "train" / "dark" / "a.heic").write_bytes(b"")
    task = {"name": "image-folder", "root": "images", "calibration": 2, "validation": 2}
    square = {"channels": 3, "height": 32, "width": 32}
    images = config(tmp_path, task, input=square, head={"kind": "classifier", "classes": 2})
    run(images, tmp_path / "run")
    loaded = load_task(images, tmp_path / "run")
    told = [record.message for record in caplog.records if "skipped" in record.message]
    assert told == [f"data: {tmp_path / 'images'}: skipped 1 file: train/dark/a.heic"]
    assert isinstance(loaded, Classification)
    assert (len(loaded.splits.train), len(loaded.splits.test)) == (4, 8)
    with pytest.raises(InputError, match="the space 'tiny' has a head of 10 classes, the data 2"):
        run(config(tmp_path, task, input=square), tmp_path / "other")

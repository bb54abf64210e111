"""``qabwnas data``: output and errors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from qabwnas.cli.main import main
from tests.data.made_folders import make_image_folder

SIZE = ("--height", "32", "--width", "64")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def data(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["data", *arguments], prog_name="qabwnas")


def test_scenes_are_drawn_and_checked() -> None:
    result = data("synth", "scenes", "--train", "4", "--val", "2", *SIZE)
    assert result.exit_code == 0, result.output
    assert result.stdout == "scenes: 4 train and 2 val scenes of 64×32 pixels\n"
    result = data("check", "scenes")
    assert result.stdout == (
        "scenes: train: 4 scenes of 64×32 pixels in 4 cities\nscenes: val: 2 scenes of 64×32 pixels in 2 cities\n"
    )


def test_another_drawing_needs_force() -> None:
    data("synth", "scenes", "--train", "1", "--val", "1", *SIZE)
    result = data("synth", "scenes", "--train", "1", "--val", "1", "--seed", "1", *SIZE)
    assert result.exit_code == 1
    assert result.stderr == "error: scenes: has scenes drawn with another seed; --force replaces them\n"
    assert data("synth", "scenes", "--train", "1", "--val", "1", "--seed", "1", "--force", *SIZE).exit_code == 0


def test_what_is_wrong_is_named() -> None:
    result = data("check", "nowhere")
    assert result.exit_code == 1
    assert result.stderr == "error: nowhere: there is no such folder; Cityscapes has leftImg8bit and gtFine in one\n"
    data("synth", "scenes", "--train", "2", "--val", "1", *SIZE)
    victim = next(Path("scenes/leftImg8bit/train").rglob("*.png"))
    victim.write_bytes(victim.read_bytes()[:500])
    result = data("check", "scenes")
    assert result.exit_code == 1
    assert result.stderr.startswith(f"error: {victim}: cannot be read as an image: ")
    assert result.stderr.count("\n") == 1


def test_all_that_is_wrong_with_scenes_is_named() -> None:
    data("synth", "scenes", "--train", "5", "--val", "1", *SIZE)
    images = sorted(Path("scenes/leftImg8bit/train").rglob("*.png"))
    labels = [
        Path(str(path).replace("leftImg8bit", "gtFine", 1).replace("leftImg8bit", "gtFine_labelIds")) for path in images
    ]
    images[0].write_bytes(b"")
    Image.new("RGB", (64, 32)).save(labels[0])
    labels[1].unlink()
    Image.new("RGB", (32, 64)).save(images[2])
    Image.new("L", (32, 64)).save(labels[2])
    images[3].with_name(f"._{images[3].name}").write_bytes(b"")
    result = data("check", "scenes")
    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        f"scenes: skipped 1 file: {images[3].parent.relative_to('scenes')}/._{images[3].name}",
        f"error: {images[1]}: has no labels {labels[1]}",
        f"error: {images[0]}: cannot be read as an image: it is empty",
        f"error: {labels[0]}: label ids are 8-bit grey values, not of mode RGB",
        f"error: {images[2]}: is 32×64 pixels large, others are 64×32, such as {images[3]}",
        "error: scenes: 4 problems",
    ]
    assert result.stdout == "scenes: val: 1 scenes of 64×32 pixels in 1 cities\n"


def test_images_by_class_are_checked() -> None:
    make_image_folder(Path("images"), {"ant": 3, "bee": 2}, {"ant": 1, "bee": 1})
    Path("images/train/ant/notes.txt").write_text("")
    result = data("check", "images")
    assert result.exit_code == 0, result.output
    assert result.stdout == "images: train: 5 images in 2 classes\nimages: val: 2 images in 2 classes\n"
    assert result.stderr == "images: skipped 1 file: train/ant/notes.txt\n"
    Path("images/train/ant/1.png").write_bytes(b"")
    Image.fromarray(np.full((8, 8), 300.0, np.float32)).save("images/val/bee/1.tif")
    Path("images/val/cat").mkdir()
    result = data("check", "images")
    assert result.exit_code == 1
    assert result.stderr.splitlines()[1:] == [
        "error: images/train/ant/1.png: cannot be read as an image: it is empty",
        "error: images/val/cat: has no images: it is empty",
        "error: images: class cat is only in one of train and val",
        "error: images/val/bee/1.tif: has float values of 300 … 300, not in 0 … 1",
        "error: images: 4 problems",
    ]
    result = data("check", "images/train/ant")
    assert result.stderr.startswith(
        "error: images/train/ant: has neither leftImg8bit and gtFine (Cityscapes) nor train and val"
    )


def test_wrong_usage() -> None:
    assert data("synth", "scenes", "--train", "0", "--val", "1").exit_code == 2
    assert data("synth", "scenes", "--train", "1").exit_code == 2

"""Folders of scenes: complete, continued after a kill, and never mixed with others."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from qabwnas.data.cityscapes_layout import check_scenes, list_scenes
from qabwnas.data.street.dataset import Drawing, draw_missing, prepare_folder
from qabwnas.data.street.scene import draw_scene
from qabwnas.errors import InputError
from tests.processes import killing_itself

DRAWING = Drawing(train=7, val=3, height=32, width=64, seed=5)


def draw(root: Path, drawing: Drawing = DRAWING, *, force: bool = False, workers: int = 0) -> list[int]:
    prepare_folder(root, drawing, force=force)
    return list(draw_missing(root, drawing, workers=workers))


def contents(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_the_folder_is_one_of_cityscapes(tmp_path: Path) -> None:
    root = tmp_path / "new" / "scenes"
    assert draw(root) == list(range(11))
    scenes = list_scenes(root, "train")
    assert len(scenes) == 7
    assert check_scenes(scenes, lambda _: None) == ((64, 32), [])
    assert len(list_scenes(root, "val")) == 3
    assert not {scene.city for scene in scenes} & {scene.city for scene in list_scenes(root, "val")}
    image, label_ids = draw_scene(5, "val", 1, 32, 64)
    scene = list_scenes(root, "val")[1]
    assert np.array_equal(np.asarray(Image.open(scene.image_path)), image)
    assert np.array_equal(np.asarray(Image.open(scene.label_path)), label_ids)


def test_any_number_of_workers_draws_the_same(tmp_path: Path) -> None:
    draw(tmp_path / "one")
    draw(tmp_path / "two", workers=2)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_what_is_there_is_not_drawn_again(tmp_path: Path) -> None:
    draw(tmp_path / "whole")
    root = tmp_path / "part"
    prepare_folder(root, DRAWING, force=False)
    begun = draw_missing(root, DRAWING, workers=0)
    assert [next(begun) for _ in range(4)] == [0, 1, 2, 3]
    begun.close()
    times = {path: path.stat().st_mtime_ns for path in root.rglob("*.png")}
    assert len(times) == 6
    assert draw(root) == list(range(3, 11))
    assert contents(root) == contents(tmp_path / "whole")
    assert all(path.stat().st_mtime_ns == before for path, before in times.items())


def test_a_killed_drawing_is_completed(tmp_path: Path) -> None:
    root, drawing = tmp_path / "killed", Drawing(train=20, val=3, height=32, width=64, seed=5)
    statement = (
        "from pathlib import Path; from qabwnas.data.street.dataset import *; "
        f"d = {drawing}; r = Path({str(root)!r}); "
        "prepare_folder(r, d, force=False); list(draw_missing(r, d, workers=0))"
    )
    killed = killing_itself("os.rename", "_leftImg8bit", nth=4) + statement
    assert subprocess.run([sys.executable, "-c", killed], check=False).returncode == -signal.SIGKILL
    assert draw(root, drawing)[0] == 3
    scenes = list_scenes(root, "train")
    assert len(scenes) == 20
    assert check_scenes(scenes, lambda _: None)[1] == []


def test_other_drawings_are_refused_and_replaced_with_force(tmp_path: Path) -> None:
    draw(tmp_path)
    (tmp_path / "notes.txt").write_text("mine")
    other = Drawing(train=2, val=1, height=32, width=64, seed=6)
    before = contents(tmp_path)
    with pytest.raises(InputError, match=f"{tmp_path}: has scenes drawn with another train, val, seed; --force"):
        draw(tmp_path, other)
    assert contents(tmp_path) == before
    draw(tmp_path, other, force=True)
    draw(tmp_path.parent / "fresh", other)
    assert contents(tmp_path) == {**contents(tmp_path.parent / "fresh"), "notes.txt": b"mine"}


def test_foreign_folders_are_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match=f"{tmp_path}: is not empty and has no synthetic scenes; --force draws into"):
        draw(tmp_path)
    assert contents(tmp_path) == {"notes.txt": b"mine"}
    draw(tmp_path, force=True)
    assert len(list_scenes(tmp_path, "train")) == 7
    (tmp_path / "synthetic.json").write_text('{"train": 3}')
    with pytest.raises(InputError, match="is not empty"):
        draw(tmp_path)


@pytest.mark.parametrize(
    ("drawing", "message"),
    [
        (Drawing(0, 3, 32, 64, 1), "0 train and 3 val scenes: each must be at least 1"),
        (Drawing(3, 3, 31, 64, 1), "height 31 and width 64: each must be at least 32"),
    ],
)
def test_impossible_drawings_are_refused(tmp_path: Path, drawing: Drawing, message: str) -> None:
    with pytest.raises(InputError, match=message):
        draw(tmp_path / "new", drawing)
    assert not (tmp_path / "new").exists()

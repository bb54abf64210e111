"""Folders of Cityscapes: what is listed, and what is refused in which words."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from qabwnas.data.cityscapes_layout import check_scenes, list_scenes, survey_scenes
from qabwnas.errors import FormatError, InputError
from tests.data.made_folders import image_file, label_file, make_cityscapes, make_scene


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_cityscapes(tmp_path / "cityscapes", {"ulm": 2, "aachen": 3}, {"lindau": 2})


def check(root: Path, split: str) -> tuple[int, int] | None:
    """Return the size of the scenes of a split, or raise the only problem."""
    size, problems = check_scenes(list_scenes(root, split), lambda _: None)
    if problems:
        (problem,) = problems
        raise problem
    return size


def test_scenes_are_listed_by_city_and_name_whatever_their_frames(tmp_path: Path) -> None:
    root = make_cityscapes(tmp_path, {"ulm": 2, "aachen": 3}, {"lindau": 2})
    assert [scene.name for scene in list_scenes(root, "train")] == [
        "train/aachen/aachen_000000_000074",
        "train/aachen/aachen_000001_000011",
        "train/aachen/aachen_000002_000048",
        "train/ulm/ulm_000000_000000",
        "train/ulm/ulm_000001_000037",
    ]
    assert [scene.city for scene in list_scenes(root, "val")] == ["lindau", "lindau"]
    assert check(root, "train") == (40, 24)


def test_other_files_and_temporary_ones_are_skipped(root: Path) -> None:
    (root / "leftImg8bit" / "train" / "README").write_text("")
    (root / "leftImg8bit" / "train" / ".hidden").mkdir()
    city = root / "leftImg8bit" / "train" / "aachen"
    (city / ".aachen_000009_000019_leftImg8bit-x8d.png").write_text("half")
    (root / "gtFine" / "train" / "aachen" / "aachen_000000_000074_gtFine_polygons.json").write_text("{}")
    for file in (image_file, label_file):
        path = file(root, "train/ulm/ulm_000001_000037")
        path.with_name(f"._{path.name}").write_bytes(b"resource fork")
    shutil.copy(label_file(root, "val/lindau/lindau_000000_000085"), label_file(root, "val/lindau/lonely"))
    (root / "gtFine" / "val" / "bonn").mkdir()
    make_scene(root, "train/bremen/bremen_000000_000019", 3)
    assert len(list_scenes(root, "train")) == 6
    assert survey_scenes(root)["train"].skipped == [
        "leftImg8bit/train/.hidden",
        "leftImg8bit/train/README",
        "leftImg8bit/train/aachen/.aachen_000009_000019_leftImg8bit-x8d.png",
        "leftImg8bit/train/ulm/._ulm_000001_000037_leftImg8bit.png",
        "gtFine/train/ulm/._ulm_000001_000037_gtFine_labelIds.png",
    ]
    assert survey_scenes(root)["val"].skipped == [
        "gtFine/val/lindau/lonely_gtFine_labelIds.png",
        "gtFine/val/bonn",
    ]
    assert check(root, "train") == (40, 24)


def remove(path: str) -> Callable[[Path], None]:
    def apply(root: Path) -> None:
        target = root / path
        shutil.rmtree(target) if target.is_dir() else target.unlink()

    return apply


def empty_folder(path: str) -> Callable[[Path], None]:
    return lambda root: [
        entry.unlink() if entry.is_file() else shutil.rmtree(entry) for entry in (root / path).iterdir()
    ]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (remove("."), "{root}: there is no such folder"),
        (remove("gtFine"), "{root}/gtFine: there is no such folder"),
        (remove("leftImg8bit/train"), "{root}/leftImg8bit/train: there is no such folder"),
        (empty_folder("leftImg8bit/train"), "{root}/leftImg8bit/train: has no folders of cities"),
        (empty_folder("leftImg8bit/train/ulm"), "{root}/leftImg8bit/train/ulm: has no images *_leftImg8bit.png"),
        (
            remove("gtFine/train/ulm/ulm_000001_000037_gtFine_labelIds.png"),
            "{root}/leftImg8bit/train/ulm/ulm_000001_000037_leftImg8bit.png: has no labels "
            "{root}/gtFine/train/ulm/ulm_000001_000037_gtFine_labelIds.png",
        ),
        (
            remove("gtFine/train/ulm"),
            "{root}/leftImg8bit/train/ulm/ulm_000000_000000_leftImg8bit.png: has no labels "
            "{root}/gtFine/train/ulm/ulm_000000_000000_gtFine_labelIds.png",
        ),
    ],
)
def test_what_listing_finds(root: Path, damage: Callable[[Path], None], message: str) -> None:
    damage(root)
    with pytest.raises(InputError) as caught:
        list_scenes(root, "train")
    assert str(caught.value).startswith(message.format(root=root))
    assert "\n" not in str(caught.value)


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-60])


def ids(values: np.ndarray) -> Callable[[Path], None]:
    return lambda path: Image.fromarray(values).save(path)


@pytest.mark.parametrize(
    ("file", "damage", "message"),
    [
        (image_file, truncated, "cannot be read as an image: "),
        (label_file, truncated, "cannot be read as an image: "),
        (image_file, lambda path: path.write_bytes(b""), "cannot be read as an image: it is empty"),
        (
            image_file,
            lambda path: path.write_bytes(b"no image"),
            "cannot be read as an image: Pillow does not know",
        ),
        (label_file, ids(np.full((24, 40), 34, np.uint8)), "has label id 34; the largest possible one is 33"),
        (label_file, ids(np.zeros((24, 40, 3), np.uint8)), "label ids are 8-bit grey values, not of mode RGB"),
        (label_file, ids(np.zeros((24, 40), np.uint16)), "label ids are 8-bit grey values, not of mode I;16"),
        (label_file, ids(np.zeros((24, 48), np.uint8)), "is 48×24 pixels large, its image 40×24"),
    ],
)
def test_what_checking_finds(
    root: Path, file: Callable[[Path, str], Path], damage: Callable[[Path], None], message: str
) -> None:
    path = file(root, "train/ulm/ulm_000001_000037")
    damage(path)
    assert len(list_scenes(root, "train")) == 5
    with pytest.raises(FormatError) as caught:
        check(root, "train")
    assert str(caught.value).startswith(f"{path}: {message}")
    assert "\n" not in str(caught.value)


def test_scenes_of_another_size_are_found(root: Path) -> None:
    make_scene(root, "train/ulm/ulm_000001_000037", 9, (32, 48))
    with pytest.raises(FormatError, match="ulm_000001_000037_leftImg8bit.png: is 48×32 pixels large, others are 40×24"):
        check(root, "train")


def test_a_file_that_goes_after_listing_is_named(root: Path) -> None:
    scenes = list_scenes(root, "val")
    scenes[0].image_path.unlink()
    with pytest.raises(InputError, match=f"{scenes[0].image_path}: there is no such file"):
        scenes[0].read()

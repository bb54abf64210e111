"""Classification from folders: splits, boxes, and what is refused."""

from __future__ import annotations

import os
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from qabwnas.data.folders import describe_skipped
from qabwnas.data.image_folder import load_image_folder, survey_images
from qabwnas.data.transforms import centre_box
from qabwnas.errors import FormatError, InputError
from tests.data.made_folders import make_image_folder

TRAIN, VAL = {"cat": 8, "ant": 16, "bee": 8}, {"cat": 2, "ant": 2, "bee": 3}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_image_folder(tmp_path / "images", TRAIN, VAL)


def test_splits_and_labels(root: Path) -> None:
    splits, classes = load_image_folder(root, calibration=4, validation=8, size=16)
    assert classes == ("ant", "bee", "cat")
    assert [len(part) for part in (splits.train, splits.calibration, splits.validation, splits.test)] == [20, 4, 8, 7]
    labels = [part.read(range(len(part))).labels for part in (splits.train, splits.calibration, splits.validation)]
    assert [part.bincount().tolist() for part in labels] == [[10, 5, 5], [2, 1, 1], [4, 2, 2]]
    assert splits.test.read(range(7)).labels.tolist() == [0, 0, 1, 1, 1, 2, 2]
    assert splits.train.digest() != splits.test.digest()
    assert load_image_folder(root, calibration=4, validation=8, size=16)[0].train.digest() == splits.train.digest()


def test_the_centre_is_read(root: Path) -> None:
    splits, _ = load_image_folder(root, calibration=4, validation=8, size=16)
    batch = splits.test.read([1, 4])
    assert batch.images.shape == (2, 3, 16, 16)
    image = Image.open(root / "val" / "ant" / "1.png")
    assert centre_box((40, 32)) == (6, 2, 34, 30)
    left, top, right, bottom = centre_box(image.size)
    pixels = np.asarray(image.resize((16, 16), Image.Resampling.BILINEAR, (left, top, right, bottom))) / 255
    expected = (pixels - (0.485, 0.456, 0.406)) / (0.229, 0.224, 0.225)
    assert np.allclose(batch.images[0].permute(1, 2, 0).numpy(), expected, atol=1e-5)


def test_what_is_drawn_depends_on_indices_and_seed_alone(root: Path) -> None:
    splits, _ = load_image_folder(root, calibration=4, validation=8, size=16)
    first = splits.train.draw([2, 7], 5)
    splits.train.draw([1], 9)
    again = pickle.loads(pickle.dumps(splits.train)).draw([2, 7], 5)
    assert torch.equal(first.images, again.images)
    assert torch.equal(splits.train.draw([2], 5).images[0], first.images[0])
    assert not torch.equal(splits.train.draw([2], 6).images[0], first.images[0])


@pytest.mark.parametrize(
    ("removed", "message"),
    [
        ("train", "{root}/train: there is no such folder"),
        ("val", "{root}/val: there is no such folder"),
        ("val/bee", "{root}: class bee is only in one of train and val"),
        ("train/ant", "{root}: class ant is only in one of train and val"),
    ],
)
def test_missing_folders_are_named(root: Path, removed: str, message: str) -> None:
    shutil.rmtree(root / removed)
    with pytest.raises(InputError, match=message.format(root=root)):
        load_image_folder(root, calibration=4, validation=8, size=16)


def test_empty_folders_are_named(root: Path) -> None:
    (root / "train" / "dog").mkdir()
    with pytest.raises(InputError, match=f"{root}/train/dog: has no images: it is empty"):
        load_image_folder(root, calibration=4, validation=8, size=16)
    (root / "train" / "dog" / "a.heic").write_bytes(b"")
    with pytest.raises(InputError, match=f"{root}/train/dog: has no images: 1 other files, such as a.heic"):
        load_image_folder(root, calibration=4, validation=8, size=16)
    (root / "bare" / "train").mkdir(parents=True)
    with pytest.raises(InputError, match="bare/train: has no folders of classes"):
        load_image_folder(root / "bare", calibration=4, validation=8, size=16)


def test_deep_grey_images_keep_their_precision(tmp_path: Path) -> None:
    """A dark image of 16 bits has 256 values that 8 bits cannot tell apart."""
    root = make_image_folder(tmp_path / "images", {"ant": 4, "bee": 4}, {"ant": 1, "bee": 1})
    dark = np.arange(256, dtype=np.uint16).reshape(16, 16)
    Image.fromarray(dark).save(root / "val" / "ant" / "0.JPG", "PNG")
    splits, _ = load_image_folder(root, calibration=2, validation=2, size=14)
    (found,) = splits.test.read([0]).images
    shares = dark[1:15, 1:15] / 65535  # the centre crop takes 14 of 16 pixels
    for channel, (mean, deviation) in enumerate(zip((0.485, 0.456, 0.406), (0.229, 0.224, 0.225), strict=True)):
        assert np.allclose(found[channel].numpy(), (shares - mean) / deviation, atol=2e-6)
    assert len(found[0].unique()) == 196


def test_all_endings_are_taken_and_the_rest_is_told(root: Path) -> None:
    (image,) = (root / "val" / "cat").glob("0.*")
    for name in ("a.tif", "b.WEBP", "c.Bmp", "d.jfif", "e.gif"):
        Image.open(image).save(root / "val" / "cat" / name)
    for name in ("._0.JPG", ".DS_Store", "Thumbs.db", "notes.txt", "no_ending", "f.heic"):
        (root / "val" / "cat" / name).write_bytes(b"")
    (root / "val" / "cat" / "more.png").mkdir()
    (root / "val" / ".ipynb_checkpoints").mkdir()
    (root / "README").write_text("")
    (root / "train" / "README").write_text("")
    os.mkfifo(root / "train" / "cat" / "pipe.png")
    listings = survey_images(root)
    assert [name for name in listings["val"].names if "cat" in name] == [
        f"val/cat/{name}" for name in ("0.JPG", "1.png", "a.tif", "b.WEBP", "c.Bmp", "d.jfif", "e.gif")
    ]
    assert listings["train"].skipped == ["train/README", "train/cat/pipe.png"]
    skipped = listings["val"].skipped
    assert skipped == [
        "val/.ipynb_checkpoints",
        *(
            f"val/cat/{name}"
            for name in (".DS_Store", "._0.JPG", "Thumbs.db", "f.heic", "more.png", "no_ending", "notes.txt")
        ),
    ]
    assert describe_skipped(root, skipped[:1]) == f"{root}: skipped 1 file: val/.ipynb_checkpoints"
    assert describe_skipped("x", list("abcdefg")) == "x: skipped 7 files: a, b, c, d, e, …"
    assert listings["val"].check(lambda _: None) == ([], "12 images in 3 classes")


def test_links_to_nowhere_and_names_of_no_encoding(root: Path) -> None:
    link = root / "val" / "ant" / "link.png"
    link.symlink_to("nowhere.png")
    (problem,), _ = survey_images(root)["val"].check(lambda _: None)
    assert str(problem) == f"{link}: there is no such file"
    link.unlink()
    latin = os.fsdecode(os.fsencode(root) + b"/val/ant/caf\xe9.png")
    Image.new("RGB", (40, 24)).save(latin)
    splits, _ = load_image_folder(root, calibration=4, validation=8, size=16)
    assert len(splits.test) == 8
    assert len(splits.test.digest()) == 64


def test_damaged_images_and_too_few_are_named(root: Path) -> None:
    with pytest.raises(InputError, match="30 calibration and 2 validation images leave none of 32 to train"):
        load_image_folder(root, calibration=30, validation=2, size=16)
    splits, _ = load_image_folder(root, calibration=4, validation=8, size=16)
    (root / "val" / "ant" / "0.JPG").write_text("words")
    with pytest.raises(FormatError, match="val/ant/0.JPG: cannot be read as an image: Pillow does not know its format"):
        splits.test.read([0])

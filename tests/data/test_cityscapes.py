"""The splits of a folder in Cityscapes' layout: what is in them, how they are read and drawn."""

from __future__ import annotations

import pickle
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch

from qabwnas.data.cityscapes import SceneSplit, load_cityscapes
from qabwnas.data.cityscapes_labels import CLASSES
from qabwnas.data.cityscapes_layout import list_scenes
from qabwnas.data.splits import Split, Splits
from qabwnas.data.transforms import SceneAugmentation
from qabwnas.errors import FormatError, InputError
from tests.data.made_folders import make_cityscapes, make_scene, scene_pixels

TRAIN = {"aachen": 12, "bremen": 24, "ulm": 6}
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_cityscapes(tmp_path_factory.mktemp("cityscapes"), TRAIN, {"lindau": 3, "munster": 2})


@pytest.fixture(scope="module")
def splits(root: Path) -> Splits:
    return load_cityscapes(root, calibration=7, validation=14, crop=(16, 32))


def names(split: Split) -> list[str]:
    assert isinstance(split, SceneSplit)
    return [scene.name for scene in split.scenes]


def test_every_scene_is_in_one_split(root: Path, splits: Splits) -> None:
    trained = names(splits.train) + names(splits.calibration) + names(splits.validation)
    assert sorted(trained) == sorted(scene.name for scene in list_scenes(root, "train"))
    assert names(splits.test) == [scene.name for scene in list_scenes(root, "val")]
    assert [len(part) for part in (splits.train, splits.calibration, splits.validation, splits.test)] == [21, 7, 14, 5]


def test_every_city_gives_its_share(splits: Splits) -> None:
    for split in (splits.train, splits.calibration, splits.validation):
        counts = Counter(name.split("/")[1] for name in names(split))
        for city, n in TRAIN.items():
            assert abs(counts[city] - n * len(split) / 42) <= 1


def test_the_division_depends_on_the_scenes_alone(root: Path, splits: Splits, tmp_path: Path) -> None:
    copy = tmp_path / "elsewhere"
    shutil.copytree(root, copy)
    again = load_cityscapes(copy, calibration=7, validation=14, crop=(16, 32))
    for part in ("train", "calibration", "validation", "test"):
        assert names(getattr(again, part)) == names(getattr(splits, part))
        assert getattr(again, part).digest() == getattr(splits, part).digest()
    victim = again.test.scenes[0].image_path
    victim.write_bytes(victim.read_bytes() + b"0")
    assert again.test.digest() != splits.test.digest()
    assert len(splits.test.digest()) == 64


def test_scenes_are_read_as_they_are(splits: Splits) -> None:
    batch = splits.test.read([1, 4])
    assert (batch.images.dtype, batch.labels.dtype) == (torch.float32, torch.int64)
    for place, number in enumerate((43, 46)):
        image, label_ids = scene_pixels(number)
        expected = (image / 255 - MEAN) / DEVIATION
        assert np.allclose(batch.images[place].permute(1, 2, 0).numpy(), expected, atol=1e-5)
        train_ids = {id: train_id for train_id, id in enumerate(CLASSES.values())}
        slow = [[train_ids.get(int(id), 255) for id in row] for row in label_ids]
        assert batch.labels[place].tolist() == slow


def test_what_is_drawn_depends_on_indices_and_seed_alone(splits: Splits) -> None:
    first = splits.train.draw([3, 5, 3], 7)
    assert first.images.shape == (3, 3, 16, 32)
    assert (first.images.dtype, first.labels.dtype) == (torch.float32, torch.int64)
    splits.train.draw([0], 1)
    copied = pickle.loads(pickle.dumps(splits.train))
    again = copied.draw([3, 5, 3], 7)
    assert torch.equal(first.images, again.images)
    assert torch.equal(first.labels, again.labels)
    alone = splits.train.draw([3], 7)
    assert torch.equal(alone.images[0], first.images[0])
    assert not torch.equal(first.images[2], first.images[0]), "places of a batch are drawn apart"
    assert not torch.equal(splits.train.draw([3], 8).images[0], first.images[0])


def test_what_a_small_scene_leaves_free_is_the_mean_colour_and_ignored(root: Path) -> None:
    split = SceneSplit(list_scenes(root, "val"), SceneAugmentation((24, 40), scales=(0.5, 0.5)))
    batch = split.draw([0, 1, 2, 3, 4], 0)
    assert (batch.images[:, :, 12:].abs().max(), batch.images[:, :, :, 20:].abs().max()) == (0, 0)
    assert (batch.labels[:, 12:].min(), batch.labels[:, :, 20:].min()) == (255, 255)
    inside = batch.images[:, :, :12, :20]
    assert inside.abs().mean() > 0.3
    assert (batch.labels[:, :12, :20] != 255).any()


def test_too_few_scenes_are_refused(root: Path) -> None:
    with pytest.raises(InputError, match=f"{root}: 20 calibration and 22 validation images leave none of 42 to train"):
        load_cityscapes(root, calibration=20, validation=22)


def test_a_batch_of_several_sizes_is_refused(tmp_path: Path) -> None:
    root = make_cityscapes(tmp_path, {"ulm": 1}, {"lindau": 1})
    make_scene(root, "train/ulm/ulm_000001_000019", 9, (32, 48))
    split = SceneSplit(list_scenes(root, "train"), SceneAugmentation((16, 16)))
    with pytest.raises(FormatError, match="ulm_000001_000019_leftImg8bit.png: is 48×32 pixels large"):
        split.read([0, 1])
    assert split.draw([0, 1], 0).images.shape == (2, 3, 16, 16)

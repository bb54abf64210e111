"""Fashion-MNIST: its division, its augmentation, and files that are not what they should be."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import cast

import numpy as np
import pytest
import torch

from qabwnas.data import fashion
from qabwnas.data.fashion import DEBIAN_ROOT, load_fashion
from qabwnas.data.splits import Splits, TensorSplit
from qabwnas.errors import FormatError, InputError

TRAIN = "train-images-idx3-ubyte.gz"


def write_idx(path: Path, values: np.ndarray) -> None:
    header = bytes([0, 0, 8, values.ndim]) + b"".join(n.to_bytes(4, "big") for n in values.shape)
    path.write_bytes(gzip.compress(header + values.astype(np.uint8).tobytes()))


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder of 60 + 20 images in the layout of the data set; image ``i`` has a pixel of value ``i + 1``."""
    monkeypatch.setattr(fashion, "N_TRAIN", 60)
    monkeypatch.setattr(fashion, "N_TEST", 20)
    for name, n in (("train", 60), ("t10k", 20)):
        images = np.zeros((n, 28, 28), dtype=np.uint8)
        images[:, 10, 5] = np.arange(1, n + 1)
        write_idx(tmp_path / f"{name}-images-idx3-ubyte.gz", images)
        write_idx(tmp_path / f"{name}-labels-idx1-ubyte.gz", np.arange(n) % 10)
    return tmp_path


def parts(splits: Splits) -> list[TensorSplit]:
    return [cast(TensorSplit, each) for each in (splits.train, splits.calibration, splits.validation, splits.test)]


def test_every_image_is_in_one_split_with_its_label(small: Path) -> None:
    train, calibration, validation, test = parts(load_fashion(small, calibration=10, validation=20))
    assert [len(each) for each in (train, calibration, validation, test)] == [30, 10, 20, 20]
    together = [TensorSplit(part.images, part.labels, part.augment) for part in (train, calibration, validation)]
    numbers = torch.cat([part.images[:, 0, 10, 5] for part in together]).mul(255).round().int() - 1
    assert sorted(numbers.tolist()) == list(range(60))
    assert torch.equal(torch.cat([part.labels for part in together]), numbers % 10)
    assert torch.equal(test.labels, torch.arange(20) % 10)
    assert np.bincount(calibration.labels.numpy()).tolist() == [1] * 10


def test_training_images_are_moved_by_two_pixels_and_flipped(small: Path) -> None:
    split = load_fashion(small, calibration=10, validation=20).train
    seen = set()
    for seed in range(60):
        images = split.draw(range(len(split)), seed).images
        for image in images[:, 0]:
            seen |= {tuple(place) for place in image.nonzero().tolist()}
    rows, flipped = range(8, 13), range(20, 25)  # column 5 becomes column 22
    assert seen == {(row, column) for row in rows for column in (*range(3, 8), *flipped)}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "there is no such file; Fashion-MNIST has four"),
        (b"no gzip", "is damaged: Not a gzipped file"),
        (gzip.compress(b"\0" * 500)[:-9], "is damaged: "),
        (gzip.compress(b"\0\0\x0d\3" + b"\0" * 12), "is no IDX file of bytes with 3 dimensions"),
        (np.zeros((50, 28, 28)), "has the shape 50×28×28, Fashion-MNIST's is 60×28×28"),
        (gzip.compress(b"\0\0\x08\3\0\0\0\x3c" + b"\0\0\0\x1c" * 2 + b"\1"), "has 1 values, its header says 47"),
    ],
    ids=["none", "no gzip", "truncated", "type", "shape", "too short"],
)
def test_files_that_are_something_else(small: Path, content: bytes | np.ndarray | None, message: str) -> None:
    (small / TRAIN).unlink()
    if isinstance(content, bytes):
        (small / TRAIN).write_bytes(content)
    elif content is not None:
        write_idx(small / TRAIN, content)
    with pytest.raises((InputError, FormatError), match=f"{TRAIN}: {message}"):
        load_fashion(small, calibration=10, validation=20)


def test_labels_and_numbers_of_images_that_are_wrong(small: Path) -> None:
    with pytest.raises(InputError, match="30 calibration and 30 validation images leave none of 60 to train"):
        load_fashion(small, calibration=30, validation=30)
    write_idx(small / "t10k-labels-idx1-ubyte.gz", np.full(20, 12))
    with pytest.raises(FormatError, match="t10k-labels-idx1-ubyte.gz: has a label 12; labels are 0 to 9"):
        load_fashion(small, calibration=10, validation=20)


def test_a_missing_folder_names_the_command_that_installs_the_data(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="none: there is no such folder; .* 'apt install dataset-fashion-mnist'"):
        load_fashion(tmp_path / "none", calibration=1, validation=1)


@pytest.mark.skipif(not DEBIAN_ROOT.is_dir(), reason="needs Debian's dataset-fashion-mnist")
def test_the_data_set_itself() -> None:
    train, calibration, validation, test = parts(load_fashion(calibration=200, validation=1000))
    assert [len(each) for each in (train, calibration, validation, test)] == [58_800, 200, 1_000, 10_000]
    for part in (train, calibration, validation, test):
        assert np.bincount(part.labels.numpy()).tolist() == [len(part) // 10] * 10
    # Mean and deviation of the 60,000 training images, as users normalise with them.
    pixels = torch.cat([train.images, calibration.images, validation.images])
    assert (round(float(pixels.mean()), 4), round(float(pixels.std()), 4)) == (0.2860, 0.3530)

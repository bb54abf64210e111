"""The digits: a fixed, disjoint, stratified division."""

from typing import cast

import numpy as np
import pytest
import torch
from sklearn import datasets

from qabwnas.data.digits import load_digits
from qabwnas.data.splits import Splits, TensorSplit


@pytest.fixture(scope="module")
def splits() -> Splits:
    return load_digits()


def parts(splits: Splits) -> list[TensorSplit]:
    split = (splits.train, splits.calibration, splits.validation, splits.test)
    return [cast(TensorSplit, part) for part in split]


def test_sizes_and_scales(splits: Splits) -> None:
    assert [len(part) for part in parts(splits)] == [597, 200, 200, 800]
    for part in parts(splits):
        assert part.images.shape == (len(part), 1, 8, 8)
        assert part.images.dtype == torch.float32
        assert part.labels.dtype == torch.int64
        assert (part.images.min(), part.images.max()) == (0, 1)


def test_every_image_is_in_one_split_with_its_label(splits: Splits) -> None:
    def rows(images: np.ndarray, labels: np.ndarray) -> list[tuple[float, ...]]:
        return sorted((*image.ravel().tolist(), float(label)) for image, label in zip(images, labels, strict=True))

    whole = datasets.load_digits()
    images = torch.cat([part.images for part in parts(splits)]).numpy() * 16
    labels = torch.cat([part.labels for part in parts(splits)]).numpy()
    assert rows(images, labels) == rows(whole.images, whole.target)


def test_every_class_has_its_share_of_every_split(splits: Splits) -> None:
    counts = np.bincount(datasets.load_digits().target)
    for part in parts(splits):
        expected = counts * len(part) / counts.sum()
        assert np.abs(np.bincount(part.labels.numpy()) - expected).max() <= 1.5


def test_the_division_never_changes(splits: Splits) -> None:
    again = load_digits()
    for part, other in zip(parts(splits), parts(again), strict=True):
        assert torch.equal(part.images, other.images)
    assert parts(splits)[3].labels[:10].tolist() == [5, 6, 2, 1, 4, 3, 8, 0, 9, 7]

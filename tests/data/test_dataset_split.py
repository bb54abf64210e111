"""Splits of torch's data sets: values, variants that depend on the seed alone, and what is no item."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import Dataset, IterableDataset, TensorDataset

from qabwnas.data.batches import read_batches
from qabwnas.data.dataset_split import DatasetSplit, divide_datasets
from qabwnas.errors import InputError

IMAGES, LABELS = torch.rand(20, 3, 4, 5), torch.arange(20)
PLAIN = TensorDataset(IMAGES, LABELS)


class Jittered(Dataset[Any]):
    """Random values from all three generators that transforms use."""

    def __len__(self) -> int:
        return 20

    def __getitem__(self, index: int) -> Any:
        noise = torch.rand(1) + np.random.rand() + random.random()
        return IMAGES[index] + noise, index


class Items(Dataset[Any]):
    def __init__(self, *items: Any) -> None:
        self.items = items

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> Any:
        return self.items[index]


def test_items_are_those_of_the_data_set() -> None:
    split = DatasetSplit(PLAIN, indices=[4, 9, 2])
    batch = split.read([2, 0])
    assert torch.equal(batch.images, IMAGES[[2, 4]])
    assert batch.labels.tolist() == [2, 4]
    assert len(split) == 3


def test_variants_depend_on_seed_and_items_alone() -> None:
    split = DatasetSplit(PLAIN, Jittered())
    before = torch.rand(1), np.random.rand(), random.random()
    first = split.draw([1, 1, 5], seed=7)
    torch.rand(3)
    assert torch.equal(first.images, split.draw([1, 1, 5], seed=7).images)
    assert not torch.equal(first.images[0], first.images[1])
    assert not torch.equal(first.images, split.draw([1, 1, 5], seed=8).images)
    assert torch.equal(split.read([3]).images, IMAGES[[3]])
    assert torch.equal(DatasetSplit(Jittered()).read([3]).images, DatasetSplit(Jittered()).read([3]).images)
    assert before != (torch.rand(1), np.random.rand(), random.random())  # the caller's generators go on


def test_worker_processes_read_the_same() -> None:
    alone, two = (list(read_batches(DatasetSplit(PLAIN), 8, workers=workers)) for workers in (0, 2))
    assert all(
        torch.equal(a.images, b.images) and torch.equal(a.labels, b.labels) for a, b in zip(alone, two, strict=True)
    )


def test_a_division_is_complete_disjoint_and_always_the_same() -> None:
    splits = divide_datasets(PLAIN, PLAIN, calibration=5, validation=3, augmented=Jittered())
    parts = [splits.train, splits.calibration, splits.validation]
    labels = [part.read(range(len(part))).labels.tolist() for part in parts]
    assert [len(part) for part in labels] == [12, 5, 3]
    assert sorted(label for part in labels for label in part) == LABELS.tolist()
    again = divide_datasets(PLAIN, PLAIN, calibration=5, validation=3)
    assert again.train.digest() == splits.train.digest()
    assert len({part.digest() for part in [*parts, splits.test]}) == 4


def test_the_digest_changes_with_values_and_number() -> None:
    digest = DatasetSplit(PLAIN).digest()
    assert DatasetSplit(TensorDataset(IMAGES + 1, LABELS)).digest() != digest
    assert DatasetSplit(PLAIN, indices=range(19)).digest() != digest


class Stream(IterableDataset[Any]):
    def __iter__(self) -> Iterator[Any]:
        return iter(())


@pytest.mark.parametrize(
    ("dataset", "message"),
    [
        (Items(5), r"Items\[0\]: is int, not a pair of image and label"),
        (Items({"image": IMAGES[0]}), r"Items\[0\]: is dict, not a pair"),
        (Items((IMAGES[0], 1, 2)), r"Items\[0\]: is tuple of 3, not a pair"),
        (
            Items((IMAGES[0].byte(), 1)),
            r"the image is a tensor of uint8 with the shape \(3, 4, 5\), not a float tensor",
        ),
        (Items((IMAGES[0], {"boxes": 1})), r"the label is dict, neither a number nor a tensor"),
        (
            Items((IMAGES[0], 1), (IMAGES[0, :, :2], 1)),
            r"images of one data set have the shapes \(3, 2, 5\) and \(3, 4",
        ),
        (Stream(), "the data set Stream has no length"),
    ],
)
def test_what_is_no_item_is_named(dataset: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        DatasetSplit(dataset).read(range(len(dataset)))


def test_wrong_numbers_are_named() -> None:
    with pytest.raises(InputError, match="the augmented data set has 1 items, the other one 20"):
        DatasetSplit(PLAIN, Items(5))
    with pytest.raises(InputError, match="15 images for calibration and 5 for validation cannot be held out of 20"):
        divide_datasets(PLAIN, PLAIN, calibration=15, validation=5)
    with pytest.raises(InputError, match=r"index 20 is not in 0 … 19"):
        DatasetSplit(PLAIN, indices=[20])

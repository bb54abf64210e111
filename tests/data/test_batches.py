"""Batches of a split in its order: sizes, ranges, worker processes."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch

from qabwnas.data import batches
from qabwnas.data.batches import ImageBatches, read_batches
from qabwnas.data.digits import random_shift
from qabwnas.data.splits import Batch, TensorSplit


class Counting(TensorSplit):
    """A split that remembers how many images were read at once."""

    def __init__(self, n: int) -> None:
        super().__init__(torch.randn(n, 3, 4, 5), torch.zeros(n), lambda images, _: images)
        self.sizes: list[int] = []

    def read(self, indices: Sequence[int]) -> Batch:
        self.sizes.append(len(indices))
        return super().read(indices)


@pytest.mark.parametrize(("elements", "size"), [(1, 1), (60, 1), (200, 3), (2**21, 7)])
def test_every_image_once_and_again(elements: int, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "BATCH_ELEMENTS", elements)
    split = Counting(7)
    images = ImageBatches(split)
    assert split.sizes == []
    for _ in range(2):
        assert torch.equal(torch.cat(list(images)), split.images)
    assert max(split.sizes) == size
    next(iter(images))
    assert split.sizes[-2:] == [1, size]  # one for the shape, and no more than the first batch


def test_a_split_without_images_has_no_batches() -> None:
    assert list(ImageBatches(Counting(0))) == []


def test_there_are_never_more_than_256() -> None:
    assert [len(batch) for batch in ImageBatches(Counting(300))] == [256, 44]


SPLIT = TensorSplit(torch.rand(10, 1, 4, 4), torch.arange(10), random_shift)


@pytest.mark.parametrize("workers", [0, 2])
def test_reading_keeps_the_order_and_loses_nothing(workers: int) -> None:
    batches = list(read_batches(SPLIT, 4, workers=workers))
    assert [len(batch.labels) for batch in batches] == [4, 4, 2]
    assert torch.equal(torch.cat([batch.images for batch in batches]), SPLIT.images)


def test_a_range_of_images_has_batches_of_a_given_size() -> None:
    batches = list(ImageBatches(SPLIT, size=3, indices=range(2, 9)))
    assert [len(batch) for batch in batches] == [3, 3, 1]
    assert torch.equal(torch.cat(batches), SPLIT.images[2:9])

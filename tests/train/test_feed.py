"""What steps are fed with: the same batches in this process and from others."""

import pytest
import torch

from qabwnas.data.shift import random_shift
from qabwnas.data.splits import TensorSplit
from qabwnas.train.feed import drawn_batches, images, read_batches
from qabwnas.train.order import Order
from qabwnas.train.seeds import derive_seed

SPLIT = TensorSplit(torch.rand(10, 1, 4, 4), torch.arange(10), random_shift)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_step_has_the_images_of_its_order_drawn_with_its_seed(workers: int) -> None:
    order = Order(len(SPLIT), 3, seed=5)
    batches = list(drawn_batches(SPLIT, order, 5, 2, 6, workers=workers))
    assert len(batches) == 4
    for step, batch in enumerate(batches, start=2):
        chosen = order(step)
        expected = random_shift(SPLIT.images[chosen], torch.Generator().manual_seed(derive_seed(5, "step", step)))
        assert torch.equal(batch.images, expected)
        assert batch.labels.tolist() == chosen.tolist()


@pytest.mark.parametrize("workers", [0, 2])
def test_reading_keeps_the_order_and_loses_nothing(workers: int) -> None:
    batches = list(read_batches(SPLIT, 4, workers=workers))
    assert [len(batch.labels) for batch in batches] == [4, 4, 2]
    assert torch.equal(torch.cat([batch.images for batch in batches]), SPLIT.images)
    assert torch.equal(torch.cat(images(SPLIT, 3)), SPLIT.images)

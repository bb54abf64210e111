"""Random batches of steps: the same in this process and from worker processes."""

from pathlib import Path

import pytest
import torch

from qabwnas.data.batches import read_batches
from qabwnas.data.digits import random_shift
from qabwnas.data.image_folder import load_image_folder
from qabwnas.data.splits import TensorSplit
from qabwnas.errors import FormatError
from qabwnas.train.feed import random_batches
from qabwnas.train.sampling import ImageOrder, derive_seed
from tests.data.made_folders import make_image_folder

SPLIT = TensorSplit(torch.rand(10, 1, 4, 4), torch.arange(10), random_shift)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_step_has_the_images_of_its_order_drawn_with_its_seed(workers: int) -> None:
    order = ImageOrder(len(SPLIT), 3, seed=5)
    batches = list(random_batches(SPLIT, order, 5, 2, 6, workers=workers))
    assert len(batches) == 4
    for step, batch in enumerate(batches, start=2):
        chosen = order(step)
        expected = random_shift(SPLIT.images[chosen], torch.Generator().manual_seed(derive_seed(5, "step", step)))
        assert torch.equal(batch.images, expected)
        assert batch.labels.tolist() == chosen.tolist()


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_a_damaged_image_is_the_same_line_for_any_number_of_workers(
    tmp_path: Path, workers: int, capfd: pytest.CaptureFixture[str]
) -> None:
    root = make_image_folder(tmp_path / "images", {"ant": 4, "bee": 4}, {"ant": 2, "bee": 2})
    splits, _ = load_image_folder(root, calibration=2, validation=2, size=16)
    damaged = root / "val" / "bee" / "1.png"
    damaged.write_bytes(b"words")
    message = f"{damaged}: cannot be read as an image: Pillow does not know its format"
    read = read_batches(splits.test, 1, workers=workers)
    assert [int(next(read).labels) for _ in range(3)] == [0, 0, 1]
    with pytest.raises(FormatError) as caught:
        next(read)
    assert str(caught.value) == message
    with pytest.raises(FormatError) as caught:
        list(random_batches(splits.test, ImageOrder(4, 4, seed=0), 0, 0, 2, workers=workers))
    assert str(caught.value) == message
    assert capfd.readouterr() == ("", "")

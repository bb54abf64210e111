"""Random shifts against one image at a time."""

import torch

from qabwnas.data.shift import random_shift


def shifted(image: torch.Tensor, down: int, right: int) -> torch.Tensor:
    result = torch.zeros_like(image)
    _, height, width = image.shape
    for y in range(height):
        for x in range(width):
            if 0 <= y + down < height and 0 <= x + right < width:
                result[:, y, x] = image[:, y + down, x + right]
    return result


def test_every_image_is_one_of_its_shifts_and_every_shift_occurs() -> None:
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(300, 2, 4, 5)
    seen = set()
    for image, moved in zip(images, random_shift(images, generator), strict=True):
        offsets = [(y, x) for y in (-1, 0, 1) for x in (-1, 0, 1) if torch.equal(moved, shifted(image, y, x))]
        assert len(offsets) == 1
        seen.add(offsets[0])
    assert len(seen) == 9


def test_the_generator_decides() -> None:
    images = torch.rand(8, 1, 4, 4)
    first, second = (random_shift(images, torch.Generator().manual_seed(1)) for _ in range(2))
    assert torch.equal(first, second)

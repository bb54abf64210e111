"""Image transforms: windows, flips and colours against pixels that are computed one by one; random boxes."""

from __future__ import annotations

import colorsys
import math

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from qabwnas.data import transforms
from qabwnas.data.transforms import (
    AREAS,
    ASPECTS,
    SceneAugmentation,
    distorted,
    draw_box,
    draw_window,
    largest_share,
    random_flip,
    random_shift,
    recoloured,
)

COLOURS = np.random.default_rng(0).integers(0, 256, (256, 3)).astype(np.uint8)


def patches(height: int, width: int, cell: int = 12) -> np.ndarray:
    """Return labels of large random cells."""
    rng = np.random.default_rng(1)
    cells = rng.integers(0, 19, (math.ceil(height / cell), math.ceil(width / cell))).astype(np.uint8)
    return cells.repeat(cell, axis=0).repeat(cell, axis=1)[:height, :width]


@settings(max_examples=40, deadline=None)
@given(
    size=st.tuples(st.integers(5, 60), st.integers(5, 90)),
    crop=st.tuples(st.integers(1, 70), st.integers(1, 70)),
    scale=st.floats(0.3, 2.5),
    seed=st.integers(0, 1000),
)
@example(size=(16, 14), crop=(1, 2), scale=1.5, seed=12)
def test_a_window_is_a_crop_of_the_resized_image(
    size: tuple[int, int], crop: tuple[int, int], scale: float, seed: int
) -> None:
    height, width = size
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 256, size).astype(np.uint8)
    image = Image.fromarray(labels)
    window = draw_window((width, height), scale, crop, rng)
    scaled_height, scaled_width = max(1, round(height * scale)), max(1, round(width * scale))
    assert window.size == (min(crop[1], scaled_width), min(crop[0], scaled_height))
    left, top = round(window.box[0] * scaled_width / width), round(window.box[1] * scaled_height / height)
    exact = image.convert("F")  # whole numbers are rounded after either axis, and twice on the other side of a tie
    whole = np.asarray(exact.resize((scaled_width, scaled_height), Image.Resampling.BILINEAR))
    expected = whole[top : top + window.size[1], left : left + window.size[0]]
    found = np.asarray(exact.resize(window.size, Image.Resampling.BILINEAR, window.box))
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= 0.01
    nearest = np.asarray(window.nearest(image))
    for y in range(window.size[1]):
        for x in range(window.size[0]):
            row, column = (top + y + 0.5) * height / scaled_height, (left + x + 0.5) * width / scaled_width
            if min(abs(row - round(row)), abs(column - round(column))) > 1e-3:
                assert nearest[y, x] == labels[int(row), int(column)]


def test_windows_reach_every_place() -> None:
    rng = np.random.default_rng(0)
    boxes = {draw_window((6, 5), 1.0, (3, 4), rng).box for _ in range(300)}
    assert boxes == {(left, top, left + 4, top + 3) for left in range(3) for top in range(3)}


@pytest.mark.parametrize("seed", range(12))
def test_labels_go_with_their_pixels(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transforms, "distorted", lambda image, rng: image)  # noqa: ARG005
    labels = patches(60, 110)
    image, train_ids = SceneAugmentation((48, 64), largest_share=1.0).draw(
        Image.fromarray(COLOURS[labels]), Image.fromarray(labels), np.random.default_rng(seed)
    )
    drawn, colours = np.asarray(train_ids), np.asarray(image).astype(int)
    inner = np.ones((drawn.shape[0] - 6, drawn.shape[1] - 6), dtype=bool)
    for down in range(7):
        for right in range(7):
            inner &= drawn[down : down + inner.shape[0], right : right + inner.shape[1]] == drawn[3:-3, 3:-3]
    assert inner.any()
    error = np.abs(colours - COLOURS[drawn].astype(int)).max(axis=2)[3:-3, 3:-3]
    assert error[inner].max() <= 1


def test_half_of_the_variants_are_mirrored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transforms, "distorted", lambda image, rng: image)  # noqa: ARG005
    labels = patches(24, 36)
    augmentation = SceneAugmentation((24, 36), scales=(1.0, 1.0))
    mirrored = 0
    for seed in range(200):
        image, train_ids = augmentation.draw(
            Image.fromarray(COLOURS[labels]), Image.fromarray(labels), np.random.default_rng(seed)
        )
        flipped = not np.array_equal(np.asarray(train_ids), labels)
        expected = [[row[-1 - x] for x in range(len(row))] for row in labels.tolist()] if flipped else labels.tolist()
        assert np.asarray(train_ids).tolist() == expected
        assert np.array_equal(np.asarray(image), COLOURS[np.array(expected)])
        mirrored += flipped
    assert 70 < mirrored < 130


def test_the_share_of_a_class_counts_no_ignored_pixels() -> None:
    def share(*labels: int) -> float:
        return largest_share(Image.fromarray(np.array([labels], dtype=np.uint8)))

    assert share(1, 1, 1, 2) == 0.75
    assert share(1, 2, 255, 255) == 0.5
    assert share(3, 3, 255) == 1
    assert share(255, 255) == 1


def test_crops_of_one_class_are_drawn_again() -> None:
    labels = np.zeros((32, 200), dtype=np.uint8)
    labels[:, 100:] = 1
    image, train_ids = Image.fromarray(COLOURS[labels]), Image.fromarray(labels)

    def mixed(share: float) -> int:
        augmentation = SceneAugmentation((32, 64), scales=(1.0, 1.0), largest_share=share)
        drawn = (augmentation.draw(image, train_ids, np.random.default_rng(seed))[1] for seed in range(200))
        return sum(largest_share(part) <= 0.75 for part in drawn)

    # A crop of 64 in 200 columns has at most 75 % of one class in 33 of 137 places: 24 % of single tries.
    assert 30 < mixed(1.0) < 70
    assert 175 < mixed(0.75) < 200


def test_random_boxes_lie_in_the_image_and_have_the_asked_shapes() -> None:
    rng = np.random.default_rng(0)
    areas = []
    for _ in range(500):
        left, top, right, bottom = draw_box((80, 60), rng)
        assert 0 <= left < right <= 80
        assert 0 <= top < bottom <= 60
        areas.append((right - left) * (bottom - top) / 4800)
        assert ASPECTS[0] * 0.999 <= (right - left) / (bottom - top) <= ASPECTS[1] * 1.001
    assert AREAS[0] <= min(areas) < 0.12
    assert max(areas) > 0.9
    assert draw_box((1000, 1), rng) == (499.5, 0, 500.5, 1)


def recoloured_pixel(pixel: list[int], saturation: float, hue_degrees: float) -> list[float]:
    hue, old, value = colorsys.rgb_to_hsv(*(channel / 255 for channel in pixel))
    return [
        255 * channel for channel in colorsys.hsv_to_rgb((hue + hue_degrees / 360) % 1, min(1, old * saturation), value)
    ]


def test_saturation_and_hue() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (20, 30, 3)).astype(np.uint8)
    for saturation, hue in ((1.0, 0.0), (0.5, 0.0), (1.5, 0.0), (1.0, 36.0), (1.0, -36.0), (0.7, 20.0)):
        found = np.asarray(recoloured(Image.fromarray(pixels), saturation, hue)).astype(float)
        expected = np.array([[recoloured_pixel(pixel, saturation, hue) for pixel in row] for row in pixels.tolist()])
        assert np.abs(found - expected).max() <= 10, "8-bit hues are coarse"
        assert np.abs(found - expected).mean() <= 2


def test_greys_stay_grey_within_the_ranges() -> None:
    levels = np.arange(40, 220, dtype=np.uint8)  # brightness alone clips none of them
    rng = np.random.default_rng(0)
    image = Image.fromarray(np.stack([levels] * 3, axis=1)[None])
    unchanged = 0
    factors, offsets = [], []
    for _ in range(1000):
        found = np.asarray(distorted(image, rng))[0].astype(int)
        assert np.abs(found - found[:, :1]).max() <= 1
        unchanged += np.array_equal(found[:, 0], levels)
        rising = (found[:, 0] > 0) & (found[:, 0] < 255)
        factor, offset = np.polyfit(levels[rising], found[rising, 0], 1)
        factors.append(factor)
        offsets.append(offset / factor)
    assert 200 < unchanged < 300, "a quarter keeps brightness and contrast"
    assert min(factors) > 0.48
    assert max(factors) < 1.52
    assert np.abs(offsets).max() < 34
    assert min(factors) < 0.55
    assert max(factors) > 1.45
    assert np.abs(offsets).max() > 29


def test_the_generator_decides_the_colours() -> None:
    image = Image.fromarray(np.random.default_rng(1).integers(0, 256, (8, 8, 3)).astype(np.uint8))
    variants = {distorted(image, np.random.default_rng(seed)).tobytes() for seed in range(30)}
    assert len(variants) > 20
    assert distorted(image, np.random.default_rng(3)).tobytes() == distorted(image, np.random.default_rng(3)).tobytes()


def shifted(image: torch.Tensor, down: int, right: int) -> torch.Tensor:
    result = torch.zeros_like(image)
    _, height, width = image.shape
    for y in range(height):
        for x in range(width):
            if 0 <= y + down < height and 0 <= x + right < width:
                result[:, y, x] = image[:, y + down, x + right]
    return result


def test_every_shifted_image_is_one_of_its_shifts_and_every_shift_occurs() -> None:
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(300, 2, 4, 5)
    seen = set()
    for image, moved in zip(images, random_shift(images, generator), strict=True):
        offsets = [(y, x) for y in (-1, 0, 1) for x in (-1, 0, 1) if torch.equal(moved, shifted(image, y, x))]
        assert len(offsets) == 1
        seen.add(offsets[0])
    assert len(seen) == 9


def test_the_generator_decides_the_shifts() -> None:
    images = torch.rand(8, 1, 4, 4)
    first, second = (random_shift(images, torch.Generator().manual_seed(1)) for _ in range(2))
    assert torch.equal(first, second)


def test_images_are_flipped_or_not_and_the_generator_decides() -> None:
    images = torch.rand(200, 2, 3, 4)
    flipped = random_flip(images, torch.Generator().manual_seed(0))
    is_same = [torch.equal(image, other) for image, other in zip(images, flipped, strict=True)]
    is_flip = [torch.equal(image.flip(2), other) for image, other in zip(images, flipped, strict=True)]
    assert all(a != b for a, b in zip(is_same, is_flip, strict=True))
    assert 70 < sum(is_flip) < 130
    assert torch.equal(flipped, random_flip(images, torch.Generator().manual_seed(0)))

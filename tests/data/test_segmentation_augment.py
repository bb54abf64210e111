"""Windows and flips against pixels that are looked up one by one."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from qabwnas.data import segmentation_augment
from qabwnas.data.segmentation_augment import SceneAugmentation, draw_window, largest_share

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
    monkeypatch.setattr(segmentation_augment, "distorted", lambda image, rng: image)  # noqa: ARG005
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
    monkeypatch.setattr(segmentation_augment, "distorted", lambda image, rng: image)  # noqa: ARG005
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

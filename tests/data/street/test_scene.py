"""Scenes: functions of their seeds, labelled exactly, with all classes."""

from __future__ import annotations

import zlib

import numpy as np
import pytest

from qabwnas.data import cityscapes_labels as labels
from qabwnas.data.cityscapes_labels import CLASSES, IGNORED, LARGEST_ID, TRAIN_IDS
from qabwnas.data.street.canvas import Camera, Canvas
from qabwnas.data.street.city import CITIES, city_style
from qabwnas.data.street.light import Light
from qabwnas.data.street.scene import draw_scene, scene_city

SIZE = (96, 192)


@pytest.fixture(scope="module")
def scenes() -> list[tuple[np.ndarray, np.ndarray]]:
    return [draw_scene(3, "train", index, *SIZE) for index in range(40)]


def test_a_scene_is_a_function_of_seed_split_and_index(scenes: list[tuple[np.ndarray, np.ndarray]]) -> None:
    image, label_ids = scenes[4]
    assert (image.shape, image.dtype, label_ids.shape, label_ids.dtype) == ((96, 192, 3), np.uint8, SIZE, np.uint8)
    again = draw_scene(3, "train", 4, *SIZE)
    assert np.array_equal(again[0], image)
    assert np.array_equal(again[1], label_ids)
    for other in ((4, "train", 4), (3, "val", 4), (3, "train", 5)):
        assert not np.array_equal(draw_scene(*other, *SIZE)[1], label_ids)


def test_the_same_street_is_drawn_at_every_size(scenes: list[tuple[np.ndarray, np.ndarray]]) -> None:
    for index in (0, 7):
        _, large = draw_scene(3, "train", index, 192, 384)
        assert (large[::2, ::2] == scenes[index][1]).mean() > 0.85


def test_all_classes_occur_and_some_ignored_ones(scenes: list[tuple[np.ndarray, np.ndarray]]) -> None:
    counts = sum(np.bincount(label_ids.ravel(), minlength=256) for _, label_ids in scenes)
    found = set(np.flatnonzero(counts).tolist())
    assert found >= set(CLASSES.values()) | {labels.EGO_VEHICLE, labels.STATIC, labels.PARKING}
    assert max(found) <= LARGEST_ID
    shares = counts[list(CLASSES.values())] / counts.sum()
    assert shares[list(CLASSES).index("road")] > 0.1
    assert 0.05 < counts[TRAIN_IDS == IGNORED].sum() / counts.sum() < 0.3


def test_the_names_of_labels_are_those_of_the_classes() -> None:
    named = {name.replace(" ", "_").upper(): id for name, id in CLASSES.items()}
    assert {name: getattr(labels, name) for name in named} == named


def test_the_borders_of_labels_lie_on_edges_of_the_image(scenes: list[tuple[np.ndarray, np.ndarray]]) -> None:
    def contrast(down: int, right: int) -> float:
        """Return the mean step of brightness over borders of labels that are moved."""
        steps = []
        for image, label_ids in scenes:
            moved = np.roll(label_ids, (down, right), axis=(0, 1))[8:-16, 8:-8]
            grey = image.mean(axis=2)[8:-16, 8:-8]
            steps.append(np.abs(np.diff(grey, axis=1))[moved[:, 1:] != moved[:, :-1]])
            steps.append(np.abs(np.diff(grey, axis=0))[moved[1:] != moved[:-1]])
        return float(np.concatenate(steps).mean())

    aligned = contrast(0, 0)
    for shift in ((1, 0), (-1, 0), (0, 1), (0, -1)):
        assert contrast(*shift) < aligned
    for shift in ((3, 0), (-3, 0), (0, 3), (0, -3)):
        assert contrast(*shift) < 0.6 * aligned


def test_colours_and_labels_get_the_same_outlines() -> None:
    light = Light(*(np.zeros(3, np.float32) for _ in range(4)), 1e9, np.zeros(3, np.float32), 0.0)
    camera = Camera(60, 120, 26.0, 1.3, 0.1)
    canvas = Canvas(camera, light, np.zeros((60, 120, 3), np.uint8), np.zeros((60, 120), np.uint8))
    white = np.full(3, 250, np.float32)
    rng = np.random.default_rng(0)
    plane = canvas.facing(1.0, 9.0)
    plane.disc((0.3, 1.0), (0.7, 1.1), white, 3)
    plane.rectangle((-2.2, -1.9), (0, 2), white, 3)
    plane.discs(rng.normal(1, 0.5, (20, 2)), rng.uniform(0.01, 0.2, (20, 2)), np.tile(white, (20, 1)), 3)
    for _ in range(20):
        canvas.polygon(np.array([0, 1, 12]) + rng.normal(0, 1.5, (4, 3)), white, 3)
    drawn = np.asarray(canvas.labels) == 3
    assert 200 < drawn.sum() < 6000
    assert np.array_equal(np.asarray(canvas.image)[..., 0] > 0, drawn)


def test_cities_differ_and_take_turns() -> None:
    cities = [*CITIES["train"], *CITIES["val"]]
    assert len(set(cities)) == len(cities)
    assert all(city.startswith("synth") for city in cities)
    assert len({city_style(city).eye_m for city in cities}) == len(cities)
    assert city_style("synthburg").eye_m == city_style("synthburg").eye_m
    assert {scene_city("val", index) for index in range(3)} == set(CITIES["val"])
    assert len({zlib.crc32(city.encode()) for city in cities}) == len(cities)

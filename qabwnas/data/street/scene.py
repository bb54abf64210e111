"""A whole scene from a seed: plan, light and cast are drawn first, then everything is painted from far to near."""

from __future__ import annotations

import zlib

import numpy as np
from numpy.typing import NDArray

from qabwnas.data.street import labels
from qabwnas.data.street.camera import Camera
from qabwnas.data.street.canvas import Canvas
from qabwnas.data.street.cast import Cast
from qabwnas.data.street.ground import Shadows, draw_ground, lit_ground
from qabwnas.data.street.layout import draw_street
from qabwnas.data.street.light import draw_light
from qabwnas.data.street.optics import add_hood, photograph
from qabwnas.data.street.rows import draw_rows, plots, shade_rows
from qabwnas.data.street.sky import sky
from qabwnas.data.street.style import CITIES, Style, city_style


def scene_city(split: str, index: int) -> str:
    """Return the city that an image of a split is from: the cities take turns."""
    cities = CITIES[split]
    return cities[index % len(cities)]


def draw_scene(
    seed: int, split: str, index: int, height: int, width: int
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return an image ``(height, width, 3)`` and its label ids ``(height, width)``.

    A function of the arguments alone. The same street with the same things is drawn at every size; leaves, panes and
    noise differ.
    """
    entropy = (seed, zlib.crc32(split.encode()), index)
    plan, paint, lens = (np.random.default_rng((*entropy, purpose)) for purpose in range(3))
    style = city_style(scene_city(split, index))
    light = draw_light(plan, style)
    camera = _draw_camera(plan, style, height, width)
    street = draw_street(plan, style)
    rows = [plots(plan, style, street) for _ in street.sides]
    things = Cast(plan, street, style).all_things()
    canvas = Canvas(camera, light, sky(lens, camera, light), np.full((height, width), labels.SKY, dtype=np.uint8))

    draw_ground(plan, canvas, street, style)
    shadows = Shadows(camera, light)
    for side, row in zip(street.sides, rows, strict=True):
        shade_rows(shadows, style, side, row)
    for thing in things:
        thing.shade(shadows)
    lit_ground(lens, canvas, shadows)
    draw_rows(paint, canvas, style, street, rows)
    for number, thing in enumerate(things):
        thing.draw(np.random.default_rng((*entropy, 3, number)), canvas)
    add_hood(canvas, style)
    return photograph(lens, canvas), np.array(canvas.labels)


def _draw_camera(rng: np.random.Generator, style: Style, height: int, width: int) -> Camera:
    return Camera(
        height=height,
        width=width,
        horizon=height * (style.horizon + rng.normal(0, 0.012)),
        eye_m=style.eye_m + rng.normal(0, 0.04),
        yaw=rng.normal(0, 0.06),
    )

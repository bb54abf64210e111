"""A whole scene from a seed.

Plan, light and objects are drawn at random first. Then everything is painted from far to near. Last come the grain of
surfaces, the bonnet of the camera's car, lens, exposure and sensor noise.
"""

from __future__ import annotations

import zlib

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from qabwnas.data import cityscapes_labels as labels
from qabwnas.data.street.canvas import Camera, Canvas
from qabwnas.data.street.city import CITIES, Style, city_style, draw_street
from qabwnas.data.street.ground import Shadows, draw_ground, light_ground
from qabwnas.data.street.light import Light, cloud_noise, draw_light, smooth_noise
from qabwnas.data.street.placement import Placement
from qabwnas.data.street.rows import draw_plots, draw_row_shadows, draw_rows

BORDER_PIXELS_AT_2048 = 6.0
# How uneven surfaces are: fine grain and broad stains, as fractions of their brightness.
_FINE = {labels.VEGETATION: 0.16, labels.TERRAIN: 0.10, labels.BUILDING: 0.03, labels.WALL: 0.06, labels.FENCE: 0.04}
_BROAD = {labels.VEGETATION: 0.10, labels.TERRAIN: 0.10, labels.BUILDING: 0.05, labels.WALL: 0.09, labels.CAR: 0.04}


def scene_city(split: str, index: int) -> str:
    """Return the city of an image of a split: the cities take turns."""
    cities = CITIES[split]
    return cities[index % len(cities)]


def draw_scene(
    seed: int, split: str, index: int, height: int, width: int
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return an image ``(height, width, 3)`` and its label ids ``(height, width)``.

    The result depends on the arguments only. The same street with the same objects is drawn at every size; leaves,
    windows and noise differ.
    """
    entropy = (seed, zlib.crc32(split.encode()), index)
    plan, paint, lens = (np.random.default_rng((*entropy, purpose)) for purpose in range(3))
    style = city_style(scene_city(split, index))
    light = draw_light(plan, style)
    camera = _draw_camera(plan, style, height, width)
    street = draw_street(plan, style)
    rows = [draw_plots(plan, style, street) for _ in street.sides]
    objects = Placement(plan, street, style).all_objects()
    canvas = Canvas(camera, light, _draw_sky(lens, camera, light), np.full((height, width), labels.SKY, dtype=np.uint8))

    draw_ground(plan, canvas, street, style)
    shadows = Shadows(camera, light)
    for side, row in zip(street.sides, rows, strict=True):
        draw_row_shadows(shadows, style, side, row)
    for placed in objects:
        placed.draw_shadow(shadows)
    light_ground(lens, canvas, shadows)
    draw_rows(paint, canvas, style, street, rows)
    for number, placed in enumerate(objects):
        placed.draw(np.random.default_rng((*entropy, 3, number)), canvas)
    _draw_hood(canvas, style)
    return _photograph(lens, canvas), np.array(canvas.labels)


def _draw_camera(rng: np.random.Generator, style: Style, height: int, width: int) -> Camera:
    return Camera(
        height=height,
        width=width,
        horizon=height * (style.horizon + rng.normal(0, 0.012)),
        eye_m=style.eye_m + rng.normal(0, 0.04),
        yaw=rng.normal(0, 0.06),
    )


def _draw_sky(rng: np.random.Generator, camera: Camera, light: Light) -> NDArray[np.uint8]:
    """Return an image ``(height, width, 3)`` of sky only: gradient, clouds, glow of the sun; haze below the horizon."""
    horizon = max(1, int(camera.horizon))
    elevation = np.linspace(1, 0, horizon, dtype=np.float32)[:, None, None]
    above = light.haze + (light.zenith - light.haze) * elevation**0.8
    cover = cloud_noise(rng, horizon, camera.width, 3, 5) * 0.5 + (light.clouds - 0.5)
    white = np.clip(cover * 2, 0, 1)[..., None] * elevation**0.3
    brightness = np.float32(light.haze.max() * 1.08)
    above = above + (brightness - above) * white * np.float32(0.85)
    image = np.empty((camera.height, camera.width, 3), dtype=np.uint8)
    image[:horizon] = np.clip(above + _glow(camera, light, horizon), 0, 255)
    image[horizon:] = np.clip(light.haze, 0, 255)
    return image


def _glow(camera: Camera, light: Light, horizon: int) -> NDArray[np.float32]:
    """Return the brightening around the sun, ``(horizon, width, 1)`` or a single 0."""
    direction = camera.seen((light.sun * 1000).astype(np.float32))
    if not light.casts_shadows or direction[2] < 100:
        return np.zeros((1, 1, 1), dtype=np.float32)
    column, row = camera.pixels(direction)
    across = (np.arange(camera.width, dtype=np.float32) - column)[None, :] / camera.width
    up = (np.arange(horizon, dtype=np.float32) - row)[:, None] / camera.width
    glow: NDArray[np.float32] = (np.float32(120) * np.exp(-(across**2 + up**2) * np.float32(30)))[..., None]
    return glow


def _draw_hood(canvas: Canvas, style: Style) -> None:
    """Draw the bonnet of the camera's car over the lower edge, and the border outside the region of interest."""
    camera = canvas.camera
    rise = style.hood * camera.height
    across = np.linspace(-0.05, 1.05, 24) * camera.width
    bend = 1 - ((across / camera.width - 0.5) * 1.7) ** 4
    outline = np.stack([across, camera.height - rise * np.clip(bend, 0, 1)], axis=1)
    points = [*outline.ravel().tolist(), camera.width * 1.05, camera.height + 2.0, -5.0, camera.height + 2.0]
    mirrored = (canvas.light.haze * np.float32(0.25) + np.float32(20)).tolist()
    red, green, blue = (int(value) for value in mirrored)
    ImageDraw.Draw(canvas.image).polygon(points, (red, green, blue))
    label = ImageDraw.Draw(canvas.labels)
    label.polygon(points, labels.EGO_VEHICLE)
    border = round(BORDER_PIXELS_AT_2048 * camera.width / 2048)
    if border:
        label.rectangle((0, 0, camera.width - 1, camera.height - 1), outline=labels.OUT_OF_ROI, width=border)


def _photograph(rng: np.random.Generator, canvas: Canvas) -> NDArray[np.uint8]:
    """Return the photograph ``(height, width, 3)`` of the canvas."""
    height, width = canvas.camera.height, canvas.camera.width
    ids = np.asarray(canvas.labels)
    fine = rng.standard_normal((height, width), dtype=np.float32)
    if width > 512:  # grain has a size in the street, not in pixels
        fine += smooth_noise(rng, height, width, height // 3, width // 3)
    broad = smooth_noise(rng, height, width, 14, 28)
    gain = 1 + _strengths(_FINE)[ids] * fine + _strengths(_BROAD)[ids] * broad
    image = np.asarray(canvas.image).astype(np.float32)
    gain *= _vignette(height, width) * _exposure(rng, image)
    image *= gain[..., None]
    cast = 1 + rng.normal(0, 0.025, 3).astype(np.float32)
    image *= cast
    noise_level = np.float32(rng.uniform(1.5, 6.0))
    sharp = Image.fromarray(np.clip(image, 0, 255).astype(np.uint8))
    soft = sharp.filter(ImageFilter.GaussianBlur(rng.uniform(0.45, 0.8) * max(1.0, width / 1200)))
    image = np.asarray(soft).astype(np.float32)
    image += rng.standard_normal((height, width, 3), dtype=np.float32) * noise_level
    return np.clip(image, 0, 255).astype(np.uint8)


def _exposure(rng: np.random.Generator, image: NDArray[np.float32]) -> np.float32:
    """Return the gain of an automatic exposure: most of the way to medium brightness, with a small random error."""
    mean = max(20.0, float(image[::4, ::4].mean()))
    return np.float32((105 / mean) ** 0.75 * rng.uniform(0.8, 1.2))


def _strengths(strength: dict[int, float]) -> NDArray[np.float32]:
    table = np.full(256, 0.02, dtype=np.float32)
    for label, value in strength.items():
        table[label] = value
    return table


def _vignette(height: int, width: int) -> NDArray[np.float32]:
    rows = np.linspace(-1, 1, height, dtype=np.float32)[:, None] ** 2
    columns = np.linspace(-1, 1, width, dtype=np.float32)[None, :] ** 2
    return 1 - np.float32(0.08) * (rows + columns)

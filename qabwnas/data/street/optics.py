"""From flat colours to a photograph: grain of surfaces, the own bonnet, lens, exposure and sensor noise."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from qabwnas.data.street import labels
from qabwnas.data.street.canvas import Canvas
from qabwnas.data.street.noise import smooth_noise
from qabwnas.data.street.style import Style

BORDER_PIXELS_AT_2048 = 6.0

# How uneven a surface is: fine grain and broad stains, as parts of its brightness.
_FINE = {labels.VEGETATION: 0.16, labels.TERRAIN: 0.10, labels.BUILDING: 0.03, labels.WALL: 0.06, labels.FENCE: 0.04}
_BROAD = {labels.VEGETATION: 0.10, labels.TERRAIN: 0.10, labels.BUILDING: 0.05, labels.WALL: 0.09, labels.CAR: 0.04}


def add_hood(canvas: Canvas, style: Style) -> None:
    """Draw the bonnet of the camera's own car over the lower edge, and the border out of the region of interest."""
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


def photograph(rng: np.random.Generator, canvas: Canvas) -> NDArray[np.uint8]:
    """Return the picture ``(height, width, 3)`` that a camera takes of the canvas."""
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
    """Return the gain of an automatic exposure that goes most of the way to a medium brightness, and errs a little."""
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

"""Random brightness, contrast, saturation and hue, in mmsegmentation's ranges, on 8-bit images.

Each of the four happens with a probability of one half. Values are clipped after each, as 8-bit images are.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

BRIGHTNESS = 32.0
CONTRAST = (0.5, 1.5)
SATURATION = (0.5, 1.5)
HUE_DEGREES = 36.0  # 18 of the 180 steps that 8-bit hues have in mmsegmentation

_LEVELS = np.arange(256, dtype=np.float64)


def distorted(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Return an RGB image in other colours; contrast changes before saturation and hue, or after, at random."""
    brightness, contrast, saturation, hue, contrast_last = (rng.random(5) < 0.5).tolist()
    offset, factor = rng.uniform(-BRIGHTNESS, BRIGHTNESS), rng.uniform(*CONTRAST)
    richness, turn = rng.uniform(*SATURATION), rng.uniform(-HUE_DEGREES, HUE_DEGREES)
    if brightness:
        image = _mapped(image, _LEVELS + offset)
    if contrast and not contrast_last:
        image = _mapped(image, _LEVELS * factor)
    if saturation or hue:
        image = recoloured(image, richness if saturation else 1.0, turn if hue else 0.0)
    if contrast and contrast_last:
        image = _mapped(image, _LEVELS * factor)
    return image


def recoloured(image: Image.Image, saturation: float, hue_degrees: float) -> Image.Image:
    """Return an RGB image with its saturation multiplied and its hue turned."""
    hues = np.round(_LEVELS + hue_degrees * 256 / 360) % 256
    tables = [*_bytes(hues), *_bytes(_LEVELS * saturation), *range(256)]
    return image.convert("HSV").point(tables).convert("RGB")


def _mapped(image: Image.Image, levels: NDArray[np.float64]) -> Image.Image:
    return image.point(_bytes(levels) * 3)


def _bytes(levels: NDArray[np.float64]) -> list[int]:
    table: list[int] = np.clip(np.round(levels), 0, 255).astype(np.int64).tolist()
    return table

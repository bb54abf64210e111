"""Changes of colour against one pixel at a time."""

from __future__ import annotations

import colorsys

import numpy as np
from PIL import Image

from qabwnas.data.photometric import distorted, recoloured


def slow(pixel: list[int], saturation: float, hue_degrees: float) -> list[float]:
    hue, old, value = colorsys.rgb_to_hsv(*(channel / 255 for channel in pixel))
    return [
        255 * channel for channel in colorsys.hsv_to_rgb((hue + hue_degrees / 360) % 1, min(1, old * saturation), value)
    ]


def test_saturation_and_hue() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (20, 30, 3)).astype(np.uint8)
    for saturation, hue in ((1.0, 0.0), (0.5, 0.0), (1.5, 0.0), (1.0, 36.0), (1.0, -36.0), (0.7, 20.0)):
        found = np.asarray(recoloured(Image.fromarray(pixels), saturation, hue)).astype(float)
        expected = np.array([[slow(pixel, saturation, hue) for pixel in row] for row in pixels.tolist()])
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


def test_the_generator_decides() -> None:
    image = Image.fromarray(np.random.default_rng(1).integers(0, 256, (8, 8, 3)).astype(np.uint8))
    variants = {distorted(image, np.random.default_rng(seed)).tobytes() for seed in range(30)}
    assert len(variants) > 20
    assert distorted(image, np.random.default_rng(3)).tobytes() == distorted(image, np.random.default_rng(3)).tobytes()

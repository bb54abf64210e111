"""The sky: a gradient to the horizon, clouds, and a glow around the sun."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qabwnas.data.street.camera import Camera
from qabwnas.data.street.light import Light
from qabwnas.data.street.noise import cloud_noise


def sky(rng: np.random.Generator, camera: Camera, light: Light) -> NDArray[np.uint8]:
    """Return an image ``(height, width, 3)`` of nothing but sky; below the horizon it is haze."""
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

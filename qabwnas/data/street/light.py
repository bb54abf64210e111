"""The light of a scene (sun, sky colours, haze), and the smooth random fields that clouds and grain are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from qabwnas.data.street.city import Style

Colour = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Light:
    """What lights a scene.

    Attributes:
        sun: unit vector towards the sun, ``(3,)``.
        sunlight: light of the sun on a face towards it, per colour; zeros under clouds.
        ambient: light that every face gets, per colour.
        haze: colour of the distance.
        visibility_m: distance at which the haze has taken 63 % of a colour.
        zenith: colour of the sky above.
        clouds: cover, 0 … 1.
    """

    sun: Colour
    sunlight: Colour
    ambient: Colour
    haze: Colour
    visibility_m: float
    zenith: Colour
    clouds: float

    @property
    def casts_shadows(self) -> bool:
        return bool(self.sunlight.max() > 0.1)

    def shaded(self, colour: Colour, normal: Colour) -> Colour:
        """Return a colour as it appears on a face with a unit normal."""
        facing = max(0.0, float(normal @ self.sun))
        sky_share = 0.8 + 0.2 * float(normal[1])
        return colour * (self.ambient * np.float32(sky_share) + self.sunlight * np.float32(facing))

    def hazed(self, colour: Colour, distance_m: float) -> Colour:
        """Return a colour as it appears from a distance."""
        clear = np.float32(np.exp(-max(0.0, distance_m) / self.visibility_m))
        return colour * clear + self.haze * (1 - clear)


def draw_light(rng: np.random.Generator, style: Style) -> Light:
    """Draw a time of day and the weather at random."""
    sunny = rng.random() < style.sunny
    elevation = rng.uniform(0.15, 1.0) if sunny else 0.8
    azimuth = rng.uniform(-np.pi, np.pi)
    sun = np.array([np.cos(elevation) * np.sin(azimuth), np.sin(elevation), np.cos(elevation) * np.cos(azimuth)])
    low = max(0.0, 1 - elevation / 0.7)  # reddish near the horizon
    dim = rng.uniform(0.55, 1.0)
    if sunny:
        sunlight = rng.uniform(0.55, 0.85) * np.array([1.0, 1 - 0.18 * low, 1 - 0.4 * low])
        ambient = rng.uniform(0.42, 0.6) * np.array([0.93, 0.98, 1.08])
        zenith = np.array([96, 140, 205]) * rng.uniform(0.8, 1.1) + low * np.array([30, 0, -30])
        haze = np.array([205, 212, 220]) + low * np.array([20, -5, -40])
        clouds = rng.uniform(0.0, 0.7)
    else:
        sunlight = np.zeros(3)
        ambient = dim * np.array([1.0, 1.0, 1.03]) * rng.uniform(0.9, 1.05)
        zenith = np.array([205, 210, 216]) * dim * rng.uniform(0.9, 1.1)
        haze = np.array([222, 224, 226]) * dim
        clouds = rng.uniform(0.3, 1.0)
    return Light(
        sun=sun.astype(np.float32),
        sunlight=sunlight.astype(np.float32),
        ambient=ambient.astype(np.float32),
        haze=haze.astype(np.float32),
        visibility_m=float(np.exp(rng.uniform(np.log(90), np.log(900)))),
        zenith=zenith.astype(np.float32),
        clouds=clouds,
    )


def smooth_noise(rng: np.random.Generator, height: int, width: int, rows: int, columns: int) -> NDArray[np.float32]:
    """Return a field ``(height, width)`` of mean 0 and deviation of about 1 with ``rows`` × ``columns`` bumps."""
    grid = rng.standard_normal((max(2, rows), max(2, columns)), dtype=np.float32)
    return np.asarray(Image.fromarray(grid).resize((width, height), Image.Resampling.BICUBIC))


def cloud_noise(
    rng: np.random.Generator, height: int, width: int, rows: int, columns: int, octaves: int = 4
) -> NDArray[np.float32]:
    """Return a fractal field ``(height, width)``: each octave is twice as fine and half as strong."""
    field = np.zeros((height, width), dtype=np.float32)
    for octave in range(octaves):
        finer = 1 << octave
        field += smooth_noise(rng, height, width, min(rows * finer, height), min(columns * finer, width)) / finer
    return field

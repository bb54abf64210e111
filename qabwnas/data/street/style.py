"""Cities: what their streets, houses, plants and traffic look like on average."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CITIES = {
    "train": ("synthburg", "synthdorf", "synthfeld", "synthhausen", "synthheim", "synthstadt"),
    "val": ("synthafen", "synthbruck", "synthtal"),
}

# Plaster, sandstone, brick, concrete: colours under white light.
_FACADES = np.array(
    [
        (196, 184, 164), (172, 158, 136), (150, 96, 78), (128, 112, 100), (205, 200, 192), (190, 170, 120),
        (120, 122, 124), (164, 128, 108), (98, 92, 90), (178, 188, 186), (142, 150, 160), (112, 74, 62),
    ],
    dtype=np.float32,
)  # fmt: skip
_LEAVES = np.array(
    [(62, 84, 40), (48, 72, 38), (84, 96, 44), (104, 98, 46), (74, 76, 58), (120, 92, 50)], dtype=np.float32
)


@dataclass(frozen=True)
class Style:
    """The statistics of a city.

    Attributes:
        facades: colours of its houses, ``(n, 3)``.
        leaves: colours of its plants, ``(n, 3)``.
        storeys: fewest and most storeys.
        gaps: probability that a plot has no house.
        greenery: trees per 100 m and side.
        crowd: people a scene.
        traffic: moving vehicles a scene.
        parked: probability that a parking place is taken.
        cycling: bicycles and motorcycles, ridden or not, a scene.
        lane_m: width of a lane.
        sunny: probability of sunshine.
        horizon: row of the horizon as part of the height.
        eye_m: height of the camera.
        hood: how much of the height the own bonnet covers.
        asphalt, paving: grey of road and sidewalk.
    """

    facades: NDArray[np.float32]
    leaves: NDArray[np.float32]
    storeys: tuple[int, int]
    gaps: float
    greenery: float
    crowd: float
    traffic: float
    parked: float
    cycling: float
    lane_m: float
    sunny: float
    horizon: float
    eye_m: float
    hood: float
    asphalt: float
    paving: float


def city_style(city: str) -> Style:
    """Return the style of a city, a function of its name alone."""
    rng = np.random.default_rng(zlib.crc32(city.encode()))
    lowest = int(rng.integers(1, 4))
    return Style(
        facades=rng.permutation(_FACADES)[:6] + rng.normal(0, 8, (6, 3)).astype(np.float32),
        leaves=rng.permutation(_LEAVES)[:4] + rng.normal(0, 6, (4, 3)).astype(np.float32),
        storeys=(lowest, lowest + int(rng.integers(2, 5))),
        gaps=rng.uniform(0.12, 0.4),
        greenery=rng.uniform(1.0, 6.0),
        crowd=rng.uniform(3.0, 9.0),
        traffic=rng.uniform(2.0, 5.0),
        parked=rng.uniform(0.3, 0.8),
        cycling=rng.uniform(2.0, 4.5),
        lane_m=rng.uniform(2.9, 3.6),
        sunny=rng.uniform(0.2, 0.7),
        horizon=rng.uniform(0.42, 0.48),
        eye_m=rng.uniform(1.2, 1.5),
        hood=rng.uniform(0.08, 0.16),
        asphalt=rng.uniform(82, 112),
        paving=rng.uniform(112, 150),
    )

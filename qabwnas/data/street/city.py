"""Cities and their streets: what a city looks like on average, and the plan of one of its streets."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

START_M = -2.0

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
        storeys: smallest and largest number of storeys.
        gaps: probability that a plot has no house.
        greenery: trees per 100 m and side.
        crowd: people per scene.
        traffic: moving vehicles per scene.
        parked: probability that a parking place is taken.
        cycling: bicycles and motorcycles per scene, ridden or parked.
        lane_m: width of a lane.
        sunny: probability of sunshine.
        horizon: row of the horizon as a fraction of the height.
        eye_m: height of the camera.
        hood: fraction of the height that the camera car's bonnet covers.
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
    """Return the style of a city. It depends on the name only."""
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


@dataclass(frozen=True)
class Side:
    """One side of the street, with distances from the camera's axis in metres, from the road outwards.

    Attributes:
        sign: −1 on the left, 1 on the right.
        kerb: where the carriageway ends.
        parking: where a parking strip ends; ``kerb`` if there is none.
        strip: width of the grass between the kerb and the sidewalk, 0 for none.
        walk: where the sidewalk ends.
        facade: where the houses stand; between it and ``walk`` lies a verge of grass or bushes.
    """

    sign: int
    kerb: float
    parking: float
    strip: float
    walk: float
    facade: float

    def x(self, distance: float) -> float:
        return self.sign * distance


@dataclass(frozen=True)
class Street:
    """A street along z.

    Attributes:
        left, right: its sides.
        lane_m: width of a lane; the camera drives in the rightmost.
        lanes: lanes per direction.
        crossing: first and last z of a side street, or ``None``.
        end_m: where the view is closed.
        rails: whether a tram runs in the middle.
    """

    left: Side
    right: Side
    lane_m: float
    lanes: int
    crossing: tuple[float, float] | None
    end_m: float
    rails: bool

    @property
    def sides(self) -> tuple[Side, Side]:
        return self.left, self.right

    @property
    def middle(self) -> float:
        """X of the line between the directions."""
        return self.lane_m / 2 - self.lanes * self.lane_m

    def crossed(self, z: float, margin_m: float = 0.0) -> bool:
        """Return whether a place along the street lies in the side street."""
        return self.crossing is not None and self.crossing[0] - margin_m < z < self.crossing[1] + margin_m


def draw_street(rng: np.random.Generator, style: Style) -> Street:
    """Draw the plan of a street at random."""
    lanes = 1 if rng.random() < 0.65 else 2
    rails = bool(rng.random() < 0.22)
    lane = style.lane_m + rng.uniform(-0.2, 0.3)
    near_edge = lane / 2 + rng.uniform(0.1, 1.0)
    far_edge = lane * (2 * lanes - 0.5) + rng.uniform(0.1, 1.0) + (3.0 if rails else 0.0)
    crossing = None
    if rng.random() < 0.45:
        start = rng.uniform(14, 60)
        crossing = (start, start + rng.uniform(7, 14))
    return Street(
        left=_draw_side(rng, -1, far_edge),
        right=_draw_side(rng, 1, near_edge),
        lane_m=lane,
        lanes=lanes,
        crossing=crossing,
        end_m=rng.uniform(70, 220),
        rails=rails,
    )


def _draw_side(rng: np.random.Generator, sign: int, kerb: float) -> Side:
    parking = kerb + (rng.uniform(2.0, 2.5) if rng.random() < 0.6 else 0.0)
    strip = rng.uniform(0.8, 3.5) if rng.random() < 0.3 else 0.0
    walk = parking + strip + rng.uniform(1.6, 5.0)
    facade = walk + (rng.uniform(1.5, 9.0) if rng.random() < 0.6 else 0.0)
    return Side(sign, kerb, parking, strip, walk, facade)

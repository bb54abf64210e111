"""The plan of a street: how wide lanes, parking, sidewalks and verges are, and where a side street crosses."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qabwnas.data.street.style import Style

START_M = -2.0


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
        lanes: lanes in the own direction.
        crossing: first and last z of a side street, or none.
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
        """Say whether a place along the street lies in the side street."""
        return self.crossing is not None and self.crossing[0] - margin_m < z < self.crossing[1] + margin_m


def draw_street(rng: np.random.Generator, style: Style) -> Street:
    """Draw the plan of a street."""
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

"""People on foot: legs, trunk, arms and head in clothes of any colour, walking or standing."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from qabwnas.data.street import labels
from qabwnas.data.street.canvas import Canvas
from qabwnas.data.street.light import Colour

_SKIN = np.array([(224, 182, 154), (188, 140, 108), (120, 84, 64), (206, 164, 132)], dtype=np.float32)
_HAIR = np.array([(40, 32, 28), (96, 70, 44), (150, 140, 130), (24, 22, 22)], dtype=np.float32)
TOWARDS_CAMERA = np.array([0, 0, -1], dtype=np.float32)


@dataclass(frozen=True)
class Clothes:
    """Unlit colours of a person."""

    top: Colour
    trousers: Colour
    skin: Colour
    hair: Colour


def draw_clothes(rng: np.random.Generator) -> Clothes:
    """Draw clothes: mostly dark and grey, some in strong colours."""

    def cloth() -> Colour:
        grey = np.full(3, rng.uniform(25, 190))
        strong = rng.uniform(0.15, 1.0, 3) * 210
        return (0.65 * grey + 0.35 * strong if rng.random() < 0.6 else strong).astype(np.float32)

    trousers = np.array([40, 46, 66]) if rng.random() < 0.5 else cloth() * 0.7
    return Clothes(cloth(), trousers.astype(np.float32), _SKIN[rng.integers(4)], _HAIR[rng.integers(4)])


class Figure:
    """A flat figure that faces the camera, built from limbs, all of one label."""

    def __init__(self, canvas: Canvas, x: float, z: float, label: int) -> None:
        self.plane = canvas.facing(x, z)
        self.label = label

    def limb(self, start: tuple[float, float], end: tuple[float, float], width_m: float, colour: Colour) -> None:
        """Draw a bar between two points (across, up), a little thinner at its end."""
        across, up = end[0] - start[0], end[1] - start[1]
        half = width_m / 2 / max(1e-6, math.hypot(across, up))
        x, y = -up * half, across * half
        outline = (
            (start[0] - x, start[1] - y),
            (start[0] + x, start[1] + y),
            (end[0] + 0.75 * x, end[1] + 0.75 * y),
            (end[0] - 0.75 * x, end[1] - 0.75 * y),
        )
        self.shape(outline, colour)

    def shape(self, outline: Iterable[tuple[float, float]], colour: Colour) -> None:
        """Fill a polygon."""
        self.plane.polygon(outline, self._lit(colour), self.label)

    def ball(self, centre: tuple[float, float], radii: tuple[float, float], colour: Colour) -> None:
        """Fill an ellipse."""
        self.plane.disc(centre, radii, self._lit(colour), self.label)

    def _lit(self, colour: Colour) -> Colour:
        return self.plane.canvas.light.shaded(colour, TOWARDS_CAMERA)


def draw_person(rng: np.random.Generator, canvas: Canvas, x: float, z: float) -> None:
    """Draw a person of 1.1 to 1.95 m."""
    height = rng.uniform(1.55, 1.95) if rng.random() < 0.9 else rng.uniform(1.1, 1.5)
    clothes = draw_clothes(rng)
    figure = Figure(canvas, x, z, labels.PERSON)
    stride = rng.uniform(0, 0.28) * height * rng.choice([-1, 1])
    build = height * rng.uniform(0.9, 1.15)
    hip = 0.48 * height
    shoes = np.full(3, 34, dtype=np.float32)
    for sign, shade in ((-1, 0.8), (1, 1.0)):
        foot = (sign * stride / 2 + sign * 0.03 * build, 0.04)
        figure.limb((sign * 0.045 * build, hip), foot, 0.1 * build, clothes.trousers * np.float32(shade))
        figure.limb((foot[0] - 0.05, 0.03), (foot[0] + 0.1 * np.sign(stride), 0.03), 0.07, shoes)
    coat = rng.random() < 0.3
    lowest = hip - (0.18 * height if coat else 0.02 * height)
    top = clothes.top
    swing = stride * 0.5
    figure.limb(
        (-0.1 * build, 0.8 * height), (-0.13 * build + swing, 0.46 * height), 0.065 * build, top * np.float32(0.8)
    )
    trunk = [(-0.09, lowest), (-0.125, 0.72 * height), (-0.09, 0.83 * height), (0.09, 0.83 * height),
             (0.125, 0.72 * height), (0.09, lowest)]  # fmt: skip
    figure.shape([(across * build, up) for across, up in trunk], top)
    figure.limb(
        (0.1 * build, 0.8 * height), (0.13 * build - swing, 0.46 * height), 0.065 * build, top * np.float32(0.9)
    )
    if rng.random() < 0.35:
        bag = clothes.trousers * np.float32(0.6) + 30
        corners = ((0.1, 0.38), (0.1, 0.55), (0.25, 0.55), (0.25, 0.38))
        figure.shape([(across * height, up * height) for across, up in corners], bag)
    figure.ball((0.0, 0.925 * height), (0.06 * height, 0.075 * height), clothes.hair)
    if rng.random() < 0.55:
        figure.ball((0.01 * np.sign(stride), 0.91 * height), (0.048 * height, 0.06 * height), clothes.skin)

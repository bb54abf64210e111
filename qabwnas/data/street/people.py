"""People on foot, and bicycles and motorcycles with their riders or parked.

What is seen through a wheel has the wheel's label, as in Cityscapes; the colours show what is behind it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from qabwnas.data import cityscapes_labels as labels
from qabwnas.data.street.canvas import TOWARDS_CAMERA, Canvas
from qabwnas.data.street.light import Colour

_BLACK = np.array([24, 24, 26], dtype=np.float32)

_SKIN = np.array([(224, 182, 154), (188, 140, 108), (120, 84, 64), (206, 164, 132)], dtype=np.float32)
_HAIR = np.array([(40, 32, 28), (96, 70, 44), (150, 140, 130), (24, 22, 22)], dtype=np.float32)


@dataclass(frozen=True)
class Clothes:
    """Unlit colours of a person."""

    top: Colour
    trousers: Colour
    skin: Colour
    hair: Colour


def draw_clothes(rng: np.random.Generator) -> Clothes:
    """Draw clothes at random: mostly dark and grey, some in strong colours."""

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


def draw_bicycle(rng: np.random.Generator, canvas: Canvas, x: float, z: float, turn: float, *, ridden: bool) -> None:
    """Draw a bicycle, and its rider if ``ridden``; ``turn`` is 0 seen from the end, 1 from the side."""
    frame = (rng.uniform(0.1, 1.0, 3) * 170).astype(np.float32)
    wheel, base = 0.34, 0.52
    _draw_wheel_discs(canvas, x, z, turn, wheel, base, labels.BICYCLE)
    lit = canvas.light.shaded(frame, TOWARDS_CAMERA)

    plane = canvas.facing(x, z)
    outline = ((-base, wheel), (-0.15, 0.82), (0.4, 0.9), (base, wheel), (-0.05, 0.28))
    plane.polygon([(along * turn, up) for along, up in outline], None, labels.BICYCLE)
    bars = [(-base, wheel, -0.05, 0.28), (-0.05, 0.28, -0.15, 0.88), (-0.15, 0.75, 0.4, 0.8), (-0.05, 0.28, 0.4, 0.8),
            (0.4, 0.98, base, wheel), (-base, wheel, -0.15, 0.75)]  # fmt: skip
    for a, b, c, d in bars:
        plane.line((a * turn, b), (c * turn, d), 0.045, lit)
    figure = Figure(canvas, x, z, labels.BICYCLE)
    figure.limb((-0.25 * turn, 0.9), (-0.05 * turn, 0.9), 0.07, _BLACK)
    figure.limb((0.38 * turn - 0.25 * (1 - turn), 1.0), (0.38 * turn + 0.25 * (1 - turn), 1.02), 0.05, _BLACK)
    if ridden:
        _draw_rider(rng, canvas, x, z - 0.05, turn, seat=0.92, foot=0.22, helmet=0.4)


def draw_motorcycle(rng: np.random.Generator, canvas: Canvas, x: float, z: float, turn: float, *, ridden: bool) -> None:
    """Draw a motorcycle or a scooter, and its rider if ``ridden``."""
    paint = (rng.uniform(0.1, 1.0, 3) * 190).astype(np.float32)
    wheel, base = 0.3, 0.66
    _draw_wheel_discs(canvas, x, z, turn, wheel, base, labels.MOTORCYCLE)
    figure = Figure(canvas, x, z, labels.MOTORCYCLE)
    across = max(turn, 0.18)
    body = [
        (-0.75, 0.55),
        (-0.7, 0.82),
        (0.05, 0.8),
        (0.2, 0.98),
        (0.45, 1.05),
        (0.62, 0.6),
        (0.3, 0.25),
        (-0.35, 0.25),
    ]
    figure.shape([(along * across, up) for along, up in body], paint)
    engine = [(-0.35, 0.2), (-0.3, 0.5), (0.28, 0.5), (0.28, 0.2)]
    figure.shape([(along * across, up) for along, up in engine], _BLACK * 2)
    figure.limb((-0.65 * across, 0.82), (0.05 * across, 0.8), 0.1, _BLACK)
    figure.limb((0.4 * across - 0.3 * (1 - turn), 1.08), (0.4 * across + 0.3 * (1 - turn), 1.08), 0.06, _BLACK)
    lamp = np.array([170, 30, 30], dtype=np.float32) if rng.random() < 0.5 else np.array([235, 232, 215], np.float32)
    figure.ball((0.0 if turn < 0.4 else 0.6 * turn, 0.85), (0.08, 0.08), lamp)
    if ridden:
        _draw_rider(rng, canvas, x, z - 0.05, turn, seat=0.82, foot=0.3, helmet=1.0)


def _draw_wheel_discs(canvas: Canvas, x: float, z: float, turn: float, radius: float, base: float, label: int) -> None:
    """Draw two wheels: whole discs in the labels, tyres in the colours."""
    radii = (max(radius * turn, 0.05), radius)
    dark = canvas.light.shaded(_BLACK, TOWARDS_CAMERA)
    plane = canvas.facing(x, z)
    for along in (-base * turn, base * turn):
        plane.disc((along, radius), radii, None, label)
        plane.ring((along, radius), radii, 0.06, dark)


def _draw_rider(
    rng: np.random.Generator,
    canvas: Canvas,
    x: float,
    z: float,
    turn: float,
    *,
    seat: float,
    foot: float,
    helmet: float,
) -> None:
    """Draw a rider on a seat, leaning forward; ``helmet`` is the probability of one."""
    clothes = draw_clothes(rng)
    figure = Figure(canvas, x, z, labels.RIDER)
    lean = rng.uniform(0.1, 0.35) * turn
    hip, shoulder = (-0.15 * turn, seat), (-0.15 * turn + lean, seat + 0.55)
    for sign in (-1, 1):
        knee = (0.2 * turn + sign * 0.12 * (1 - turn), (seat + foot) / 2 + 0.12 + sign * 0.05)
        side = sign * 0.09 * (1 - turn)
        shade = np.float32(0.85 if sign < 0 else 1.0)
        figure.limb((hip[0] + side, hip[1]), knee, 0.16, clothes.trousers * shade)
        figure.limb(knee, (sign * 0.1, foot + sign * 0.08), 0.12, clothes.trousers * shade)
    figure.limb(hip, shoulder, 0.26 + 0.16 * (1 - turn), clothes.top)
    for sign in (-1, 1):
        side = sign * 0.22 * (1 - turn)
        hand = (0.4 * turn + side * 1.2, seat + 0.16)
        figure.limb((shoulder[0] + side, shoulder[1] - 0.04), hand, 0.1, clothes.top * np.float32(0.9))
    head = (shoulder[0] + 0.06 * turn, shoulder[1] + 0.18)
    figure.ball(head, (0.1, 0.13), clothes.skin)
    _draw_headwear(rng, figure, head, clothes.hair, helmet)


def _draw_headwear(
    rng: np.random.Generator, figure: Figure, head: tuple[float, float], hair: Colour, helmet: float
) -> None:
    colour = (rng.uniform(0, 1, 3) * 230).astype(np.float32) if rng.random() < helmet else hair
    figure.ball((head[0], head[1] + 0.05), (0.115, 0.1), colour)

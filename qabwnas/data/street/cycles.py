"""Bicycles and motorcycles, with their riders or parked.

Cityscapes labels a wheel with all that is seen through it, and so do we; the colours show what is behind.
"""

from __future__ import annotations

import numpy as np

from qabwnas.data.street import labels
from qabwnas.data.street.canvas import Canvas
from qabwnas.data.street.light import Colour
from qabwnas.data.street.people import TOWARDS_CAMERA, Figure, draw_clothes

_BLACK = np.array([24, 24, 26], dtype=np.float32)


def draw_bicycle(rng: np.random.Generator, canvas: Canvas, x: float, z: float, turn: float, *, ridden: bool) -> None:
    """Draw a bicycle turned by ``turn`` (0 is seen from the end, 1 from the side), and its rider."""
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
    """Draw a motorcycle or a scooter, and its rider."""
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

"""Objects that stand in a street: trees and bushes, lamps, signs, traffic lights, bins."""

from __future__ import annotations

import math

import numpy as np

from qabwnas.data import cityscapes_labels as labels
from qabwnas.data.street.canvas import TOWARDS_CAMERA, Canvas, Facing
from qabwnas.data.street.city import Style
from qabwnas.data.street.light import Colour

_RED, _BLUE, _WHITE, _YELLOW = (
    np.array(colour, dtype=np.float32) for colour in ((178, 36, 40), (40, 76, 150), (214, 214, 210), (216, 178, 40))
)

BARK = np.array([84, 72, 60], dtype=np.float32)


def draw_tree(rng: np.random.Generator, canvas: Canvas, style: Style, x: float, z: float) -> None:
    """Draw a tree: a crown and a trunk, both vegetation as in Cityscapes."""
    height = rng.uniform(4.5, 12.0)
    trunk = rng.uniform(0.12, 0.3)
    crown = height * rng.uniform(0.24, 0.4)
    lit = canvas.light.shaded(BARK * np.float32(rng.uniform(0.7, 1.2)), TOWARDS_CAMERA)
    plane = canvas.facing(x, z)
    plane.rectangle((-trunk, trunk), (0, height - crown), lit, labels.VEGETATION)
    plane.rectangle((0, trunk), (0, height - crown), lit * np.float32(0.75), None)
    leaves = style.leaves[rng.integers(len(style.leaves))]
    draw_foliage(rng, plane, leaves, height - crown * 0.9, (crown, crown * rng.uniform(0.8, 1.25)))


def draw_bush(rng: np.random.Generator, canvas: Canvas, style: Style, x: float, z: float, size_m: float) -> None:
    """Draw a bush that stands on the ground."""
    leaves = style.leaves[rng.integers(len(style.leaves))]
    draw_foliage(rng, canvas.facing(x, z), leaves, size_m * 0.45, (size_m * rng.uniform(0.6, 1.1), size_m * 0.5))


def draw_foliage(
    rng: np.random.Generator, plane: Facing, leaves: Colour, middle_m: float, radii: tuple[float, float]
) -> None:
    """Draw blobs of leaves within an ellipse around a height, dark ones first and those in the light last."""
    light = plane.canvas.light
    n = int(np.clip(plane.scale * radii[0] * 1.2, 8, 160))
    turn, away = rng.uniform(0, 2 * np.pi, n), np.sqrt(rng.uniform(0, 1, n))
    across, up = away * np.cos(turn), away * np.sin(turn)
    lightness = 0.6 + 0.25 * up + 0.2 * across * light.sun[0] + rng.normal(0, 0.12, n)
    tints = np.clip(lightness * 1.35, 0.25, None)[:, None] + rng.normal(0, 0.03, (n, 3))
    colours = leaves * (light.ambient + light.sunlight * np.float32(0.7)) * tints
    centres = np.stack([across * radii[0], middle_m + up * radii[1]], axis=1)
    sizes = rng.uniform(0.5, 1.2, n) * (1.1 / np.sqrt(n) + 0.05)
    order = np.argsort(lightness, kind="stable")
    plane.discs(centres[order], sizes[order, None] * np.array(radii), colours[order], labels.VEGETATION)


def draw_pole(rng: np.random.Generator, plane: Facing, height_m: float, radius_m: float) -> None:
    """Draw an upright pole, light or dark grey, with a darker half."""
    grey = np.array([118, 120, 118], dtype=np.float32) * np.float32(rng.uniform(0.5, 1.2))
    lit = _lit(plane, grey)
    plane.rectangle((-radius_m, radius_m), (0, height_m), lit, labels.POLE)
    plane.rectangle((0, radius_m), (0, height_m), lit * np.float32(0.75), None)


def draw_lamp(rng: np.random.Generator, canvas: Canvas, x: float, z: float) -> None:
    """Draw a street lamp; its arm reaches over the road and is labelled as a pole too."""
    height = rng.uniform(5.0, 9.0)
    plane = canvas.facing(x, z)
    draw_pole(rng, plane, height, rng.uniform(0.06, 0.1))
    reach = -np.sign(x) * rng.uniform(0.6, 2.4)
    dark = _lit(plane, np.full(3, 96, dtype=np.float32))
    plane.rectangle((min(0, reach), max(0, reach)), (height - 0.12, height), dark, labels.POLE)
    plane.rectangle((reach - 0.35, reach + 0.35), (height - 0.2, height + 0.02), dark * np.float32(1.3), labels.POLE)


def draw_sign(rng: np.random.Generator, canvas: Canvas, x: float, z: float) -> None:
    """Draw one or two traffic signs on a pole; backs of signs are static, as in Cityscapes."""
    height = rng.uniform(2.1, 3.2)
    plane = canvas.facing(x, z)
    draw_pole(rng, plane, height, 0.04)
    from_behind = rng.random() < 0.25
    for shape in rng.integers(0, 5, rng.integers(1, 3)).tolist():
        size = rng.uniform(0.28, 0.45)
        if from_behind:
            plane.disc((0, height), (size, size), _lit(plane, np.full(3, 110, dtype=np.float32)), labels.STATIC)
        else:
            _draw_plate(plane, shape, height, size)
        height -= 2.1 * size


def _draw_plate(plane: Facing, shape: int, height: float, size: float) -> None:
    def regular(corners: int, turn: float, scale: float, colour: Colour, label: int | None) -> None:
        angles = [turn + corner * 2 * math.pi / corners for corner in range(corners)]
        outline = [(size * scale * math.cos(angle), height + size * scale * math.sin(angle)) for angle in angles]
        plane.polygon(outline, _lit(plane, colour), label)

    if shape == 0:  # prohibition: a red ring
        plane.disc((0, height), (size, size), _lit(plane, _RED), labels.TRAFFIC_SIGN)
        plane.disc((0, height), (size * 0.7, size * 0.7), _lit(plane, _WHITE), None)
    elif shape == 1:  # warning: a red triangle
        regular(3, math.pi / 2, 1.15, _RED, labels.TRAFFIC_SIGN)
        regular(3, math.pi / 2, 0.7, _WHITE, None)
    elif shape == 2:  # right of way: a yellow square on its corner
        regular(4, 0, 1.1, _WHITE, labels.TRAFFIC_SIGN)
        regular(4, 0, 0.75, _YELLOW, None)
    elif shape == 3:  # a blue square, as for parking
        regular(4, math.pi / 4, 1.2, _BLUE, labels.TRAFFIC_SIGN)
        regular(4, math.pi / 4, 0.5, _WHITE, None)
    else:  # directions: a wide board
        board = _lit(plane, _WHITE if size > 0.36 else _YELLOW)
        plane.rectangle(
            (-2.2 * size, 2.2 * size), (height - 0.6 * size, height + 0.6 * size), board, labels.TRAFFIC_SIGN
        )
        text = (height - 0.15 * size, height + 0.15 * size)
        plane.rectangle((-1.6 * size, 1.2 * size), text, _lit(plane, _BLUE), None)


def draw_traffic_light(rng: np.random.Generator, canvas: Canvas, x: float, z: float) -> None:
    """Draw a signal on a pole, and sometimes a second one on an arm over the road."""
    height = rng.uniform(2.6, 3.6)
    tall = rng.random() < 0.4
    plane = canvas.facing(x, z)
    draw_pole(rng, plane, 5.6 if tall else height + 0.9, 0.07)
    state = int(rng.integers(3))
    _draw_signal(plane, 0, height, state)
    if tall:
        reach = -np.sign(x) * rng.uniform(2.0, 4.5)
        dark = _lit(plane, np.full(3, 90, dtype=np.float32))
        plane.rectangle((min(0, reach), max(0, reach)), (5.45, 5.6), dark, labels.POLE)
        _draw_signal(plane, reach, 4.7, state)


def _draw_signal(plane: Facing, x: float, y: float, state: int) -> None:
    case = _lit(plane, np.array([42, 46, 44], dtype=np.float32))
    plane.rectangle((x - 0.18, x + 0.18), (y, y + 0.95), case, labels.TRAFFIC_LIGHT)
    lamps = ((60, 220, 150), (250, 180, 50), (245, 60, 50))
    for place, colour in enumerate(lamps):
        shine = np.float32(1.0 if place == state else 0.22)
        plane.disc((x, y + 0.18 + 0.3 * place), (0.11, 0.11), np.array(colour, dtype=np.float32) * shine, None)


def draw_bin(rng: np.random.Generator, canvas: Canvas, x: float, z: float) -> None:
    """Draw a bin or a box, which Cityscapes ignores (static)."""
    size = rng.uniform(0.25, 0.6)
    plane = canvas.facing(x, z)
    colour = _lit(plane, rng.uniform(40, 150, 3).astype(np.float32))
    plane.rectangle((-size, size), (0, size * rng.uniform(1.4, 2.6)), colour, labels.STATIC)


def _lit(plane: Facing, colour: Colour) -> Colour:
    return plane.canvas.light.shaded(colour, TOWARDS_CAMERA)

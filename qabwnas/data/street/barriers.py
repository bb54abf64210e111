"""What stands between the houses and along the kerb: walls, fences, guard rails."""

from __future__ import annotations

import numpy as np

from qabwnas.data.street import labels
from qabwnas.data.street.camera import Array
from qabwnas.data.street.canvas import Canvas
from qabwnas.data.street.light import Colour
from qabwnas.data.street.solids import along_street

SMALLEST_PICKET_PIXELS = 1.0


def draw_wall(rng: np.random.Generator, canvas: Canvas, facades: Colour, x: float, z: tuple[float, float]) -> None:
    """Draw a wall along the street, in a colour that houses have too, with a lighter coping."""
    height = rng.uniform(0.9, 2.8)
    colour = facades[rng.integers(len(facades))] * np.float32(rng.uniform(0.6, 0.95))
    normal = np.array([-np.sign(x), 0, 0], dtype=np.float32)
    canvas.polygon(along_street(x, (0, height), z), canvas.light.shaded(colour, normal), labels.WALL)
    coping = along_street(x, (height - 0.15, height), z)
    canvas.polygon(coping, canvas.light.shaded(colour * np.float32(1.25), normal), None)
    for y in np.arange(0.5, height - 0.2, 0.5):
        joint = along_street(x, (y, y + 0.04), z)
        canvas.polygon(joint, canvas.light.shaded(colour * np.float32(0.75), normal), None)


def draw_fence(rng: np.random.Generator, canvas: Canvas, x: float, z: tuple[float, float]) -> None:
    """Draw a fence: all of its outline has its label, what is seen between its pickets shows in the colours."""
    height = rng.uniform(0.9, 1.8)
    colours = np.array([(66, 70, 68), (120, 96, 70), (164, 164, 160), (56, 84, 66)], dtype=np.float32)
    normal = np.array([-np.sign(x), 0, 0], dtype=np.float32)
    lit = canvas.light.shaded(colours[rng.integers(len(colours))], normal)
    wooden = rng.random() < 0.3
    canvas.polygon(along_street(x, (0, height), z), lit if wooden else None, labels.FENCE)
    for y in (0.15, height - 0.1):
        canvas.polygon(along_street(x, (y, y + 0.06), z), lit, None)
    _draw_pickets(canvas, x, height, z, rng.uniform(0.15, 0.4), lit * np.float32(0.8 if wooden else 1))


def _draw_pickets(canvas: Canvas, x: float, height: float, z: tuple[float, float], spacing: float, lit: Colour) -> None:
    starts = np.arange(max(z[0], 2.0), z[1], spacing, dtype=np.float32)
    spread = canvas.camera.focal * abs(x) / starts**2 * spacing
    starts = starts[spread > SMALLEST_PICKET_PIXELS]
    if not len(starts):
        return
    ends = starts + np.float32(spacing * 0.25)
    flat_x, low, high = np.full_like(starts, x), np.zeros_like(starts), np.full_like(starts, height)
    corners: Array = np.stack(
        [
            np.stack(part, axis=-1)
            for part in ((flat_x, low, starts), (flat_x, low, ends), (flat_x, high, ends), (flat_x, high, starts))
        ],
        axis=1,
    )
    canvas.polygons(corners, np.tile(lit, (len(starts), 1)))


def draw_guard_rail(canvas: Canvas, x: float, z: tuple[float, float]) -> None:
    """Draw a guard rail along the kerb; the beam is labelled, the posts too."""
    normal = np.array([-np.sign(x), 0, 0], dtype=np.float32)
    steel = canvas.light.shaded(np.array([150, 154, 158], dtype=np.float32), normal)
    for post in np.arange(z[0], z[1], 4.0):
        canvas.polygon(along_street(x, (0, 0.7), (post, post + 0.12)), steel * np.float32(0.7), labels.GUARD_RAIL)
    canvas.polygon(along_street(x, (0.45, 0.75), z), steel, labels.GUARD_RAIL)

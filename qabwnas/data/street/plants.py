"""Trees, bushes and hedges, made of many leafy blobs."""

from __future__ import annotations

import numpy as np

from qabwnas.data.street import labels
from qabwnas.data.street.canvas import Canvas, Facing
from qabwnas.data.street.light import Colour
from qabwnas.data.street.style import Style

BARK = np.array([84, 72, 60], dtype=np.float32)


def draw_tree(rng: np.random.Generator, canvas: Canvas, style: Style, x: float, z: float) -> None:
    """Draw a tree: a trunk, which Cityscapes calls vegetation too, and a crown."""
    height = rng.uniform(4.5, 12.0)
    trunk = rng.uniform(0.12, 0.3)
    crown = height * rng.uniform(0.24, 0.4)
    lit = canvas.light.shaded(BARK * np.float32(rng.uniform(0.7, 1.2)), np.array([0, 0, -1], dtype=np.float32))
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

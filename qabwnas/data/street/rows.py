"""The plots on both sides of a street: houses, gardens, walls, fences; and the skyline at its end."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from qabwnas.data import cityscapes_labels as labels
from qabwnas.data.street.buildings import draw_fence, draw_guard_rail, draw_house, draw_house_plan, draw_wall
from qabwnas.data.street.canvas import TOWARDS_CAMERA, Canvas
from qabwnas.data.street.city import Side, Street, Style
from qabwnas.data.street.ground import Shadows
from qabwnas.data.street.objects import draw_bush, draw_tree
from qabwnas.data.street.solids import rectangle

Plot = tuple[float, float, bool]


def draw_plots(rng: np.random.Generator, style: Style, street: Street) -> list[Plot]:
    """Draw the plots of one side at random: (first z, last z, whether it has a house), from near to far."""
    found = []
    z = rng.uniform(-12, -4)
    while z < street.end_m:
        last = z + rng.uniform(8, 24)
        if street.crossing is not None and z < street.crossing[1] and last > street.crossing[0]:
            if street.crossing[0] - z > 6:
                found.append((z, street.crossing[0], bool(rng.random() > style.gaps)))
            z = street.crossing[1] + 0.5
            continue
        found.append((z, last, bool(rng.random() > style.gaps)))
        z = last + (rng.uniform(1, 5) if rng.random() < 0.2 else 0.0)
    return found


def draw_row_shadows(shadows: Shadows, style: Style, side: Side, row: list[Plot]) -> None:
    """Draw the shadows of the houses on the ground; all houses have the city's mean height here."""
    height = 3.1 * sum(style.storeys) / 2 + 1
    for first, last, house in row:
        if house:
            x = (side.x(side.facade), side.x(side.facade + 10))
            shadows.cast((min(x), max(x)), (first, last), height)


def draw_rows(rng: np.random.Generator, canvas: Canvas, style: Style, street: Street, rows: list[list[Plot]]) -> None:
    """Draw the plots of both sides from far to near."""
    _draw_skyline(rng, canvas, style, street)
    for side, row in zip(street.sides, rows, strict=True):
        for first, last, house in reversed(row):
            own = rng.spawn(1)[0]  # how many numbers a plot takes depends on the image's size
            if last < 2:
                continue
            if house:
                draw_house(own, canvas, draw_house_plan(own, style, side, (first, last)))
            else:
                _draw_garden(own, canvas, style, side, (first, last))
        if side.facade > side.walk and rng.random() < 0.45:
            _draw_boundary(rng, canvas, style, street, side)


def _draw_garden(rng: np.random.Generator, canvas: Canvas, style: Style, side: Side, z: tuple[float, float]) -> None:
    """Draw a plot without a house: trees, and in front of them a wall, a fence or bushes along the sidewalk."""
    x = side.x(side.facade)
    for place in sorted(rng.uniform(max(3.0, z[0]), max(4.0, z[1]), rng.integers(2, 5)), reverse=True):
        draw_tree(rng, canvas, style, x + side.sign * rng.uniform(2.5, 9), place)
    kind = rng.random()
    if kind < 0.45:
        draw_wall(rng, canvas, style.facades, x, z)
    elif kind < 0.85:
        draw_fence(rng, canvas, x, z)
    else:
        for place in np.arange(z[1], max(3.0, z[0]), -1.3):
            draw_bush(rng, canvas, style, x, place, rng.uniform(1.2, 2.2))


def _draw_boundary(rng: np.random.Generator, canvas: Canvas, style: Style, street: Street, side: Side) -> None:
    """Draw a fence, a wall or a guard rail between verge and sidewalk, up to the side street."""
    first = rng.uniform(2, 15)
    last = first + rng.uniform(12, 50)
    if street.crossing is not None:
        last = min(last, street.crossing[0] - 1)
    if last - first < 4:
        return
    x, kind = side.x(side.walk), rng.random()
    if kind < 0.5:
        draw_fence(rng, canvas, x, (first, last))
    elif kind < 0.8:
        draw_wall(rng, canvas, style.facades * np.float32(0.9), x, (first, last))
    else:
        draw_guard_rail(canvas, x, (first, last))


def _draw_skyline(rng: np.random.Generator, canvas: Canvas, style: Style, street: Street) -> None:
    """Draw distant houses and trees at the end of the street and behind the gaps."""
    for x, width, height, built in _skyline(rng, style, street.end_m):
        if built:
            colour = style.facades[rng.integers(len(style.facades))] * np.float32(rng.uniform(0.7, 1.0))
            lit = canvas.light.shaded(colour, TOWARDS_CAMERA)
            canvas.polygon(rectangle((x, x + width), (0, height), street.end_m + 5), lit, labels.BUILDING)
        else:
            leaves = style.leaves[rng.integers(len(style.leaves))] * canvas.light.ambient
            plane = canvas.facing(x, street.end_m + 4)
            for _ in range(5):
                radii = (width * 0.4, height * rng.uniform(0.15, 0.3))
                plane.disc((rng.uniform(0, width), height * 0.3), radii, leaves, labels.VEGETATION)


def _skyline(rng: np.random.Generator, style: Style, end_m: float) -> Iterator[tuple[float, float, float, bool]]:
    x = -end_m * 0.8
    while x < end_m * 0.8:
        width = rng.uniform(8, 30)
        built = rng.random() > 0.35 + style.gaps / 2
        yield x, width, rng.uniform(4, 3.1 * style.storeys[1]), bool(built)
        x += width

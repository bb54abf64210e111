"""Buildings and barriers: houses with windows, doors, shops, roofs and gables; walls, fences and guard rails."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qabwnas.data import cityscapes_labels as labels
from qabwnas.data.street.canvas import NEAR_M, TOWARDS_CAMERA, Array, Canvas
from qabwnas.data.street.city import Side, Style
from qabwnas.data.street.light import Colour
from qabwnas.data.street.solids import along_street, rectangle

SMALLEST_PICKET_PIXELS = 1.0

STOREY_M = 3.1
DEPTH_M = 11.0
SMALLEST_WINDOW_PIXELS = 1.5


@dataclass(frozen=True)
class House:
    """A house on a plot of the street.

    Attributes:
        z: first and last metre along the street.
        x: distance of the facade from the camera's axis, signed.
        outwards: sign of the direction away from the street.
        height_m: eaves.
        roof_m: ridge above the eaves; 0 is flat.
        colour, roof_colour: unlit.
        storeys: rows of windows.
        window_m: spacing of windows along the facade.
        shop: whether the ground floor is glass.
    """

    z: tuple[float, float]
    x: float
    outwards: int
    height_m: float
    roof_m: float
    colour: Colour
    roof_colour: Colour
    storeys: int
    window_m: float
    shop: bool


def draw_house_plan(rng: np.random.Generator, style: Style, side: Side, z: tuple[float, float]) -> House:
    """Draw the plan of a house for a plot at random."""
    storeys = int(rng.integers(style.storeys[0], style.storeys[1] + 1))
    colour = style.facades[rng.integers(len(style.facades))] * rng.uniform(0.8, 1.15) + rng.normal(0, 6, 3)
    roofs = np.array([(120, 66, 52), (84, 80, 82), (96, 70, 60)], dtype=np.float32)
    return House(
        z=z,
        x=side.x(side.facade + rng.uniform(0, 0.6)),
        outwards=side.sign,
        height_m=storeys * STOREY_M + rng.uniform(0.4, 1.5),
        roof_m=rng.uniform(2.0, 4.5) if rng.random() < 0.6 else 0.0,
        colour=colour.astype(np.float32),
        roof_colour=roofs[rng.integers(3)],
        storeys=storeys,
        window_m=rng.uniform(1.9, 3.2),
        shop=bool(rng.random() < 0.3),
    )


def draw_house(rng: np.random.Generator, canvas: Canvas, house: House) -> None:
    """Draw a house: roof, the end towards the camera, facade, and the windows of both."""
    towards_street = np.array([-house.outwards, 0, 0], dtype=np.float32)
    back = house.x + house.outwards * DEPTH_M
    ridge = (house.x + back) / 2
    if house.roof_m:
        slope = np.array([-house.outwards * 0.5, 0.86, 0], dtype=np.float32)
        top = house.height_m + house.roof_m
        (near, far), eaves = house.z, house.height_m
        roof = [(house.x, eaves, near), (house.x, eaves, far), (ridge, top, far), (ridge, top, near)]
        canvas.polygon(np.array(roof, dtype=np.float32), canvas.light.shaded(house.roof_colour, slope), labels.BUILDING)
        gable = np.array([(house.x, eaves, near), (ridge, top, near), (back, eaves, near)], dtype=np.float32)
        canvas.polygon(gable, canvas.light.shaded(house.colour * 0.95, TOWARDS_CAMERA), labels.BUILDING)
    end = rectangle((house.x, back), (0, house.height_m), house.z[0])
    canvas.polygon(end, canvas.light.shaded(house.colour, TOWARDS_CAMERA), labels.BUILDING)
    facade = along_street(house.x, (0, house.height_m), house.z)
    canvas.polygon(facade, canvas.light.shaded(house.colour, towards_street), labels.BUILDING)
    _draw_plinth(canvas, house, towards_street)
    _draw_windows(rng, canvas, house, towards_street, np.arange(house.z[0] + 0.8, house.z[1] - 1.6, house.window_m))
    if house.z[0] > 4:
        _draw_end_windows(rng, canvas, house)


def _draw_plinth(canvas: Canvas, house: House, normal: Colour) -> None:
    """Draw the darker foot of the facade and the line of the eaves; both are cut off next to the camera."""
    for y, factor in ((0.0, 0.7), (house.height_m - 0.35, 0.8)):
        band = along_street(house.x, (y, y + 0.35), house.z)
        canvas.polygon(band, canvas.light.shaded(house.colour * np.float32(factor), normal), None)


def _draw_windows(rng: np.random.Generator, canvas: Canvas, house: House, normal: Colour, starts: Array) -> None:
    starts = starts[starts > NEAR_M + 0.5]
    starts = starts[_readable(canvas, starts, abs(house.x))]
    if not len(starts):
        return
    z, y = np.meshgrid(starts, np.arange(house.storeys) * STOREY_M + 1.0, indexing="ij")
    z, y = z.ravel(), y.ravel()
    width, height = house.window_m * 0.5, np.where((y < STOREY_M) & house.shop, 1.9, 1.6)
    width_here = np.where((y < STOREY_M) & house.shop, house.window_m * 0.85, width)
    x = np.full_like(z, house.x)
    for grow, shade in ((0.12, None), (0.0, 1.0)):
        low, high = y - grow, y + height + grow
        near, far = z - grow, z + width_here + grow
        corners = np.stack(
            [np.stack(part, axis=-1) for part in ((x, low, near), (x, low, far), (x, high, far), (x, high, near))],
            axis=1,
        ).astype(np.float32)
        if shade is None:
            frame = canvas.light.shaded(np.minimum(house.colour * np.float32(1.2), 235), normal)
            colours = np.tile(frame, (len(z), 1))
        else:
            colours = _glass(rng, canvas, len(z))
        canvas.polygons(corners, colours)


def _draw_end_windows(rng: np.random.Generator, canvas: Canvas, house: House) -> None:
    starts = np.arange(1.0, DEPTH_M - 2, house.window_m * 1.4)
    if canvas.camera.focal / house.z[0] < 2 * SMALLEST_WINDOW_PIXELS:
        return
    x, y = np.meshgrid(house.x + house.outwards * starts, np.arange(house.storeys) * STOREY_M + 1.0, indexing="ij")
    x, y = x.ravel(), y.ravel()
    other, z = x + house.outwards * 1.1, np.full(x.shape, house.z[0])
    corners = np.stack(
        [np.stack(part, axis=-1) for part in ((x, y, z), (other, y, z), (other, y + 1.5, z), (x, y + 1.5, z))], axis=1
    ).astype(np.float32)
    canvas.polygons(corners, _glass(rng, canvas, len(x)))


def _readable(canvas: Canvas, z: Array, x: float) -> NDArray[np.bool_]:
    """Return which windows along the street are wide enough in the image to be drawn."""
    pixels = canvas.camera.focal * x / np.maximum(z, NEAR_M) ** 2
    readable: NDArray[np.bool_] = pixels > SMALLEST_WINDOW_PIXELS
    return readable


def _glass(rng: np.random.Generator, canvas: Canvas, n: int) -> Colour:
    """Return colours of panes ``(n, 3)``: dark rooms, curtains, and some that mirror the sky."""
    dark = np.array([52, 56, 62], dtype=np.float32) * rng.uniform(0.6, 1.5, (n, 1)).astype(np.float32)
    mirrors = rng.random((n, 1)) < 0.25
    return np.where(mirrors, canvas.light.haze * np.float32(0.75), dark * canvas.light.ambient).astype(np.float32)


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
    """Draw a fence. Its whole outline has its label; the colours show what is behind it between the pickets."""
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

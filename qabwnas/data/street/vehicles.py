"""Cars, trucks, buses and trams: extruded side profiles with windows, wheels and lights."""

from __future__ import annotations

import numpy as np

from qabwnas.data import cityscapes_labels as labels
from qabwnas.data.street.canvas import Array, Canvas
from qabwnas.data.street.light import Colour
from qabwnas.data.street.solids import Extrusion, Pose

_PAINTS = np.array(
    [(28, 28, 30), (196, 198, 200), (140, 142, 146), (70, 74, 80), (40, 54, 96), (130, 30, 32), (222, 222, 218),
     (58, 84, 70), (170, 150, 110), (92, 120, 150)],
    dtype=np.float32,
)  # fmt: skip
FINE_PIXELS = 5.0  # with fewer pixels per metre, lights and side windows are left out

_GLASS = np.array([44, 52, 60], dtype=np.float32)
_TYRE = np.array([26, 26, 28], dtype=np.float32)
_RIM = np.array([130, 132, 136], dtype=np.float32)
_TAIL = np.array([176, 24, 26], dtype=np.float32)
_LAMP = np.array([232, 232, 220], dtype=np.float32)
_PLATE = np.array([224, 224, 220], dtype=np.float32)

# (along, up) of the outline for length 1 and height 1, from the bottom of the rear upwards; and whether the edge that
# starts at each point is glass.
_CARS = {
    "hatchback": (
        [(-0.5, 0.16), (-0.5, 0.56), (-0.46, 0.96), (0.02, 1.0), (0.24, 0.62), (0.47, 0.5), (0.5, 0.16)],
        (0, 1, 0, 1, 0, 0, 0),
    ),
    "saloon": (
        [(-0.5, 0.16), (-0.5, 0.6), (-0.34, 0.64), (-0.22, 0.98), (0.06, 1.0), (0.25, 0.62), (0.48, 0.5), (0.5, 0.16)],
        (0, 0, 1, 0, 1, 0, 0, 0),
    ),
    "estate": (
        [(-0.5, 0.16), (-0.5, 0.58), (-0.45, 0.98), (0.06, 1.0), (0.24, 0.62), (0.48, 0.52), (0.5, 0.16)],
        (0, 1, 0, 1, 0, 0, 0),
    ),
    "van": (
        [(-0.5, 0.12), (-0.5, 0.55), (-0.48, 0.98), (0.2, 1.0), (0.4, 0.56), (0.5, 0.46), (0.5, 0.12)],
        (0, 1, 0, 1, 0, 0, 0),
    ),
}


def draw_car(rng: np.random.Generator, canvas: Canvas, pose: Pose) -> None:
    """Draw a car of one of four forms."""
    name = list(_CARS)[rng.choice(4, p=[0.35, 0.28, 0.25, 0.12])]
    length, width, height = rng.uniform(3.7, 4.8), rng.uniform(1.65, 1.9), rng.uniform(1.4, 1.6)
    if name == "van":
        length, width, height = length + 0.5, 1.95, rng.uniform(1.9, 2.2)
    outline, glazed = _CARS[name]
    size = np.array([length, height])
    profile = np.array(outline) * size
    paint = _PAINTS[rng.integers(len(_PAINTS))] * np.float32(rng.uniform(0.8, 1.15)) + rng.normal(0, 5, 3)
    paint = paint.astype(np.float32)
    body = Extrusion(canvas, pose, profile, width)
    body.draw([_GLASS if glass else paint for glass in glazed], paint, labels.CAR)
    _draw_wheels(body, (-0.31 * length, 0.31 * length), 0.31, labels.CAR)
    if body.pixels_per_metre > FINE_PIXELS:
        _draw_glasshouse(body, size, np.array(outline), paint)
        _draw_lights(body, length, width, height)


def _draw_glasshouse(body: Extrusion, size: Array, outline: Array, paint: Colour) -> None:
    """Draw the side windows: the part of the outline above the waist, slightly smaller, with a pillar."""
    waist = 0.6
    above = outline[outline[:, 1] > waist + 0.01]
    left, right = above[:, 0].min() + 0.02, above[:, 0].max()
    top = above[:, 1].max() - 0.05
    window = np.array([(left, waist), (left + 0.03, top), (right - 0.16, top), (right - 0.02, waist)])
    body.on_side(window * size, _GLASS, None)
    middle = (left + right) / 2 - 0.02
    pillar = np.array([(middle, waist), (middle, top), (middle + 0.02, top), (middle + 0.02, waist)])
    body.on_side(pillar * size, paint, None)
    door = np.array([(middle, 0.2), (middle, waist), (middle + 0.004, waist), (middle + 0.004, 0.2)])
    body.on_side(door * size, paint * np.float32(0.5), None)


def _draw_wheels(body: Extrusion, places: tuple[float, ...], radius: float, label: int) -> None:
    turn = np.linspace(0, 2 * np.pi, 13)[:-1]
    circle = np.stack([np.cos(turn), np.sin(turn)], axis=1)
    for along in places:
        centre = np.array([along, radius])
        body.on_side(centre + circle * radius, _TYRE, label)
        body.on_side(centre + circle * radius * 0.6, _RIM, None)


def _draw_lights(body: Extrusion, length: float, width: float, height: float) -> None:
    half = width / 2
    for end, lamp in ((-length / 2 - 0.01, _TAIL), (length / 2 + 0.01, _LAMP)):
        for across in ((-half * 0.95, -half * 0.62), (half * 0.62, half * 0.95)):
            body.on_end(end, across, (height * 0.4, height * 0.52), lamp)
        body.on_end(end, (-0.26, 0.26), (height * 0.28, height * 0.36), _PLATE)
        body.on_end(end, (-half, half), (height * 0.12, height * 0.2), _TYRE)


def draw_truck(rng: np.random.Generator, canvas: Canvas, pose: Pose) -> None:
    """Draw a lorry: a box or a tarpaulin behind a cab of another colour."""
    length, width, height = rng.uniform(6.0, 10.0), 2.5, rng.uniform(2.8, 3.8)
    cab = 1.9
    box_colour = _PAINTS[rng.integers(len(_PAINTS))] * np.float32(rng.uniform(0.9, 1.2))
    cab_colour = _PAINTS[rng.integers(len(_PAINTS))]
    front, rear = length / 2, -length / 2
    cab_profile = np.array([(front - cab, 0.5), (front - cab, 2.5), (front - 0.3, 2.6), (front, 1.5), (front, 0.5)])
    box_profile = np.array([(rear, 0.8), (rear, height), (front - cab - 0.1, height), (front - cab - 0.1, 0.8)])
    parts = [
        (box_profile, [box_colour] * 4, box_colour),
        (cab_profile, [cab_colour, cab_colour, _GLASS, cab_colour, _TYRE], cab_colour),
    ]
    chassis = np.array([(rear, 0.45), (rear, 0.8), (front - 0.1, 0.8), (front - 0.1, 0.45)])
    Extrusion(canvas, pose, chassis, width - 0.3).draw([_TYRE] * 4, _TYRE, labels.TRUCK)
    from_front = np.cos(pose.heading) < 0  # then the box is farther away than the cab
    for profile, colours, side in parts if from_front else parts[::-1]:
        solid = Extrusion(canvas, pose, profile, width)
        solid.draw(colours, side, labels.TRUCK)
    whole = Extrusion(canvas, pose, box_profile, width)
    window = np.array([(front - 1.3, 1.5), (front - 1.3, 2.3), (front - 0.45, 2.3), (front - 0.25, 1.5)])
    whole.on_side(window, _GLASS, None)
    _draw_wheels(whole, (rear + 1.4, rear + 2.5, front - 1.0), 0.5, labels.TRUCK)
    for across in ((-1.15, -0.8), (0.8, 1.15)):
        whole.on_end(rear - 0.01, across, (0.6, 0.75), _TAIL)
        whole.on_end(front + 0.01, across, (0.65, 0.9), _LAMP)
    whole.on_end(rear - 0.01, (-0.02, 0.02), (0.8, height), box_colour * np.float32(0.6))


def draw_bus(rng: np.random.Generator, canvas: Canvas, pose: Pose) -> None:
    """Draw a city bus: a long box with a band of windows."""
    liveries = np.array([(176, 44, 40), (214, 180, 60), (204, 206, 208), (60, 110, 90), (70, 96, 150)], np.float32)
    _draw_coach(
        canvas, pose, (rng.uniform(9.5, 13.0), 2.55, 3.1), liveries[rng.integers(5)], labels.BUS, low=0.3, wheels=True
    )


def draw_tram(rng: np.random.Generator, canvas: Canvas, pose: Pose) -> None:
    """Draw a tram (train in Cityscapes): longer and higher than a bus, and close to the ground."""
    liveries = np.array([(196, 190, 176), (160, 40, 44), (60, 88, 140), (216, 190, 70)], np.float32)
    _draw_coach(
        canvas, pose, (rng.uniform(18, 30), 2.4, 3.5), liveries[rng.integers(4)], labels.TRAIN, low=0.15, wheels=False
    )


def _draw_coach(
    canvas: Canvas,
    pose: Pose,
    size: tuple[float, float, float],
    livery: Colour,
    label: int,
    *,
    low: float,
    wheels: bool,
) -> None:
    length, width, height = size
    half = length / 2
    profile = np.array([(-half, low), (-half, height), (half - 0.25, height), (half, height * 0.45), (half, low)])
    body = Extrusion(canvas, pose, profile, width)
    body.draw([livery, livery * np.float32(0.9), _GLASS, livery, _TYRE], livery, label)
    starts = np.arange(-half + 0.4, half - 1.4, 1.5)
    for start in starts:
        pane = np.array([(start, 1.35), (start, 2.55), (start + 1.35, 2.55), (start + 1.35, 1.35)])
        body.on_side(pane, _GLASS, None)
    stripe = np.array([(-half, low + 0.4), (-half, low + 0.65), (half, low + 0.65), (half, low + 0.4)])
    body.on_side(stripe, livery * np.float32(0.55), None)
    across = width / 2 - 0.2
    body.on_end(-half - 0.01, (-across, across), (height * 0.5, height * 0.85), _GLASS)
    body.on_end(half + 0.01, (-across * 0.6, across * 0.6), (height - 0.45, height - 0.2), _TYRE)
    for left, right in ((-across - 0.1, -across + 0.2), (across - 0.2, across + 0.1)):
        body.on_end(-half - 0.01, (left, right), (0.7, 1.1), _TAIL)
        body.on_end(half + 0.01, (left, right), (0.6, 0.85), _LAMP)
    if wheels:
        _draw_wheels(body, (-half + 2.6, half - 2.6), 0.48, label)

"""Where people, vehicles and objects are in a street, and their shadows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from qabwnas.data.street.canvas import Canvas
from qabwnas.data.street.city import Side, Street, Style
from qabwnas.data.street.ground import Shadows
from qabwnas.data.street.objects import draw_bin, draw_bush, draw_lamp, draw_sign, draw_traffic_light, draw_tree
from qabwnas.data.street.people import draw_bicycle, draw_motorcycle, draw_person
from qabwnas.data.street.solids import Pose, flat
from qabwnas.data.street.vehicles import draw_bus, draw_car, draw_tram, draw_truck

NEAREST_HEAVY_M = 17.0  # no truck or bus is nearer than this

Draw = Callable[[np.random.Generator, Canvas], None]


@dataclass(frozen=True)
class PlacedObject:
    """An object, person or vehicle in the street.

    Attributes:
        z: distance along the street; objects are painted from far to near.
        draw: paints it.
        footprint: half its size across and along the street.
        x: position across the street.
        height_m: height of the box that casts its shadow.
    """

    x: float
    z: float
    footprint: tuple[float, float]
    height_m: float
    draw: Draw

    def draw_shadow(self, shadows: Shadows) -> None:
        """Draw its shadow on the ground."""
        across, along = self.footprint
        x, z = (self.x - across, self.x + across), (self.z - along, self.z + along)
        shadows.cast(x, z, self.height_m)
        if across > 0.2:
            shadows.contact(flat((x[0] - 0.1, x[1] + 0.1), (z[0] - 0.2, z[1] + 0.1)))


@dataclass
class Placement:
    """Draws the objects of a street from one generator, and keeps vehicles out of each other's way."""

    rng: np.random.Generator
    street: Street
    style: Style
    objects: list[PlacedObject] = field(default_factory=list)

    def all_objects(self) -> list[PlacedObject]:
        """Return everything in the street, from far to near."""
        self._park()
        self._drive()
        self._walk()
        self._cycle()
        self._plant()
        self._furnish()
        return sorted(self.objects, key=lambda placed: -placed.z)

    def _add(self, x: float, z: float, footprint: tuple[float, float], height_m: float, draw: Draw) -> None:
        self.objects.append(PlacedObject(x, z, footprint, height_m, draw))

    def _vehicle(self, x: float, z: float, heading: float, *, heavy: float = 0.0) -> None:
        """Add a car, or with probability ``heavy`` a truck or a bus, not so near that it hides everything else."""
        kind = self.rng.random()
        z = max(z, NEAREST_HEAVY_M) if kind < heavy else z
        pose = Pose(x, z, heading)
        along = (2.2, 0.9) if abs(np.cos(heading)) > 0.7 else (0.9, 2.2)
        if kind < heavy * 0.5:
            self._add(x, z, (along[1] + 0.3, along[0] + 2), 3.2, partial(draw_truck, pose=pose))
        elif kind < heavy:
            self._add(x, z, (along[1] + 0.3, along[0] + 3), 3.0, partial(draw_bus, pose=pose))
        else:
            self._add(x, z, (along[1], along[0]), 1.4, partial(draw_car, pose=pose))

    def _park(self) -> None:
        for side in self.street.sides:
            if side.parking == side.kerb:
                continue
            x = side.x((side.kerb + side.parking) / 2)
            heading = 0.0 if side.sign > 0 or self.rng.random() < 0.4 else np.pi
            z = self.rng.uniform(3, 9)
            while z < min(90, self.street.end_m):
                if self.rng.random() < self.style.parked and not self.street.crossed(z, 4):
                    self._vehicle(x + self.rng.normal(0, 0.1), z, heading + self.rng.normal(0, 0.03), heavy=0.03)
                z += self.rng.uniform(5.3, 6.5)

    def _drive(self) -> None:
        lane, end = self.street.lane_m, min(110.0, self.street.end_m)
        for number in range(2 * self.street.lanes):
            own = number < self.street.lanes
            x = -lane * number - (3.0 if self.street.rails and not own else 0.0)
            z = self.rng.uniform(9, 40)
            while z < end:
                if self.rng.random() < self.style.traffic / 9:
                    heading = 0.0 if own else np.pi
                    self._vehicle(x + self.rng.normal(0, 0.2), z, heading + self.rng.normal(0, 0.02), heavy=0.2)
                z += self.rng.uniform(11, 30)
        if self.street.rails and self.rng.random() < 0.6:
            self._tram()
        if self.street.crossing is not None and self.rng.random() < 0.5:
            first, last = self.street.crossing
            share = 0.3 if self.rng.random() < 0.5 else 0.7
            x = self.rng.uniform(-9, 9)
            self._vehicle(x, first + share * (last - first), np.pi / 2 if share < 0.5 else -np.pi / 2, heavy=0.2)

    def _tram(self) -> None:
        z = self.rng.uniform(26, 70)
        pose = Pose(self.street.middle - 1.5, z, np.pi if self.rng.random() < 0.5 else 0.0)
        self._add(pose.x, z - 9, (1.2, 10), 3.4, partial(draw_tram, pose=pose))

    def _walk(self) -> None:
        for _ in range(self.rng.poisson(self.style.crowd)):
            side = self._any_side()
            z = 5 + self.rng.gamma(2.0, 9.0)
            if self.street.crossing is not None and self.rng.random() < 0.25:
                z = self.street.crossing[0] - self.rng.uniform(0.8, 3.5)
                x = self.rng.uniform(self.street.left.x(self.street.left.walk), self.street.right.walk)
            else:
                x = side.x(self.rng.uniform(side.parking + side.strip + 0.4, side.walk - 0.2))
            for companion in range(1 + (self.rng.random() < 0.3)):
                beside = x + companion * self.rng.uniform(0.5, 0.8)
                self._add(beside, z, (0.2, 0.15), 1.7, partial(draw_person, x=beside, z=z))

    def _cycle(self) -> None:
        for _ in range(self.rng.poisson(self.style.cycling)):
            side, z = self._any_side(), 6 + self.rng.gamma(2.0, 8.0)
            ridden = bool(self.rng.random() < 0.55)
            if ridden:
                x = side.x(side.kerb - self.rng.uniform(0.5, 1.4))
                turn = self.rng.uniform(0.08, 0.35) if self.rng.random() < 0.6 else self.rng.uniform(0.5, 1.0)
            else:
                x = side.x(side.parking + side.strip + self.rng.uniform(0.4, 1.2))
                turn = self.rng.uniform(0.15, 1.0)
            draw = draw_motorcycle if self.rng.random() < 0.33 else draw_bicycle
            height = 1.4 if ridden else 0.8
            self._add(x, z, (0.3, 0.6), height, partial(draw, x=x, z=z, turn=turn, ridden=ridden))

    def _plant(self) -> None:
        style = self.style
        for side in self.street.sides:
            end = min(130.0, self.street.end_m)
            for z in self.rng.uniform(6, end, self.rng.poisson(style.greenery * end / 100)):
                if self.street.crossed(z, 1.5):
                    continue
                x = side.x(self.rng.uniform(side.walk, side.facade) if side.facade > side.walk else side.parking + 0.5)
                self._add(x, z, (0.6, 0.6), 7.0, partial(draw_tree, style=style, x=x, z=z))
            if side.facade - side.walk > 2:
                for z in self.rng.uniform(4, 60, self.rng.poisson(3)):
                    x = side.x(self.rng.uniform(side.walk + 0.6, side.facade))
                    size = self.rng.uniform(0.6, 2.0)
                    if not self.street.crossed(z, 1):
                        bush = partial(draw_bush, style=style, x=x, z=z, size_m=size)
                        self._add(x, z, (size / 2, size / 2), size * 0.8, bush)

    def _furnish(self) -> None:
        for side in self.street.sides:
            x = side.x(side.parking + 0.35)
            spacing = self.rng.uniform(14, 32)
            for z in np.arange(self.rng.uniform(6, spacing), min(120.0, self.street.end_m), spacing).tolist():
                if not self.street.crossed(z):
                    self._add(x, z, (0.1, 0.1), 7.0, partial(draw_lamp, x=x, z=z))
            for z in self.rng.uniform(6, 55, self.rng.poisson(2.2)).tolist():
                self._add(x, z, (0.1, 0.1), 2.5, partial(draw_sign, x=x, z=z))
            for z in self.rng.uniform(6, 40, self.rng.poisson(0.7)).tolist():
                place = side.x(side.walk - 0.4)
                self._add(place, z, (0.4, 0.4), 0.8, partial(draw_bin, x=place, z=z))
            if self.street.crossing is not None and self.rng.random() < 0.75:
                z = self.street.crossing[0] - 1.0
                self._add(x, z, (0.1, 0.1), 3.5, partial(draw_traffic_light, x=x, z=z))

    def _any_side(self) -> Side:
        return self.street.sides[int(self.rng.integers(2))]

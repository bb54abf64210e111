"""Shapes in the street: level and upright rectangles, and side profiles extruded into solids."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from qabwnas.data.street.canvas import Array, Canvas
from qabwnas.data.street.light import Colour


def rectangle(x: tuple[float, float], y: tuple[float, float], z: float) -> Array:
    """Return the corners ``(4, 3)`` of an upright rectangle across the street."""
    return np.array([(x[0], y[0], z), (x[1], y[0], z), (x[1], y[1], z), (x[0], y[1], z)], dtype=np.float32)


def flat(x: tuple[float, float], z: tuple[float, float], y: float = 0.0) -> Array:
    """Return the corners ``(4, 3)`` of a level rectangle."""
    return np.array([(x[0], y, z[0]), (x[1], y, z[0]), (x[1], y, z[1]), (x[0], y, z[1])], dtype=np.float32)


def along_street(x: float, y: tuple[float, float], z: tuple[float, float]) -> Array:
    """Return the corners ``(4, 3)`` of an upright rectangle along the street."""
    return np.array([(x, y[0], z[0]), (x, y[0], z[1]), (x, y[1], z[1]), (x, y[1], z[0])], dtype=np.float32)


@dataclass(frozen=True)
class Pose:
    """Where a solid stands on the ground, in metres, and its heading in radians: 0 drives away from the camera."""

    x: float
    z: float
    heading: float

    def points(self, along: Array, across: Array | float, up: Array) -> Array:
        """Return street points ``(n, 3)`` of coordinates along, across (to the right) and above the solid."""
        sine, cosine = math.sin(self.heading), math.cos(self.heading)
        points = np.empty((len(along), 3), dtype=np.float32)
        points[:, 0] = self.x + along * sine + across * cosine
        points[:, 1] = up
        points[:, 2] = self.z + along * cosine - across * sine
        return points

    def direction(self, along: float, across: float, up: float) -> Colour:
        """Return the unit vector of a direction given in the solid's axes."""
        sine, cosine = math.sin(self.heading), math.cos(self.heading)
        length = max(1e-6, math.hypot(along, across, up))
        x, z = along * sine + across * cosine, along * cosine - across * sine
        return np.array([x / length, up / length, z / length], dtype=np.float32)


class Extrusion:
    """A side profile ``(n, 2)`` of (along, up), listed from the rear over the top to the front, with a width.

    Only faces towards the camera are drawn: first those over the profile's edges, from far to near, then the side,
    which is in front of all of them.
    """

    def __init__(self, canvas: Canvas, pose: Pose, profile: Array, width_m: float) -> None:
        self.canvas = canvas
        self.pose = pose
        self.profile = profile
        self.width_m = width_m
        sine, cosine = math.sin(pose.heading), math.cos(pose.heading)
        self._eye_along = -pose.x * sine - pose.z * cosine
        eye_across = -pose.x * cosine + pose.z * sine
        self.side = 1.0 if eye_across > 0 else -1.0
        self._side_seen = abs(eye_across) > width_m / 2
        self._side_normal = pose.direction(0, self.side, 0)

    @property
    def pixels_per_metre(self) -> float:
        """Pixels per metre at the solid's middle."""
        return self.canvas.camera.focal / max(self.pose.z, 1.0)

    def draw(self, colours: list[Colour], side_colour: Colour, label: int) -> None:
        """Draw the solid; ``colours`` has one colour per edge of the profile, for the face over it."""
        half = self.width_m / 2
        eye_up = self.canvas.camera.eye_m
        faces = []
        corners = self.profile.tolist()
        for here, after, colour in zip(corners, [*corners[1:], corners[0]], colours, strict=True):
            along, up = after[0] - here[0], after[1] - here[1]
            if -up * (self._eye_along - here[0]) + along * (eye_up - here[1]) > 0:
                face = self.pose.points(
                    np.array([here[0], here[0], after[0], after[0]]),
                    np.array([-half, half, half, -half]),
                    np.array([here[1], here[1], after[1], after[1]]),
                )
                normal = self.pose.direction(-up, 0, along)
                faces.append((abs(self._eye_along - (here[0] + after[0]) / 2), face, colour, normal))
        for _, face, colour, normal in sorted(faces, key=lambda face: -face[0]):
            self.canvas.polygon(face, self.canvas.light.shaded(colour, normal), label)
        self.on_side(self.profile, side_colour, label)

    def on_side(self, outline: Array, colour: Colour, label: int | None) -> None:
        """Draw an outline of (along, up) on the side that faces the camera, if one does."""
        if self._side_seen:
            corners = self.pose.points(outline[:, 0], self.side * self.width_m / 2, outline[:, 1])
            self.canvas.polygon(corners, self.canvas.light.shaded(colour, self._side_normal), label)

    def on_end(self, along: float, across: tuple[float, float], up: tuple[float, float], colour: Colour) -> None:
        """Draw a rectangle on the rear (``along`` < 0) or the front, if it is visible; labels do not change."""
        forwards = math.copysign(1, along)
        if forwards * (self._eye_along - along) > 0:
            corners = self.pose.points(
                np.full(4, along), np.array([across[0], across[1], across[1], across[0]]), np.repeat(np.array(up), 2)
            )
            lit = self.canvas.light.shaded(colour, self.pose.direction(forwards, 0, 0))
            self.canvas.polygon(corners, lit, None)

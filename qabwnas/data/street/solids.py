"""Shapes in the street: upright rectangles and profiles that are extruded into solids."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qabwnas.data.street.camera import Array
from qabwnas.data.street.canvas import Canvas
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
        sine, cosine = np.float32(np.sin(self.heading)), np.float32(np.cos(self.heading))
        across = np.broadcast_to(np.asarray(across, dtype=np.float32), along.shape)
        x, z = self.x + along * sine + across * cosine, self.z + along * cosine - across * sine
        return np.stack([x, up, z], axis=-1).astype(np.float32)

    def direction(self, along: float, across: float, up: float) -> Colour:
        """Return the unit vector of a direction given in the solid's axes."""
        sine, cosine = np.sin(self.heading), np.cos(self.heading)
        vector = np.array([along * sine + across * cosine, up, along * cosine - across * sine])
        return (vector / max(1e-6, float(np.linalg.norm(vector)))).astype(np.float32)


class Extrusion:
    """A side profile ``(n, 2)`` of (along, up), listed from the rear over the top to the front, with a width.

    Only faces towards the camera are drawn: first those across the profile's edges, from far to near, then the side,
    which lies in front of all of them.
    """

    def __init__(self, canvas: Canvas, pose: Pose, profile: Array, width_m: float) -> None:
        self.canvas = canvas
        self.pose = pose
        self.profile = profile
        self.width_m = width_m
        eye = np.array([0, canvas.camera.eye_m, 0], dtype=np.float32)
        self._to_eye = eye - np.array([pose.x, 0, pose.z], dtype=np.float32)
        right = pose.direction(0, 1, 0)
        self.side = 1.0 if float(right @ self._to_eye) > 0 else -1.0
        self.side_seen = abs(float(right @ self._to_eye)) > width_m / 2

    def draw(self, colours: list[Colour], side_colour: Colour, label: int) -> None:
        """Draw the solid; ``colours`` has one for the face over every edge of the profile."""
        half = self.width_m / 2
        faces = []
        for (here, after), colour in zip(
            zip(self.profile, np.roll(self.profile, -1, axis=0), strict=True), colours, strict=True
        ):
            along, up = after - here
            normal = self.pose.direction(-up, 0, along)
            corners = self.pose.points(
                np.array([here[0], here[0], after[0], after[0]]),
                np.array([-half, half, half, -half]),
                np.array([here[1], here[1], after[1], after[1]]),
            )
            middle = corners.mean(axis=0)
            if float(normal @ (self._eye - middle)) > 0:
                faces.append((float(middle[2]), corners, self.canvas.light.shaded(colour, normal)))
        for _, corners, colour in sorted(faces, key=lambda face: -face[0]):
            self.canvas.polygon(corners, colour, label)
        if self.side_seen:
            self.on_side(self.profile, side_colour, label)

    @property
    def _eye(self) -> Array:
        return np.array([0, self.canvas.camera.eye_m, 0], dtype=np.float32)

    def on_side(self, outline: Array, colour: Colour, label: int | None) -> None:
        """Draw an outline of (along, up) on the side towards the camera, if any is."""
        if not self.side_seen:
            return
        lit = self.canvas.light.shaded(colour, self.pose.direction(0, self.side, 0))
        corners = self.pose.points(outline[:, 0], self.side * self.width_m / 2, outline[:, 1])
        self.canvas.polygon(corners, lit, label)

    def on_end(self, along: float, across: tuple[float, float], up: tuple[float, float], colour: Colour) -> None:
        """Draw a rectangle on the rear (``along`` < 0) or the front, if it is seen; labels are left."""
        normal = self.pose.direction(np.sign(along), 0, 0)
        corners = self.pose.points(
            np.full(4, along), np.array([across[0], across[1], across[1], across[0]]), np.repeat(np.array(up), 2)
        )
        if float(normal @ (self._eye - corners[0])) > 0:
            self.canvas.polygon(corners, self.canvas.light.shaded(colour, normal), None)

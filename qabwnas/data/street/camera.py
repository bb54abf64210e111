"""The pinhole camera: where points of the street lie in the image, and where pixels lie on the ground.

The street runs along z (metres ahead of the camera), x points right, y up from the ground.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]

NEAR_M = 0.9  # what is nearer than this is cut off
FOCAL_WIDTHS = 1.1  # focal length in image widths: a view of 49 degrees


@dataclass(frozen=True)
class Camera:
    """A camera above the street that looks along it, turned by ``yaw``.

    Attributes:
        height: rows of the image.
        width: columns of the image.
        horizon: row of the horizon.
        eye_m: height above the ground.
        yaw: radians to the right.
    """

    height: int
    width: int
    horizon: float
    eye_m: float
    yaw: float

    @cached_property
    def _eye(self) -> Array:
        return np.array([0, self.eye_m, 0], dtype=np.float32)

    @cached_property
    def _turn(self) -> Array:
        sine, cosine = np.sin(self.yaw), np.cos(self.yaw)
        return np.array([[cosine, 0, sine], [0, 1, 0], [-sine, 0, cosine]], dtype=np.float32)

    @cached_property
    def _scale(self) -> Array:
        return np.array([self.focal, -self.focal], dtype=np.float32)

    @cached_property
    def _centre(self) -> Array:
        return np.array([self.width / 2, self.horizon], dtype=np.float32)

    @property
    def focal(self) -> float:
        """Focal length in pixels."""
        return FOCAL_WIDTHS * self.width

    def seen(self, points: Array) -> Array:
        """Return points ``(…, 3)`` in the camera's own axes: right, up from the eye, ahead."""
        seen: Array = (points - self._eye) @ self._turn
        return seen

    def pixels(self, seen: Array) -> Array:
        """Return (column, row) ``(…, 2)`` of points in the camera's axes, all ahead of ``NEAR_M``."""
        pixels: Array = seen[..., :2] * (self._scale / seen[..., 2:])
        pixels += self._centre
        return pixels

    def outline(self, corners: Array) -> Array:
        """Return (column, row) of a polygon ``(n, 3)``, cut off at ``NEAR_M``; empty where nothing is left of it."""
        seen = self.seen(corners)
        if min(seen[:, 2].tolist()) < NEAR_M:
            seen = _cut_near(seen)
        return self.pixels(seen)

    def ground(self) -> tuple[int, Array, Array]:
        """Return the first row below the horizon, and x and z in metres ``(rows, width)`` of the ground from there."""
        first = max(0, int(np.floor(self.horizon)) + 1)
        rows = np.arange(first, self.height, dtype=np.float32) + np.float32(0.5)
        ahead = (self.focal * self.eye_m / np.maximum(rows - self.horizon, 0.25)).astype(np.float32)[:, None]
        across = ((np.arange(self.width, dtype=np.float32) + 0.5 - self.width / 2) / self.focal) * ahead
        sine, cosine = np.float32(np.sin(self.yaw)), np.float32(np.cos(self.yaw))
        return first, cosine * across + sine * ahead, cosine * ahead - sine * across


def _cut_near(seen: Array) -> Array:
    """Cut a polygon in the camera's axes at the near plane (Sutherland and Hodgman 1974, one plane)."""
    kept = []
    for here, after in zip(seen, np.roll(seen, -1, axis=0), strict=True):
        if here[2] >= NEAR_M:
            kept.append(here)
        if (here[2] >= NEAR_M) != (after[2] >= NEAR_M):
            kept.append(here + (after - here) * ((NEAR_M - here[2]) / (after[2] - here[2])))
    return np.array(kept, dtype=np.float32).reshape(-1, 3)

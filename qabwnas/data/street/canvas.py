"""The pinhole camera, and the canvas that is painted through it: colours and labels from the same outlines.

The street runs along z (metres ahead of the camera), x points right, y up from the ground.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from qabwnas.data.street.light import Colour, Light

Array = NDArray[np.floating[Any]]

TOWARDS_CAMERA = np.array([0, 0, -1], dtype=np.float32)  # the normal of faces across the street
NEAR_M = 0.9  # everything nearer than this is cut off
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
        """Return (column, row) of a polygon ``(n, 3)``, cut off at ``NEAR_M``; empty if nothing is left."""
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


class Canvas:
    """An image and its label ids, drawn from far to near.

    Both get every outline from the same rasteriser, without antialiasing, so that labels fit the colours to the pixel.
    The lens softens the colours afterwards. Callers pass colours that are already lit; the canvas adds the haze.
    """

    def __init__(self, camera: Camera, light: Light, colours: NDArray[np.uint8], labels: NDArray[np.uint8]) -> None:
        self.camera = camera
        self.light = light
        self.image = Image.fromarray(colours)
        self.labels = Image.fromarray(labels)
        self.draw_colour = ImageDraw.Draw(self.image)
        self.draw_label = ImageDraw.Draw(self.labels)

    def polygon(self, corners: Array, colour: Colour | None, label: int | None) -> None:
        """Fill a polygon of the street ``(n, 3)``. ``None`` leaves the colours or the labels as they are."""
        outline = self.camera.outline(corners)
        if len(outline) < 3:
            return
        points = outline.ravel().tolist()
        if colour is not None:
            self.draw_colour.polygon(points, _ink(self.light.hazed(colour, float(corners[:, 2].mean()))))
        if label is not None:
            self.draw_label.polygon(points, label)

    def polygons(self, corners: Array, colours: Colour) -> None:
        """Fill many polygons ``(n, k, 3)`` with colours ``(n, 3)`` and leave the labels; those too near are skipped."""
        seen = self.camera.seen(corners)
        ahead = seen[..., 2].min(axis=1) >= NEAR_M
        points = self.camera.pixels(seen[ahead]).reshape(-1, 2 * corners.shape[1]).tolist()
        for outline, colour, distance in zip(
            points, colours[ahead], corners[ahead][..., 2].mean(axis=1).tolist(), strict=True
        ):
            self.draw_colour.polygon(outline, _ink(self.light.hazed(colour, distance)))

    def facing(self, x: float, z: float) -> Facing:
        """Return the plane that stands at a place of the ground and faces the camera."""
        return Facing(self, x, z)


class Facing:
    """A plane parallel to the image, for flat objects: signs, figures, leaves.

    Its coordinates are (across, up) in metres from a point on the ground. Nothing is drawn if that point is too near.

    Attributes:
        scale: pixels per metre; 0 if nothing is drawn.
    """

    def __init__(self, canvas: Canvas, x: float, z: float) -> None:
        self.canvas = canvas
        seen = canvas.camera.seen(np.array([x, 0, z], dtype=np.float32))
        self.distance_m = float(seen[2])
        self.scale = 0.0
        if self.distance_m >= NEAR_M:
            self.scale = canvas.camera.focal / self.distance_m
            self._column, self._row = canvas.camera.pixels(seen).tolist()

    def polygon(self, outline: Iterable[tuple[float, float]], colour: Colour | None, label: int | None) -> None:
        """Fill a polygon."""
        if self.scale:
            points = [self._place(across, up) for across, up in outline]
            if colour is not None:
                self.canvas.draw_colour.polygon(points, self._ink(colour))
            if label is not None:
                self.canvas.draw_label.polygon(points, label)

    def rectangle(
        self, across: tuple[float, float], up: tuple[float, float], colour: Colour, label: int | None
    ) -> None:
        """Fill an upright rectangle."""
        corners = ((across[0], up[0]), (across[1], up[0]), (across[1], up[1]), (across[0], up[1]))
        self.polygon(corners, colour, label)

    def disc(
        self, centre: tuple[float, float], radii: tuple[float, float], colour: Colour | None, label: int | None
    ) -> None:
        """Fill an ellipse with radii across and upwards."""
        if self.scale:
            left, top = self._place(centre[0] - radii[0], centre[1] + radii[1])
            right, bottom = self._place(centre[0] + radii[0], centre[1] - radii[1])
            if colour is not None:
                self.canvas.draw_colour.ellipse((left, top, right, bottom), self._ink(colour))
            if label is not None:
                self.canvas.draw_label.ellipse((left, top, right, bottom), label)

    def discs(self, centres: Array, radii: Array, colours: Colour, label: int) -> None:
        """Fill many ellipses: centres and radii ``(n, 2)``, colours ``(n, 3)``, one label; the first is farthest."""
        if not self.scale:
            return
        middle = np.array([self._column, self._row]) + centres * np.array([self.scale, -self.scale])
        boxes = np.concatenate([middle - radii * self.scale, middle + radii * self.scale], axis=1)
        inks = np.clip(self.canvas.light.hazed(colours, self.distance_m), 0, 255).astype(np.int64)
        for box, (red, green, blue) in zip(boxes.tolist(), inks.tolist(), strict=True):
            self.canvas.draw_colour.ellipse(box, (red, green, blue))
            self.canvas.draw_label.ellipse(box, label)

    def ring(self, centre: tuple[float, float], radii: tuple[float, float], width_m: float, colour: Colour) -> None:
        """Draw the outline of an ellipse and leave the labels."""
        if self.scale:
            left, top = self._place(centre[0] - radii[0], centre[1] + radii[1])
            right, bottom = self._place(centre[0] + radii[0], centre[1] - radii[1])
            width = max(1, round(width_m * self.scale))
            self.canvas.draw_colour.ellipse((left, top, right, bottom), outline=self._ink(colour), width=width)

    def line(self, start: tuple[float, float], end: tuple[float, float], width_m: float, colour: Colour) -> None:
        """Draw a line and leave the labels."""
        if self.scale:
            width = max(1, round(width_m * self.scale))
            self.canvas.draw_colour.line([self._place(*start), self._place(*end)], self._ink(colour), width)

    def _place(self, across: float, up: float) -> tuple[float, float]:
        return self._column + across * self.scale, self._row - up * self.scale

    def _ink(self, colour: Colour) -> tuple[int, int, int]:
        return _ink(self.canvas.light.hazed(colour, self.distance_m))


def _ink(colour: Colour) -> tuple[int, int, int]:
    red, green, blue = colour.tolist()
    return min(255, max(0, int(red))), min(255, max(0, int(green))), min(255, max(0, int(blue)))

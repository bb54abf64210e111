"""What is drawn on: colours and labels, always with the same outlines."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from qabwnas.data.street.camera import NEAR_M, Array, Camera
from qabwnas.data.street.light import Colour, Light


class Canvas:
    """An image and its label ids, drawn from far to near.

    Both get every outline from the same rasteriser, without antialiasing, so that labels fit the colours to the pixel;
    the optics soften the colours afterwards. Colours that are passed are already lit; the haze is added here.
    """

    def __init__(self, camera: Camera, light: Light, colours: NDArray[np.uint8], labels: NDArray[np.uint8]) -> None:
        self.camera = camera
        self.light = light
        self.image = Image.fromarray(colours)
        self.labels = Image.fromarray(labels)
        self.draw_colour = ImageDraw.Draw(self.image)
        self.draw_label = ImageDraw.Draw(self.labels)

    def polygon(self, corners: Array, colour: Colour | None, label: int | None) -> None:
        """Fill a polygon of the street ``(n, 3)``; without a colour or a label only the other is drawn."""
        outline = self.camera.outline(corners)
        if len(outline) < 3:
            return
        points = outline.ravel().tolist()
        if colour is not None:
            self.draw_colour.polygon(points, _ink(self.light.hazed(colour, float(corners[:, 2].mean()))))
        if label is not None:
            self.draw_label.polygon(points, label)

    def polygons(self, corners: Array, colours: Colour) -> None:
        """Fill many polygons ``(n, k, 3)`` with colours ``(n, 3)`` and leave the labels; near ones are left out."""
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
    """A plane parallel to the image, for what is flat or may be drawn so: signs, figures, leaves.

    Its coordinates are (across, up) in metres from a point on the ground. What stands too near is not drawn.

    Attributes:
        scale: pixels of a metre; 0 where nothing is drawn.
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

"""The ground: road with marks, patches and rails, parking, sidewalks, verges, and the shadows that fall on them."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from qabwnas.data import cityscapes_labels as labels
from qabwnas.data.street.canvas import Array, Camera, Canvas
from qabwnas.data.street.city import START_M, Side, Street, Style
from qabwnas.data.street.light import Colour, Light, cloud_noise
from qabwnas.data.street.solids import flat

FAR_M = 400.0
ASIDE_M = 90.0
TEXELS = 256
TEXELS_PER_M = 6.0


class Shadows:
    """Where the sun does not reach the ground: a separate image, drawn before the ground is lit."""

    def __init__(self, camera: Camera, light: Light) -> None:
        self.camera = camera
        self.light = light
        self.mask = Image.new("L", (camera.width, camera.height))
        self._draw = ImageDraw.Draw(self.mask)

    def contact(self, corners: Array) -> None:
        """Darken the ground under an object, in any light."""
        self._fill(corners, 170)

    def cast(self, x: tuple[float, float], z: tuple[float, float], height_m: float) -> None:
        """Draw the shadow of an upright box."""
        if not self.light.casts_shadows:
            return
        reach = height_m / max(0.12, float(self.light.sun[1]))
        offset = np.array([-self.light.sun[0] * reach, 0, -self.light.sun[2] * reach], dtype=np.float32)
        base = flat(x, z)
        self._fill(base + offset, 255)
        for start, end in zip(base, np.roll(base, -1, axis=0), strict=True):
            self._fill(np.stack([start, end, end + offset, start + offset]), 255)

    def _fill(self, corners: Array, depth: int) -> None:
        outline = self.camera.outline(corners)
        if len(outline) >= 3:
            self._draw.polygon(outline.ravel().tolist(), depth)

    def softened(self) -> Array:
        """Return the shade ``(height, width)``, 0 … 1."""
        soft = self.mask.filter(ImageFilter.BoxBlur(max(0.5, self.camera.width / 700)))
        return np.asarray(soft, dtype=np.float32) / np.float32(255)


def draw_ground(rng: np.random.Generator, canvas: Canvas, street: Street, style: Style) -> None:
    """Paint all surfaces in flat colours, unlit and without haze; :func:`light_ground` adds both."""
    painter = _Painter(canvas)
    soil = np.array([118, 112, 84]) + rng.normal(0, 8, 3)
    painter.fill(flat((-ASIDE_M * 3, ASIDE_M * 3), (START_M, FAR_M)), soil, labels.TERRAIN)
    grass = style.leaves[rng.integers(len(style.leaves))] * np.float32(1.25) + rng.normal(0, 5, 3)
    paving = np.full(3, style.paving + rng.normal(0, 8)) + rng.normal(0, 4, 3)
    asphalt = np.full(3, style.asphalt + rng.normal(0, 8)) + rng.normal(0, 2, 3)
    for side in street.sides:
        _draw_side(rng, painter, side, grass, paving, asphalt)
    carriageway = (street.left.x(street.left.kerb), street.right.x(street.right.kerb))
    painter.fill(flat(carriageway, (START_M, FAR_M)), asphalt, labels.ROAD)
    if street.crossing is not None:
        painter.fill(flat((-ASIDE_M, ASIDE_M), street.crossing), asphalt * rng.uniform(0.93, 1.05), labels.ROAD)
    _draw_patches(rng, painter, carriageway, asphalt)
    if street.rails:
        _draw_rails(painter, street)
    _draw_marks(rng, painter, street)


class _Painter:
    """Fills surfaces of the ground with flat colours."""

    def __init__(self, canvas: Canvas) -> None:
        self.camera = canvas.camera
        self.colours = ImageDraw.Draw(canvas.image)
        self.labels = ImageDraw.Draw(canvas.labels)

    def fill(self, corners: Array, colour: Colour, label: int | None = None) -> None:
        outline = self.camera.outline(corners)
        if len(outline) < 3:
            return
        points = outline.ravel().tolist()
        red, green, blue = (min(255, max(0, int(value))) for value in colour.tolist())
        self.colours.polygon(points, (red, green, blue))
        if label is not None:
            self.labels.polygon(points, label)


def _draw_side(
    rng: np.random.Generator, painter: _Painter, side: Side, grass: Colour, paving: Colour, asphalt: Colour
) -> None:
    length = (START_M, FAR_M)
    if side.facade > side.walk:
        green = rng.random() < 0.8
        painter.fill(
            flat((side.x(side.walk), side.x(side.facade + 14)), length),
            grass if green else paving * 0.9,
            labels.TERRAIN if green else labels.SIDEWALK,
        )
    painter.fill(flat((side.x(side.parking), side.x(side.walk)), length), paving, labels.SIDEWALK)
    if side.strip > 0:
        strip = (side.x(side.parking), side.x(side.parking + side.strip))
        painter.fill(flat(strip, length), grass, labels.TERRAIN)
    joints = np.arange(2.0, 30.0, rng.uniform(0.8, 2.5))
    for z in joints:
        painter.fill(flat((side.x(side.parking + side.strip), side.x(side.walk)), (z, z + 0.03)), paving * 0.85)
    if side.parking > side.kerb:
        cobbled = rng.random() < 0.5
        painter.fill(
            flat((side.x(side.kerb), side.x(side.parking)), length),
            (paving if cobbled else asphalt) * rng.uniform(0.85, 0.95),
            labels.PARKING if cobbled else labels.ROAD,
        )
    painter.fill(flat((side.x(side.parking), side.x(side.parking + 0.16)), length), paving * 1.18)


def _draw_patches(
    rng: np.random.Generator, painter: _Painter, carriageway: tuple[float, float], asphalt: Colour
) -> None:
    """Draw patches of new asphalt and manhole covers."""
    for _ in range(rng.integers(0, 6)):
        size = (rng.uniform(0.4, 1.6), rng.uniform(0.8, 8))
        x, z = rng.uniform(carriageway[0], carriageway[1] - size[0]), rng.uniform(5, 40)
        painter.fill(flat((x, x + size[0]), (z, z + size[1])), asphalt * rng.uniform(0.75, 1.15))
    for _ in range(rng.integers(0, 4)):
        x, z = rng.uniform(carriageway[0] + 0.4, carriageway[1] - 0.4), rng.uniform(5, 30)
        turn = np.linspace(0, 2 * np.pi, 13)[:-1]
        circle = np.stack([x + 0.35 * np.cos(turn), np.zeros(12), z + 0.35 * np.sin(turn)], axis=1)
        painter.fill(circle, asphalt * 0.6)


def _draw_rails(painter: _Painter, street: Street) -> None:
    centre = street.middle - 1.5
    painter.fill(flat((centre - 1.2, centre + 1.2), (START_M, FAR_M)), np.full(3, 110.0), labels.RAIL_TRACK)
    for offset in (-0.72, 0.72):
        painter.fill(flat((centre + offset - 0.05, centre + offset + 0.05), (START_M, FAR_M)), np.full(3, 62.0))


def _draw_marks(rng: np.random.Generator, painter: _Painter, street: Street) -> None:
    white = np.full(3, rng.uniform(170, 235))
    dash, gap = rng.uniform(2.5, 4.0), rng.uniform(3.0, 6.0)
    lines = [street.lane_m / 2 - street.lane_m * lane for lane in range(1, street.lanes)]
    if rng.random() < 0.8:
        lines.append(street.middle)
    phase = rng.uniform(0, dash + gap)
    for x in lines:
        for start in np.arange(1.0 - phase, 110, dash + gap):
            if not street.crossed(start, dash):
                painter.fill(flat((x - 0.07, x + 0.07), (start, start + dash)), white)
    for side in street.sides:
        if rng.random() < 0.35:
            edge = side.x(side.kerb - 0.25)
            end = street.crossing[0] if street.crossing else FAR_M
            painter.fill(flat((edge - 0.06, edge + 0.06), (START_M, end)), white)
    if street.crossing is not None:
        _draw_crossing_marks(rng, painter, street, white)


def _draw_crossing_marks(rng: np.random.Generator, painter: _Painter, street: Street, white: Colour) -> None:
    assert street.crossing is not None
    first = street.crossing[0]
    right = street.right.kerb - 0.2
    painter.fill(flat((street.middle, right), (first - 5.0, first - 4.6)), white)
    if rng.random() < 0.6:
        for x in np.arange(street.left.x(street.left.kerb) + 0.3, right, 1.0):
            painter.fill(flat((x, x + 0.5), (first - 3.6, first - 0.8)), white)


def light_ground(rng: np.random.Generator, canvas: Canvas, shadows: Shadows) -> None:
    """Add grain in perspective, light, shadows and haze to the ground, in place."""
    camera, light = canvas.camera, canvas.light
    first, x, z = camera.ground()
    colours = np.array(canvas.image)
    below = colours[first:].astype(np.float32)
    grain = cloud_noise(rng, TEXELS, TEXELS, 12, 12) + rng.standard_normal((TEXELS, TEXELS), dtype=np.float32) * 0.5
    texel_x = (x * np.float32(TEXELS_PER_M)).astype(np.int32) & (TEXELS - 1)
    texel_z = (z * np.float32(TEXELS_PER_M)).astype(np.int32) & (TEXELS - 1)
    strength = np.float32(0.05) / (1 + z / 30)
    sunlight = light.sunlight * light.sun[1]
    shade = shadows.softened()[first:]
    below *= (1 + strength * grain[texel_z, texel_x])[..., None]
    contact = 1 - np.float32(0.45) * shade
    below *= light.ambient * contact[..., None] + sunlight * (1 - shade)[..., None]
    clear = np.exp(-np.maximum(z, 0) / np.float32(light.visibility_m))[..., None]
    below += (light.haze - below) * (1 - clear)
    colours[first:] = np.clip(below, 0, 255)
    canvas.image.paste(Image.fromarray(colours))

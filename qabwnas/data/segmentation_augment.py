"""Random variants of labelled scenes: scaled, cropped, flipped, and with other colours, as mmsegmentation trains."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from qabwnas.data.photometric import distorted

TRIES = 10
FLIPS = 0.5


@dataclass(frozen=True)
class SceneAugmentation:
    """The usual augmentation of Cityscapes.

    Attributes:
        crop: height and width of every variant.
        scales: smallest and largest factor that an image is resized by.
        largest_share: of the pixels that count, what one class may have of a crop; after ``TRIES`` any crop will do.
    """

    crop: tuple[int, int]
    scales: tuple[float, float] = (0.5, 2.0)
    largest_share: float = 0.75

    def draw(
        self, image: Image.Image, train_ids: Image.Image, rng: np.random.Generator
    ) -> tuple[Image.Image, Image.Image]:
        """Return a variant of an image and its train ids, of the crop's size or smaller where the scaled image is.

        Image and labels go through the same window; colours are changed in the image alone. Resizing is bilinear
        (averaging where it shrinks) for colours, and takes the nearest pixel for labels.
        """
        window = self._draw_window(train_ids, rng)
        flip = rng.random() < FLIPS
        image = image.resize(window.size, Image.Resampling.BILINEAR, window.box)
        train_ids = window.nearest(train_ids)
        if flip:
            image, train_ids = (part.transpose(Image.Transpose.FLIP_LEFT_RIGHT) for part in (image, train_ids))
        return distorted(image, rng), train_ids

    def _draw_window(self, train_ids: Image.Image, rng: np.random.Generator) -> Window:
        scale = rng.uniform(*self.scales)
        for _ in range(TRIES):
            window = draw_window(train_ids.size, scale, self.crop, rng)
            if largest_share(window.nearest(train_ids)) <= self.largest_share:
                break
        return window


@dataclass(frozen=True)
class Window:
    """A part of an image, resized.

    Attributes:
        box: left, top, right, bottom in pixels of the image, with fractions.
        size: width and height that it is resized to.
    """

    box: tuple[float, float, float, float]
    size: tuple[int, int]

    def nearest(self, image: Image.Image) -> Image.Image:
        """Return the part by nearest pixels."""
        return image.resize(self.size, Image.Resampling.NEAREST, self.box)


def draw_window(size: tuple[int, int], scale: float, crop: tuple[int, int], rng: np.random.Generator) -> Window:
    """Return a random crop (height, width) of an image of ``size`` (width, height) that is resized by ``scale``.

    Only the part that the crop shows has to be resized.
    """
    width, height = size
    scaled_width, scaled_height = max(1, round(width * scale)), max(1, round(height * scale))
    crop_height, crop_width = min(crop[0], scaled_height), min(crop[1], scaled_width)
    left = int(rng.integers(scaled_width - crop_width + 1))
    top = int(rng.integers(scaled_height - crop_height + 1))
    across, down = width / scaled_width, height / scaled_height
    right, bottom = (left + crop_width) * across, (top + crop_height) * down
    return Window((left * across, top * down, min(right, width), min(bottom, height)), (crop_width, crop_height))


def largest_share(train_ids: Image.Image) -> float:
    """Return the share of the most frequent class among the pixels that are not ignored; 1 where all are."""
    counts = train_ids.histogram()[:-1]
    return max(counts) / sum(counts) if any(counts) else 1.0

"""Image transforms: the scale of pixel values, and random crops, flips and colours for training.

Scenes are augmented as in mmsegmentation, images by class as in Szegedy et al. (CVPR 2015).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

TRIES = 10
FLIPS = 0.5  # probability

# Images by class.
CROPPED_SHARE = 0.875  # fraction of the shorter side that the centre crop keeps: 224 of 256
AREAS = (0.08, 1.0)
ASPECTS = (3 / 4, 4 / 3)

# Colours of scenes.
BRIGHTNESS = 32.0
CONTRAST = (0.5, 1.5)
SATURATION = (0.5, 1.5)
HUE_DEGREES = 36.0  # 18 of the 180 steps of 8-bit hues in mmsegmentation

_LEVELS = np.arange(256, dtype=np.float64)

MEAN = torch.tensor([123.675, 116.28, 103.53])
"""Mean of red, green and blue over 0 … 255; subtracted before division by ``DEVIATION``."""
DEVIATION = torch.tensor([58.395, 57.12, 57.375])


def normalised(image: Image.Image) -> Tensor:
    """Return an image of mode ``RGB`` or ``F`` (grey 0 … 255) on ImageNet's scale: float32 ``(3, height, width)``."""
    pixels = torch.from_numpy(np.array(image))
    if pixels.ndim == 2:
        pixels = pixels[:, :, None].expand(-1, -1, 3)
    pixels = pixels.permute(2, 0, 1).to(torch.float32, memory_format=torch.contiguous_format, copy=True)
    return pixels.sub_(MEAN[:, None, None]).div_(DEVIATION[:, None, None])


def centre_box(size: tuple[int, int]) -> tuple[float, float, float, float]:
    """Return left, top, right, bottom of the square in the middle of an image of ``size`` (width, height)."""
    width, height = size
    side = CROPPED_SHARE * min(width, height)
    left, top = (width - side) / 2, (height - side) / 2
    return left, top, left + side, top + side


def draw_box(size: tuple[int, int], rng: np.random.Generator) -> tuple[float, float, float, float]:
    """Return left, top, right, bottom of a random part of an image of ``size`` (width, height).

    Its area is a fraction of the image's area, uniform in ``AREAS``; its aspect ratio (width / height) is log-uniform
    in ``ASPECTS``. A box that does not fit is drawn again; after ``TRIES`` it is the largest square in the middle.
    """
    width, height = size
    for _ in range(TRIES):
        area = rng.uniform(*AREAS) * width * height
        aspect = np.exp(rng.uniform(*np.log(ASPECTS)))
        across, down = float(np.sqrt(area * aspect)), float(np.sqrt(area / aspect))
        if across <= width and down <= height:
            left, top = rng.uniform(0, width - across), rng.uniform(0, height - down)
            return left, top, min(left + across, width), min(top + down, height)
    side = min(size)
    left, top = (width - side) / 2, (height - side) / 2
    return left, top, left + side, top + side


@dataclass(frozen=True)
class SceneAugmentation:
    """The usual augmentation of Cityscapes, as in mmsegmentation.

    Attributes:
        crop: height and width of every variant.
        scales: smallest and largest factor by which an image is resized.
        largest_share: largest fraction of the pixels with a label that one class may have in a crop. After ``TRIES``
            crops, any crop is taken.
    """

    crop: tuple[int, int]
    scales: tuple[float, float] = (0.5, 2.0)
    largest_share: float = 0.75

    def draw(
        self, image: Image.Image, train_ids: Image.Image, rng: np.random.Generator
    ) -> tuple[Image.Image, Image.Image]:
        """Return a variant of an image and its train ids. It has the crop's size, or less for small images.

        Image and labels go through the same window; only the image's colours change. Resizing is bilinear for colours
        (with averaging when it shrinks) and takes the nearest pixel for labels.
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
        size: width and height after resizing.
    """

    box: tuple[float, float, float, float]
    size: tuple[int, int]

    def nearest(self, image: Image.Image) -> Image.Image:
        """Return the part of a label image, resized with nearest pixels."""
        return image.resize(self.size, Image.Resampling.NEAREST, self.box)


def draw_window(size: tuple[int, int], scale: float, crop: tuple[int, int], rng: np.random.Generator) -> Window:
    """Return a random crop (height, width) of an image of ``size`` (width, height) that is resized by ``scale``.

    Only the part inside the crop needs to be resized.
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
    """Return the fraction of the most frequent class among the pixels that are not ignored; 1 if all are ignored."""
    counts = train_ids.histogram()[:-1]
    return max(counts) / sum(counts) if any(counts) else 1.0


def distorted(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Return an RGB image with random brightness, contrast, saturation and hue, in mmsegmentation's ranges.

    Each of the four changes with probability 0.5; contrast changes before saturation and hue, or after, at random.
    Values
    are clipped to 8 bits after each change."""
    brightness, contrast, saturation, hue, contrast_last = (rng.random(5) < 0.5).tolist()
    offset, factor = rng.uniform(-BRIGHTNESS, BRIGHTNESS), rng.uniform(*CONTRAST)
    richness, turn = rng.uniform(*SATURATION), rng.uniform(-HUE_DEGREES, HUE_DEGREES)
    if brightness:
        image = _mapped(image, _LEVELS + offset)
    if contrast and not contrast_last:
        image = _mapped(image, _LEVELS * factor)
    if saturation or hue:
        image = recoloured(image, richness if saturation else 1.0, turn if hue else 0.0)
    if contrast and contrast_last:
        image = _mapped(image, _LEVELS * factor)
    return image


def recoloured(image: Image.Image, saturation: float, hue_degrees: float) -> Image.Image:
    """Return an RGB image with its saturation multiplied and its hue rotated."""
    hues = np.round(_LEVELS + hue_degrees * 256 / 360) % 256
    tables = [*_bytes(hues), *_bytes(_LEVELS * saturation), *range(256)]
    return image.convert("HSV").point(tables).convert("RGB")


def _mapped(image: Image.Image, levels: NDArray[np.float64]) -> Image.Image:
    return image.point(_bytes(levels) * 3)


def _bytes(levels: NDArray[np.float64]) -> list[int]:
    table: list[int] = np.clip(np.round(levels), 0, 255).astype(np.int64).tolist()
    return table


def random_shift(images: Tensor, generator: torch.Generator, pixels: int = 1) -> Tensor:
    """Return images ``(n, channels, height, width)``, each moved at random by up to ``pixels`` along both axes.

    Pixels that move in from outside are 0.
    """
    n, _, height, width = images.shape
    padded = F.pad(images, (pixels,) * 4)
    down, right = torch.randint(0, 2 * pixels + 1, (2, n), generator=generator)
    rows = (down[:, None] + torch.arange(height))[:, :, None]
    columns = (right[:, None] + torch.arange(width))[:, None, :]
    # Indexing with three tensors around the channels puts the channels last.
    return padded[torch.arange(n)[:, None, None], :, rows, columns].permute(0, 3, 1, 2)


def random_flip(images: Tensor, generator: torch.Generator) -> Tensor:
    """Return images ``(n, channels, height, width)``, half of them, at random, with left and right exchanged."""
    flipped = torch.rand(len(images), generator=generator) < FLIPS
    return torch.where(flipped[:, None, None, None], images.flip(3), images)

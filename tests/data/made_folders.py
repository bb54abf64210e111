"""Small folders in the layouts of Cityscapes and ImageFolder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

HEIGHT, WIDTH = 24, 40


def scene_pixels(number: int, height: int = HEIGHT, width: int = WIDTH) -> tuple[np.ndarray, np.ndarray]:
    """Return an image and label ids of random blocks; green is the label id times seven, red and blue are random."""
    rng = np.random.default_rng(number)
    label_ids = rng.integers(0, 34, (height // 8, width // 8)).repeat(8, axis=0).repeat(8, axis=1).astype(np.uint8)
    image = rng.integers(0, 256, (height, width, 3)).astype(np.uint8)
    image[..., 1] = label_ids * 7
    return image, label_ids


def image_file(root: Path, name: str) -> Path:
    return root / "leftImg8bit" / f"{name}_leftImg8bit.png"


def label_file(root: Path, name: str) -> Path:
    return root / "gtFine" / f"{name}_gtFine_labelIds.png"


def make_scene(root: Path, name: str, number: int, size: tuple[int, int] = (HEIGHT, WIDTH)) -> None:
    image, label_ids = scene_pixels(number, *size)
    for path, pixels in ((image_file(root, name), image), (label_file(root, name), label_ids)):
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)


def make_cityscapes(root: Path, train: dict[str, int], val: dict[str, int]) -> Path:
    """Make scenes, so many a city, whose frames have any number; return the root."""
    number = 0
    for split, cities in (("train", train), ("val", val)):
        for city, n in cities.items():
            for sequence in range(n):
                make_scene(root, f"{split}/{city}/{city}_{sequence:06d}_{(37 * number) % 100:06d}", number)
                number += 1
    return root


def make_image_folder(root: Path, train: dict[str, int], val: dict[str, int]) -> Path:
    """Make images, so many a class, of different sizes."""
    number = 0
    for split, classes in (("train", train), ("val", val)):
        for name, n in classes.items():
            folder = root / split / name
            folder.mkdir(parents=True)
            for index in range(n):
                image, _ = scene_pixels(number, 24 + 8 * (number % 3), 40)
                Image.fromarray(image).save(folder / f"{index}.{'png' if index % 2 else 'JPG'}")
                number += 1
    return root

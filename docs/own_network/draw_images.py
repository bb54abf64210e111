"""Draw images of three shapes in class folders: python draw_images.py FOLDER. Use your own images instead."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

SIDE = 32


def main(root: Path) -> None:
    rng = np.random.default_rng(0)
    for split, n in (("train", 200), ("val", 60)):
        for shape in ("circle", "cross", "square"):
            folder = root / split / shape
            folder.mkdir(parents=True)
            for number in range(n):
                ground = rng.integers(0, 120, (SIDE, SIDE, 3), dtype=np.uint8)
                image = Image.fromarray(ground)
                left, top = rng.integers(2, 14, 2).tolist()
                draw_shape(image, shape, (left, top, left + 15, top + 15), tuple(rng.integers(100, 256, 3).tolist()))
                image.save(folder / f"{number:03}.png")


def draw_shape(image: Image.Image, shape: str, box: tuple[int, int, int, int], colour: tuple[int, ...]) -> None:
    draw = ImageDraw.Draw(image)
    left, top, right, bottom = box
    if shape == "circle":
        draw.ellipse(box, outline=colour, width=3)
    elif shape == "square":
        draw.rectangle(box, outline=colour, width=3)
    else:
        draw.line((left, top, right, bottom), fill=colour, width=3)
        draw.line((left, bottom, right, top), fill=colour, width=3)


if __name__ == "__main__":
    main(Path(sys.argv[1]))

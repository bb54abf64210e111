"""Smooth random fields."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def smooth_noise(rng: np.random.Generator, height: int, width: int, rows: int, columns: int) -> NDArray[np.float32]:
    """Return a field ``(height, width)`` of mean 0 and deviation of about 1 with ``rows`` × ``columns`` bumps."""
    grid = rng.standard_normal((max(2, rows), max(2, columns)), dtype=np.float32)
    return np.asarray(Image.fromarray(grid).resize((width, height), Image.Resampling.BICUBIC))


def cloud_noise(
    rng: np.random.Generator, height: int, width: int, rows: int, columns: int, octaves: int = 4
) -> NDArray[np.float32]:
    """Return a fractal field ``(height, width)``: every octave is twice as fine and half as strong."""
    field = np.zeros((height, width), dtype=np.float32)
    for octave in range(octaves):
        finer = 1 << octave
        field += smooth_noise(rng, height, width, min(rows * finer, height), min(columns * finer, width)) / finer
    return field

"""Paired differences: how much better one network is than another on the same test images.

Both networks are scored on the same images, and find the same ones hard. So their difference has a much smaller
standard error than either score. The error is the jackknife's (Efron and Stein 1981), from the scores without one image
each (:attr:`~qabwnas.train.tasks.Score.leave_one_out`). It is the error of a sample of test images. How much retraining
with other seeds changes a score is not part of it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from qabwnas.errors import FormatError
from qabwnas.io.atomic import atomic_path

Scores = NDArray[np.float64]
"""The scores of a network without one image each, ``(n_images,)``, a mean over its retrainings."""


class Difference(NamedTuple):
    """A difference of two scores, −1 … 1, and its standard error."""

    value: float
    standard_error: float


def paired_difference(value: float, without: Scores, other_value: float, other_without: Scores) -> Difference:
    """Return how much ``value`` exceeds ``other_value``; ``without`` are the scores without one image each. O(images).

    The images of both, ``(n_images,)``, are the same, in the same order.
    """
    n = len(without)
    differences = without - other_without
    squares = float(np.square(differences - differences.mean()).sum())
    return Difference(value - other_value, math.sqrt((n - 1) / n * squares))


def write_scores(path: Path, scores: Mapping[str, Scores]) -> None:
    """Write the scores of networks without one image each, by name, as safetensors."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(save({name: np.ascontiguousarray(each) for name, each in scores.items()}))


def read_scores(path: Path) -> dict[str, Scores]:
    """Return what :func:`write_scores` wrote.

    Raises:
        FormatError: the file is damaged.
        OSError: it cannot be read.
    """
    try:
        return load(path.read_bytes())
    except SafetensorError as error:
        raise FormatError(f"{path}: not the scores of a report: {error}") from error

"""Kendall's rank correlation: how well one quantity orders what another one orders."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

Signs = NDArray[np.int64]


def kendall_tau(x: ArrayLike, y: ArrayLike) -> float:
    """Return tau-b of two sequences of equal length; NaN where one of them is constant. O(n²) in time and memory."""
    return tau_of_signs(pair_signs(x), pair_signs(y))


def pair_signs(values: ArrayLike) -> Signs:
    """Return for every pair ``i < j``, in the order of :func:`pairs`, −1, 0 or 1: the sign of value ``i`` − ``j``."""
    values = np.asarray(values, dtype=np.float64)
    i, j = pairs(len(values))
    return np.asarray(np.sign(values[i] - values[j]), dtype=np.int64)


def pairs(n: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the pairs ``i < j`` of ``0 … n − 1``, as two arrays."""
    i, j = np.triu_indices(n, k=1)
    return i, j


def tau_of_signs(x: Signs, y: Signs) -> float:
    """Return tau-b of two orders that are given by pairs: concordant minus discordant ones, over the geometric mean of
    the numbers of pairs that each of them does not tie (Kendall, Biometrika 1945)."""
    untied = np.count_nonzero(x) * np.count_nonzero(y)
    return float(x @ y) / float(np.sqrt(untied)) if untied else float("nan")


def agreement(losses: Sequence[float], scores: Sequence[float]) -> float:
    """Return tau-b between low losses and high scores: 1 where the lower loss always has the higher score."""
    return kendall_tau(-np.asarray(losses), scores)

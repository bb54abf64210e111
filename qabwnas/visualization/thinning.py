"""Fewer points of large fronts in figures, with a stated error."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

LADDER = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1)
"""Errors that are tried in this order, as shares of the range of each axis."""


class Thinned(NamedTuple):
    """Which points are shown, int64 ascending, and the error ε; 0 if all are shown."""

    points: NDArray[np.int64]
    epsilon: float

    def statement(self, n_all: int) -> str:
        """Return the sentence that states the error; empty if all points are shown."""
        if self.epsilon == 0:
            return ""
        return (
            f"{len(self.points):,} of {n_all:,} points: all others lie within ε = {self.epsilon:.2%} of each axis "
            "range from a shown one"
        )


def thinned(columns: NDArray[np.float64], max_points: int) -> Thinned:
    """Return at most ``max_points`` of the points ``(n_points, n_axes)`` with the smallest ε of :data:`LADDER`.

    The space is divided into boxes whose sides are ε times the range of each axis. The first point of each box is
    shown. If even the largest ε leaves too many boxes, ε is doubled until they are few enough. O(n log n) for each ε.
    """
    n_points = len(columns)
    if n_points <= max_points:
        return Thinned(np.arange(n_points), 0.0)
    low = columns.min(axis=0)
    spans = columns.max(axis=0) - low
    shares = (columns - low) / np.where(spans > 0, spans, 1.0)
    for epsilon in LADDER:
        if len(points := _first_of_boxes(shares, epsilon)) <= max_points:
            return Thinned(points, epsilon)
    epsilon = LADDER[-1]
    while len(points) > max_points and epsilon < 1:
        epsilon = min(2 * epsilon, 1.0)
        points = _first_of_boxes(shares, epsilon)
    return Thinned(points[:max_points] if epsilon == 1 else points, epsilon)


def _first_of_boxes(shares: NDArray[np.float64], epsilon: float) -> NDArray[np.int64]:
    boxes = np.minimum(np.floor(shares / epsilon), np.ceil(1 / epsilon) - 1).astype(np.int64)
    numbers = np.ravel_multi_index(tuple(boxes.T), (int(boxes.max()) + 1,) * boxes.shape[1])
    return np.sort(np.unique(numbers, return_index=True)[1])

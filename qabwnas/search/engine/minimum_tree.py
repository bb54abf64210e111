"""The index of a front for queries with several budgets; ``csrc/query/first_fit.hpp`` says how it is walked."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

FANOUT = 16
"""Children a node; the kernels' figure too."""


@dataclass(frozen=True, eq=False)
class MinimumTree:
    """Minima of 16 points each, of 16 such nodes each, …, until 16 or fewer are left.

    Attributes:
        points: int64 ``(n_metrics, n_points)``, contiguous.
        minima: int64 ``(n_metrics, n_minima)``, level after level.
    """

    points: NDArray[np.int64] = field(repr=False)
    minima: NDArray[np.int64] = field(repr=False)

    @classmethod
    def over(cls, points: NDArray[np.int64]) -> MinimumTree:
        """Build the tree over ``points`` ``(n_metrics, n_points)``, which are not copied; O(points × metrics)."""
        levels = [points]
        while levels[-1].shape[1] > FANOUT:
            starts = np.arange(0, levels[-1].shape[1], FANOUT)
            levels.append(np.minimum.reduceat(levels[-1], starts, axis=1))
        return cls(points, np.concatenate([points[:, :0], *levels[1:]], axis=1))

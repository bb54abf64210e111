"""The index of a front for queries with several budgets; ``csrc/query/first_fit.hpp`` describes the search in it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from qabwnas.io.numeric import WholeNumber, whole_number
from qabwnas.search.engine.backend import Backend

FANOUT = 16
"""Children per node; the kernels use the same number."""

_MAX_THREADS = 1024


@dataclass(frozen=True, eq=False)
class MinimumTree:
    """Minima over 16 points each, then over 16 such nodes each, …, until a level has 16 nodes or fewer.

    Attributes:
        points: int64 ``(n_metrics, n_points)``, contiguous.
        minima: int64 ``(n_metrics, n_minima)``, level by level.
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

    def first_within(
        self, metrics: Sequence[int], budgets: NDArray[np.int64], kernels: Backend, threads: WholeNumber | None
    ) -> NDArray[np.int64]:
        """Return the first point within each row of ``budgets`` ``(n, len(metrics))``, or −1.

        ``metrics`` are rows of :attr:`points`. ``threads`` is the largest number of threads, by default one per core.

        Complexity: about log points per row if the metrics agree, all points in the worst case.
        """
        n_threads = usable_cores() if threads is None else min(whole_number("threads", threads), _MAX_THREADS)
        return kernels.first_fit(self.points, self.minima, list(metrics), np.ascontiguousarray(budgets), n_threads)


def usable_cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):  # missing on macOS and Windows
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1

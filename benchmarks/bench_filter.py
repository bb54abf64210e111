"""Non-dominated filtering of one large set of points, against moocore; paretoset and numpy on smaller sets.

    python benchmarks/bench_filter.py [--full] [--json RESULTS.json]

Points lie in a thin shell of a sphere, so that fronts are large: about 13,000 of a million points for two metrics,
90,000 for three, 208,000 for four. Every method gets the same integers in its own layout, prepared beforehand: int64 by
metric here, float64 by point for the peers.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import moocore
import numpy as np
import timing
from paretoset import paretoset
from timing import Row, race

THICKNESS = {2: 0.0045, 3: 0.026, 4: 0.0555}
LARGEST = 10**9


def shell(n_metrics: int, n_points: int, seed: int = 1) -> np.ndarray:
    """Return int64 ``(n_metrics, n_points)``."""
    generator = np.random.default_rng(seed)
    directions = generator.random((n_metrics, n_points))
    directions /= np.linalg.norm(directions, axis=0)
    radius = 1 - THICKNESS[n_metrics] * generator.random(n_points)
    return ((1 - directions * radius) * LARGEST).astype(np.int64)


def by_numpy(points: np.ndarray) -> np.ndarray:
    """The usual loop: take the point with the smallest sum, and drop all points that it dominates."""
    order = np.lexsort((*points.T, points.sum(axis=1)))
    kept = []
    while order.size:
        first, order = order[0], order[1:]
        kept.append(first)
        order = order[(points[order] < points[first]).any(axis=1)]
    return np.sort(np.array(kept))


def bench_filter(
    n_metrics: int, n_points: int, at_least: float | None, peers: dict[str, Callable[[np.ndarray], np.ndarray]]
) -> Row:
    values = shell(n_metrics, n_points)
    points = np.ascontiguousarray(values.T, dtype=np.float64)
    is_max = np.zeros(n_metrics, dtype=np.uint8)
    calls: dict[str, Callable[[], Any]] = {}
    for name, kernels in timing.backends().items():
        calls[name] = partial(kernels.prune, values, is_max, 1)
    for name, peer in peers.items():
        peer(points[:100])  # paretoset compiles
        calls[name] = partial(peer, points)
    sizes = set()

    def check(answers: dict[str, Any]) -> None:
        fronts = [np.unique(points[rows], axis=0) for rows in answers.values()]
        assert all(np.array_equal(front, fronts[0]) for front in fronts)
        assert np.array_equal(answers["cpp"], answers["numba"])
        sizes.add(len(answers["cpp"]))

    seconds = race(calls, check)
    return Row(f"filter, {n_points:,} points, {n_metrics}-D", seconds, f"{sizes.pop():,} kept", at_least)


def by_moocore(points: np.ndarray) -> np.ndarray:
    return np.flatnonzero(moocore.is_nondominated(points))


def by_paretoset(points: np.ndarray) -> np.ndarray:
    return np.flatnonzero(paretoset(points))


def rows(full: bool) -> Iterator[Row]:
    yield bench_filter(2, 10**6, 50, {"moocore": by_moocore})
    yield bench_filter(3, 10**6, 8, {"moocore": by_moocore})
    yield bench_filter(4, 10**6, 8, {"moocore": by_moocore})
    yield bench_filter(2, 10**7, 60, {"moocore": by_moocore})
    everyone = {"moocore": by_moocore, "paretoset": by_paretoset, "numpy": by_numpy}
    for n_metrics in (2, 3, 4):
        yield bench_filter(n_metrics, 10**5 if full else 10**4, None, everyone)


if __name__ == "__main__":
    timing.run(rows, __doc__)

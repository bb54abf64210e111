"""A front inside a page: exact totals as typed arrays, so that the page answers budgets as a search does.

The totals are whole units of decimal grids. JavaScript compares them exactly: as doubles while all of them are at most
2^53, as BigInt otherwise.
"""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qabwnas.lut.lut import Lut
from qabwnas.search.frontier import Frontier
from qabwnas.visualization.axes import MetricAxis
from qabwnas.visualization.front_points import PointTexts

MAX_POINTS = 200_000
LADDER = (0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
EXACT_IN_DOUBLES = 2**53


def embedded_front(front: Frontier, lut: Lut, max_points: int = MAX_POINTS) -> dict[str, Any]:
    """Return a front as JSON values; the page's script reads them.

    ``tie_order`` are the metrics in the order in which a search with a budget on every one of them compares totals: the
    objective, then the order of the LUT. ``epsilon`` is 0 unless the front has more than ``max_points`` points.
    """
    points, epsilon = kept_points(front.units, max_points)
    units = front.units[points]
    texts = PointTexts(front, points)
    names = list(front.metric_names)
    in_lut = [name for name in lut.metric_names if name in names[1:]]
    return {
        "n_points": len(points),
        "n_all": len(front),
        "epsilon": epsilon,
        "numbers": _encoded(points),
        "metrics": [
            {
                "name": metric.name,
                "unit": metric.unit,
                "title": (axis := MetricAxis.of(metric.name, front.values(metric.name), metric.unit)).title,
                "factor": axis.factor,
                "decimals": grid.decimals,
                "units": _encoded(units[:, m]),
            }
            for m, (metric, grid) in enumerate(zip(front.metrics, front.grids, strict=True))
        ],
        "tie_order": [0, *(names.index(name) for name in in_lut)],
        "blocks": [
            {
                "name": block,
                "candidates": np.unique(texts.candidates[:, b]).tolist(),
                "texts": list(texts.of_block(b)[0]),
                "which": _encoded(texts.of_block(b)[1]),
            }
            for b, block in enumerate(front.block_names)
        ],
    }


def kept_points(units: NDArray[np.int64], max_points: int) -> tuple[NDArray[np.int64], float]:
    """Return which points ``(n, n_metrics)`` are kept, ascending, and ε; at most ``max_points`` if some ε allows it.

    For all budgets on the metrics but the first, the objective of the best kept point is at most 1 + ε times the best
    (the guarantee of :class:`.FrontRegion`). Objectives are divided into intervals of a ratio of 1 + ε; in each, only
    points that no other one dominates in the other metrics are kept. Fronts with an objective of 0 or less are not
    thinned. O(n log n) for each ε with up to three metrics, O(n²) within an interval for more.
    """
    every = np.arange(len(units))
    if len(units) <= max_points or units[:, 0].min() <= 0:
        return every, 0.0
    logarithms = np.log(units[:, 0].astype(np.float64))
    for epsilon in LADDER:
        # Slightly narrower intervals, by more than the errors of the logarithms.
        intervals = np.floor((logarithms - logarithms[0]) / (np.log1p(epsilon) * (1 - 1e-9))).astype(np.int64)
        kept = _undominated(intervals, units[:, 1:])
        if len(kept) <= max_points:
            break
    return kept, epsilon


def _undominated(intervals: NDArray[np.int64], others: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the points that no other one of their interval dominates; of equal ones the first."""
    if others.shape[1] == 1:
        order = np.lexsort((others[:, 0], intervals))
        return np.sort(order[np.append(True, np.diff(intervals[order]) != 0)])
    kept = []
    for interval in np.split(np.arange(len(intervals)), np.flatnonzero(np.diff(intervals)) + 1):
        values = others[interval]
        order = np.lexsort((interval, *values.T[::-1]))
        if others.shape[1] == 2:
            second = values[order, 1]
            least = np.minimum.accumulate(second)
            kept.append(interval[order[np.append(True, second[1:] < least[:-1])]])
            continue
        found: list[int] = []
        for row in order.tolist():
            if not found or not (values[found] <= values[row]).all(axis=1).any():
                found.append(row)
        kept.append(interval[found])
    return np.sort(np.concatenate(kept))


def _encoded(values: NDArray[Any]) -> dict[str, str]:
    """Return whole numbers in base64, little-endian, in the smallest type that JavaScript compares exactly."""
    low, high = int(values.min(initial=0)), int(values.max(initial=0))
    if low >= 0 and high < 2**16:
        kind, array = "uint16", values.astype("<u2")
    elif low >= 0 and high < 2**32:
        kind, array = "uint32", values.astype("<u4")
    elif low >= -EXACT_IN_DOUBLES and high <= EXACT_IN_DOUBLES:
        kind, array = "float64", values.astype("<f8")
    else:
        kind, array = "int64", values.astype("<i8")
    return {"type": kind, "base64": base64.b64encode(array.tobytes()).decode("ascii")}

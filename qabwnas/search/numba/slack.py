"""Thinning a front: ``csrc/front/front.hpp``, slack."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qabwnas.search.numba.compiled import compiled
from qabwnas.search.numba.interrupts import give_turn

_STEPS_A_SLICE = 1 << 25

Ints = NDArray[np.int64]


def thinned(points: Ints, first_tested: int, position: int, slack: float) -> NDArray[np.bool_]:
    """Return which points ``(n, d)``, in sweep order, no kept one before them is at most, with slack in one metric.

    Of minimal points this keeps the same as of all points: what is at most a point's predecessor is at most the point.
    Complexity: O(n × kept) at worst; a point is compared with the newest first.
    """
    kept = np.zeros(len(points), dtype=np.bool_)
    stored = np.empty_like(points)
    loose = points.copy()
    loose[:, position] += (points[:, position].astype(np.float64) * slack).astype(np.int64)
    at = n_stored = 0
    while at < len(points):  # Python, and so Ctrl-C, has its turn between slices
        give_turn()
        at, n_stored = _thin_slice(points, loose, first_tested, kept, stored, n_stored, at)
    return kept


@compiled
def _thin_slice(points, loose, first_tested, kept, stored, n_stored, start):  # type: ignore[no-untyped-def]
    """Go on from the given point; return where the slice ended, and how many are kept."""
    n, d = points.shape
    n_steps = 0
    for i in range(start, n):
        if n_steps > _STEPS_A_SLICE:
            return i, n_stored
        at = n_stored - 1
        while at >= 0:
            m = first_tested
            while m < d and stored[at, m] <= loose[i, m]:
                m += 1
            if m == d:
                break
            at -= 1
        n_steps += n_stored - at
        if at >= 0:
            continue
        kept[i] = True
        for m in range(d):
            stored[n_stored, m] = points[i, m]
        n_stored += 1
    return n, n_stored

"""The first point of a front within budgets: ``csrc/qabwnas/first_fit.hpp``."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

_FANOUT = 16


def first_fit(nodes: NDArray[np.int64], starts: NDArray[np.int64], budgets: NDArray[np.int64]) -> NDArray[np.int64]:
    found: NDArray[np.int64] = _first_fits(nodes, starts, budgets)
    return found


@njit(cache=True, nogil=True)
def _first_fits(nodes, starts, budgets):  # type: ignore[no-untyped-def]
    found = np.empty(budgets.shape[0], dtype=np.int64)
    top = starts.size - 2
    for q in range(budgets.shape[0]):
        found[q] = -1
        level, at = top, 0
        while at < starts[level + 1] - starts[level]:
            fits = True
            for m in range(nodes.shape[0]):
                fits &= nodes[m, starts[level] + at] <= budgets[q, m]
            if fits and level == 0:
                found[q] = at
                break
            if fits:
                level -= 1
                at *= _FANOUT
                continue
            at += 1
            while level < top and at % _FANOUT == 0:
                at //= _FANOUT
                level += 1
    return found

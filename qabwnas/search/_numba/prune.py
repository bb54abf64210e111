"""Pareto pruning of one block: ``csrc/qabwnas/prune.hpp``."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qabwnas.search._numba.sweep import kept_of_sorted, sweep_order


def prune(values: NDArray[np.int64], is_max: NDArray[np.uint8], k: int) -> NDArray[np.int64]:
    order, n_sums = sweep_order(is_max)
    rows = np.arange(values.shape[1])
    rows = np.lexsort((rows, *(values[m] for m in order[:n_sums][::-1])))
    kept = kept_of_sorted(values[np.ix_(order, rows)].T, n_sums, k)
    return np.sort(rows[kept])

"""Pareto pruning of one block: ``csrc/qabwnas/prune.hpp``."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qabwnas.search._numba.prefilter import prefilter
from qabwnas.search._numba.sweep import sweep_order, swept
from qabwnas.search._numba.ties import Candidates


def prune(values: NDArray[np.int64], is_max: NDArray[np.uint8], k: int) -> NDArray[np.int64]:
    order, n_sums = sweep_order(is_max)
    columns = values[order] if 0 < n_sums < order.size else values
    rows = prefilter(columns, n_sums, k)
    kept = swept(np.ascontiguousarray(columns[:, rows]), n_sums, k, Candidates.of_rows(rows, values.shape[1]))
    return np.sort(rows[kept])

"""Pareto pruning of one block: ``csrc/pareto/prune.hpp``."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qabwnas.search.numba.prefilter import prefilter
from qabwnas.search.numba.sweep import sweep_order, swept
from qabwnas.search.numba.ties import Candidates


def prune(values: NDArray[np.int64], is_max: NDArray[np.uint8], k: int) -> NDArray[np.int64]:
    order, n_sums = sweep_order(is_max)
    n = values.shape[1]
    columns = values[order] if 0 < n_sums < order.size else values
    if n_sums == 0:  # only its number puts a row before another then: it stands in for a sum
        columns, n_sums = np.concatenate([np.arange(n)[np.newaxis], values]), 1
    rows = prefilter(columns, k)
    candidates = Candidates.chosen(rows.astype(np.int32)[:, np.newaxis])
    kept = swept(np.ascontiguousarray(columns[:, rows]), n_sums, k, candidates)
    return np.sort(rows[kept])

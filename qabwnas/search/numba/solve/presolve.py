"""The rows that a direct search works on: within the budgets, and pruned. ``csrc/solve/presolve.hpp``."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qabwnas.search.numba.core.problem import UNLIMITED
from qabwnas.search.numba.pareto.prune import prune_blocks

Ints = NDArray[np.int64]
Bytes = NDArray[np.uint8]


class Problem(NamedTuple):
    """The instance (``csrc/core/problem.hpp``) and its budgets."""

    values: Ints  # (n_metrics, n_rows)
    offsets: Ints  # (n_blocks + 1,): where the rows of each block begin
    is_max: Bytes  # (n_metrics,)
    origin: Ints  # (n_metrics,)
    budgets: Ints  # (n_metrics,)

    def budgeted_sums(self) -> Ints:
        """Return the summed metrics with a budget, other than the objective."""
        return 1 + np.flatnonzero((self.is_max[1:] == 0) & (self.budgets[1:] != UNLIMITED))


class PrunedBlocks(NamedTuple):
    """The remaining rows of all blocks, in block order."""

    offsets: Ints  # (n_blocks + 1,): where the rows of each block begin
    values: Ints  # (n_rows, n_metrics)
    candidates: NDArray[np.int32]  # (n_rows,)

    @classmethod
    def marked(cls, problem: Problem, mask: Bytes) -> PrunedBlocks:
        """Return the rows in ``mask``."""
        rows = np.flatnonzero(mask.view(np.bool_))  # of bools it is faster
        ends = np.searchsorted(rows, problem.offsets)
        candidates = rows - np.repeat(problem.offsets[:-1], np.diff(ends))
        return cls(ends, np.ascontiguousarray(problem.values[:, rows].T), candidates.astype(np.int32))


def prune_subsets(problem: Problem, mask: Bytes, k: int) -> PrunedBlocks:
    """Return the rows in ``mask``, each block pruned to its k-skyband."""
    kept = prune_blocks(problem.values, problem.offsets, problem.is_max, mask, k)
    return PrunedBlocks.marked(problem, kept)


def presolve(problem: Problem) -> Bytes | None:
    """Mark the rows that some choice of the other blocks keeps within each budget; ``None`` if a block has none."""
    values, offsets, is_max, origin, budgets = problem
    mask = np.ones(values.shape[1], dtype=np.uint8)
    for m in np.flatnonzero(budgets != UNLIMITED):
        least = np.minimum.reduceat(values[m], offsets[:-1])
        least_total = max(origin[m], least.max()) if is_max[m] else origin[m] + least.sum()
        if least_total > budgets[m]:
            return None
        limits = budgets[m] if is_max[m] else np.repeat(budgets[m] - least_total + least, np.diff(offsets))
        mask &= values[m] <= limits
    return mask if np.add.reduceat(mask, offsets[:-1], dtype=np.int64).all() else None

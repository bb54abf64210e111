"""The rows that a direct search goes through: those that fit some subnet, pruned."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qabwnas.search.numba.compiled import compiled, inner
from qabwnas.search.numba.pareto.prune import prune_blocks

_UNLIMITED = 2**63 - 1

Ints = NDArray[np.int64]
Bytes = NDArray[np.uint8]


@dataclass(frozen=True)
class Rows:
    """What is left of all blocks, one behind the other."""

    offsets: Ints  # (n_blocks + 1,): where every block's rows begin
    values: Ints  # (n_rows, n_metrics)
    numbers: NDArray[np.int32]  # (n_rows,): candidates

    @classmethod
    def pruned(cls, values: Ints, offsets: Ints, is_max: Bytes, mask: Bytes, k: int) -> Rows:
        """Return those in ``mask`` of ``values`` ``(n_metrics, n)`` that fewer than ``k`` others remove."""
        rows = np.flatnonzero(prune_blocks(values, offsets, is_max, mask, k).view(np.bool_))  # of bools it is quicker
        ends = np.searchsorted(rows, offsets)
        numbers = rows - np.repeat(offsets[:-1], ends[1:] - ends[:-1])
        return cls(ends, np.ascontiguousarray(values[:, rows].T), numbers.astype(np.int32))


def usable_rows(values: Ints, offsets: Ints, is_max: Bytes, origin: Ints, budgets: Ints) -> Bytes | None:
    """Mark the rows that some choice of the other blocks keeps within every budget; ``None`` if a block has none."""
    mask = np.ones(values.shape[1], dtype=np.uint8)
    return mask if _keep_usable_within_all(values, offsets, is_max, origin, budgets, mask) else None


@compiled
def _keep_usable_within_all(values, offsets, is_max, origin, budgets, mask):  # type: ignore[no-untyped-def]
    for m in range(budgets.size):
        is_budgeted = budgets[m] != _UNLIMITED
        if is_budgeted and not _keep_usable(values[m], offsets, is_max[m], origin[m], budgets[m], mask):
            return False
    return True


@inner
def _keep_usable(column, offsets, is_max, origin, budget, mask):  # type: ignore[no-untyped-def]
    """Unmark rows that one budget leaves no room for; False if a block has none left."""
    n_blocks, least = offsets.size - 1, origin  # of all totals
    smallest = np.empty(n_blocks, dtype=np.int64)
    for b in range(n_blocks):
        low = column[offsets[b]]
        for row in range(offsets[b], offsets[b + 1]):
            low = min(low, column[row])
        smallest[b] = low
        least = max(least, low) if is_max else least + low
    if least > budget:
        return False
    for b in range(n_blocks):
        room = budget if is_max else budget - least + smallest[b]
        n_left = 0
        for row in range(offsets[b], offsets[b + 1]):
            mask[row] &= column[row] <= room
            n_left += mask[row]
        if n_left == 0:
            return False
    return True

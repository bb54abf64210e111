"""The rows that a direct search goes through: those that fit some subnet, pruned."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from qabwnas.search._numba.short_blocks import prune_blocks

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
        rows = np.flatnonzero(prune_blocks(values, offsets, is_max, mask, k))
        ends = np.searchsorted(rows, offsets)
        numbers = rows - np.repeat(offsets[:-1], ends[1:] - ends[:-1])
        return cls(ends, np.ascontiguousarray(values[:, rows].T), numbers.astype(np.int32))


@njit(cache=True, nogil=True)
def usable_rows(values, offsets, is_max, origin, budgets):  # type: ignore[no-untyped-def]
    """Mark the rows that some choice of the other blocks keeps within every budget; False if a block has none."""
    mask = np.ones(values.shape[1], dtype=np.uint8)
    n_blocks = offsets.size - 1
    smallest = np.empty(n_blocks, dtype=np.int64)
    for m in range(values.shape[0]):
        if budgets[m] == _UNLIMITED:
            continue
        column, least = values[m], origin[m]  # of all totals
        for b in range(n_blocks):
            low = column[offsets[b]]
            for row in range(offsets[b], offsets[b + 1]):
                low = min(low, column[row])
            smallest[b] = low
            least = max(least, low) if is_max[m] else least + low
        if least > budgets[m]:
            return mask, False
        for b in range(n_blocks):
            room = budgets[m] if is_max[m] else budgets[m] - least + smallest[b]
            n_left = 0
            for row in range(offsets[b], offsets[b + 1]):
                mask[row] &= column[row] <= room
                n_left += mask[row]
            if n_left == 0:
                return mask, False
    return mask, True

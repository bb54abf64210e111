"""Adding blocks to a front, for any metrics: ``csrc/front/merge.hpp``.

All pairs of a point and a row are made. A table of a sample drops nearly all of them at once (``pair_table.py``). What
is left is prefiltered, sorted and swept, as soon as it is much: pairs are never all held together. The core goes slab
by slab instead.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qabwnas.search.numba.core.cancel import give_turn
from qabwnas.search.numba.front.pair_table import open_pairs, table_of_sample
from qabwnas.search.numba.pareto.prefilter import prefilter
from qabwnas.search.numba.pareto.prune import sweep
from qabwnas.search.numba.pareto.sweep_sort import sweep_sort

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Pairs = NDArray[np.int32]
CandidatesOf = Callable[[Pairs], NDArray[np.int32]]
"""Returns the candidates ``(n, n_blocks)`` of pairs ``(n, 2)`` of a point and a row."""


class MergeLimits(NamedTuple):
    """What a merge leaves out, in addition to what is not minimal."""

    high: Ints  # (d,): pairs above it
    max_points: int
    most_open: int  # about how many pairs are held together, or as many as stay


def merge(
    front: Ints, rows: Ints, is_max: Bools, limits: MergeLimits, candidates_of: CandidatesOf
) -> tuple[Ints, Pairs] | None:
    """Return totals ``(d, n)`` and pairs ``(n, 2)`` of what stays, in sweep order; ``None`` past the number of points.

    ``front`` ``(d, n_points)`` and ``rows`` ``(d, n_rows)`` are columns, metrics in sweep order. Without a sum, both
    are in the order of candidates, and the block of the rows comes after those of the points.
    """
    n_points, n_rows = front.shape[1], rows.shape[1]
    # Inner loops run along the longer side; pair numbers are point × n_rows + row.
    longer, shorter, strides = (front, rows, (n_rows, 1)) if n_points >= n_rows else (rows, front, (1, n_rows))
    lowest = table_of_sample(longer, shorter, is_max)
    at_once = max(1, limits.most_open // shorter.shape[1])
    totals, pairs = np.empty((len(front), 0), np.int64), np.empty(0, np.int64)
    waiting = [(totals, pairs)]
    n_waiting = 0
    for first in range(0, longer.shape[1], at_once):
        give_turn()
        last = min(first + at_once, longer.shape[1])
        waiting.append(open_pairs(longer, shorter, is_max, limits.high, first, last, lowest, strides))
        n_waiting += waiting[-1][1].size
        if last < longer.shape[1] and n_waiting < max(pairs.size, limits.most_open):
            continue
        totals, pairs = (np.concatenate(arrays, axis=-1) for arrays in zip(*waiting, strict=True))
        kept = _minimal(totals, pairs, n_rows, int((~is_max).sum()), candidates_of)
        totals, pairs = totals.take(kept, axis=1), pairs[kept]
        waiting, n_waiting = [(totals, pairs)], 0
        if pairs.size > limits.max_points:
            return None
    return totals, _pairs_of(pairs, n_rows)


def thinned(totals: Ints, is_max: Bools, slack_metric: int, slack: float) -> NDArray[np.bool_]:
    """Return which minimal points ``(d, n)``, in sweep order, stay with slack in one metric, given by its position.

    A point goes if a kept one before it is at most 1 + slack times it in this metric, and at most it in all others. Of
    minimal points this keeps the same as of all points: what is at most a point's predecessor is at most the point.
    """
    loose = totals.copy()
    loose[slack_metric] += (totals[slack_metric].astype(np.float64) * slack).astype(np.int64)
    return sweep(totals.T, first_tested=int(not is_max[0]), loose=loose.T)


def _minimal(totals: Ints, pairs: Ints, n_rows: int, n_sums: int, candidates_of: CandidatesOf) -> Ints:
    """Return the positions of the pairs that no other removes, in sweep order."""
    # Without a sum only candidates put a pair before another: pair numbers then follow the order of candidates.
    columns = totals if n_sums > 0 else np.concatenate([pairs[np.newaxis], totals])
    rest = prefilter(columns, 1)
    sums = columns[: max(n_sums, 1)].take(rest, axis=1)
    order = rest[sweep_sort(sums, lambda at: candidates_of(_pairs_of(pairs[rest[at]], n_rows)))]
    kept: Ints = order[sweep(columns.take(order, axis=1).T)]
    return kept


def _pairs_of(numbers: Ints, n_rows: int) -> Pairs:
    return np.column_stack([numbers // n_rows, numbers % n_rows]).astype(np.int32)

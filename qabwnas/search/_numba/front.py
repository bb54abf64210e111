"""The exact front: ``csrc/qabwnas/front.hpp``, by sorting instead of merging.

Blocks are combined in their own order. Sums of the front so far with a block's rows are made in chunks of a million,
each joined with what is kept, sorted and swept. The lexicographic rank of every partial subnet's candidates is carried
along, so that ties are broken without walking back.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from qabwnas.search._numba.prune import prune
from qabwnas.search._numba.sweep import kept_of_sorted, sweep_order

_PAIRS_AT_ONCE = 1 << 20
_COMPLETE, _LIMIT = 0, 3

Ints = NDArray[np.int64]


def front(
    values: Ints, offsets: Ints, is_max: NDArray[np.uint8], origin: Ints, max_points: int
) -> tuple[int, Ints, NDArray[np.int32], int]:
    order, n_sums = sweep_order(is_max)
    aggregate_max = is_max[order].astype(np.bool_)
    totals = origin[order][np.newaxis, :]
    choice = np.empty((1, 0), dtype=np.int32)
    n_pairs = 0
    for first, last in pairwise(offsets):
        block = np.ascontiguousarray(values[:, first:last])
        rows = prune(block, is_max, 1)
        n_pairs += len(totals) * rows.size
        block_values = block[np.ix_(order, rows)].T
        combined = _combine(totals, block_values, aggregate_max, n_sums, max_points)
        if combined is None:
            return _LIMIT, np.empty((0, is_max.size), np.int64), np.empty((0, offsets.size - 1), np.int32), n_pairs
        totals, pairs = combined
        parents, chosen = np.divmod(pairs, rows.size)
        choice = np.column_stack([choice[parents], rows[chosen].astype(np.int32)])
        # Candidate order is the order of pairs in the next step: partial subnets are kept sorted by it.
        by_candidates = np.argsort(pairs)
        totals, choice = totals[by_candidates], choice[by_candidates]
    in_metric_order = np.empty_like(totals)
    in_metric_order[:, order] = totals
    answers = np.lexsort((np.arange(len(totals)), *in_metric_order.T[::-1]))
    in_metric_order, choice = np.ascontiguousarray(in_metric_order[answers]), np.ascontiguousarray(choice[answers])
    if n_sums < order.size:
        # Sweeps keep more where maxima tie; in the order of answers, dominance is all that counts.
        kept = kept_of_sorted(in_metric_order, in_metric_order.shape[1], 1)
        in_metric_order, choice = in_metric_order[kept], choice[kept]
    return _COMPLETE, in_metric_order, choice, n_pairs


def _combine(
    totals: Ints, rows: Ints, aggregate_max: NDArray[np.bool_], n_sums: int, max_points: int
) -> tuple[Ints, Ints] | None:
    """Return totals and pair numbers (point × n_rows + row) of what stays, in sweep order; ``None`` past the limit."""
    kept_totals = np.empty((0, totals.shape[1]), dtype=np.int64)
    kept_pairs = np.empty(0, dtype=np.int64)
    points_at_once = max(1, _PAIRS_AT_ONCE // len(rows))
    for start in range(0, len(totals), points_at_once):
        part = totals[start : start + points_at_once, np.newaxis, :]
        sums = np.where(aggregate_max, np.maximum(part, rows), part + np.where(aggregate_max, 0, rows))
        sums = np.concatenate([kept_totals, sums.reshape(-1, totals.shape[1])])
        first_pair = start * len(rows)
        pairs = np.concatenate([kept_pairs, np.arange(first_pair, first_pair + part.shape[0] * len(rows))])
        # Pair numbers are in candidate order, because the points are.
        swept = np.lexsort((pairs, *sums[:, :n_sums].T[::-1]))
        sums, pairs = sums[swept], pairs[swept]
        kept = kept_of_sorted(sums, n_sums, 1)
        kept_totals, kept_pairs = sums[kept], pairs[kept]
        if len(kept_pairs) > max_points:
            return None
    return kept_totals, kept_pairs

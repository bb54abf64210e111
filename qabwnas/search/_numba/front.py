"""The exact front: ``csrc/qabwnas/front.hpp``, by filtering and sorting instead of merging."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from qabwnas.search._numba.combine import combine
from qabwnas.search._numba.prune import prune
from qabwnas.search._numba.sweep import kept_of_sorted, sweep_order
from qabwnas.search._numba.ties import Candidates, in_sweep_order

_COMPLETE, _LIMIT = 0, 3

Ints = NDArray[np.int64]


def front(
    values: Ints, offsets: Ints, is_max: NDArray[np.uint8], origin: Ints, max_points: int
) -> tuple[int, Ints, NDArray[np.int32], int]:
    order, n_sums = sweep_order(is_max)
    aggregate_max = is_max[order].astype(np.bool_)
    blocks = [np.ascontiguousarray(values[:, first:last]) for first, last in pairwise(offsets)]
    pruned = [prune(block, is_max, 1) for block in blocks]
    totals = origin[order][:, np.newaxis]
    choice = np.zeros((1, len(blocks)), dtype=np.int32)
    n_pairs = 0
    # Without a sum to sort by, partial subnets are sorted by candidates, which asks for blocks in order.
    fewest_first = np.argsort([rows.size for rows in pruned] if n_sums > 0 else np.zeros(len(pruned)), kind="stable")
    for b in fewest_first.tolist():
        rows = pruned[b]
        n_pairs += len(choice) * rows.size
        combined = combine(totals, choice, blocks[b][order[:, np.newaxis], rows], b, aggregate_max, max_points)
        if combined is None:
            return _LIMIT, np.empty((0, is_max.size), np.int64), np.empty((0, len(blocks)), np.int32), n_pairs
        totals, pairs = combined
        parents, chosen = np.divmod(pairs, rows.size)
        choice = choice[parents]
        choice[:, b] = rows[chosen]
    if n_sums < order.size:
        totals, choice = _answers(totals, order, choice)
    return _COMPLETE, np.ascontiguousarray(totals.T), choice, n_pairs


def _answers(totals: Ints, order: Ints, choice: NDArray[np.int32]) -> tuple[Ints, NDArray[np.int32]]:
    """Return the points ``(d, n)`` in the order of answers, metrics in theirs, without what is dominated.

    Sweeps keep more than that where maxima tie; in the order of answers, dominance is all that counts.
    """
    in_metric_order = np.empty_like(totals)
    in_metric_order[order] = totals
    answers = in_sweep_order(in_metric_order, order.size, Candidates.chosen(choice))
    kept = answers[kept_of_sorted(in_metric_order[:, answers].T, order.size, 1)]
    return in_metric_order[:, kept], choice[kept]

"""The exact front: ``csrc/qabwnas/front.hpp``, by filtering and sorting instead of merging."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from qabwnas.search._numba.combine import combine
from qabwnas.search._numba.prune import prune
from qabwnas.search._numba.slack import thinned
from qabwnas.search._numba.sweep import kept_of_sorted, sweep_order
from qabwnas.search._numba.ties import Candidates, in_sweep_order

_COMPLETE, _INFEASIBLE, _, _LIMIT = range(4)
_LARGEST_TOTAL = 2**62

Ints = NDArray[np.int64]


def front(
    values: Ints,
    offsets: Ints,
    is_max: NDArray[np.uint8],
    origin: Ints,
    high: Ints,
    slack: float,
    max_bytes: int,
) -> tuple[int, Ints, NDArray[np.int32], int, int, int]:
    order, n_sums = sweep_order(is_max)
    if slack > 0:  # the objective comes last of its kind
        kind = slice(0, n_sums) if is_max[0] == 0 else slice(n_sums, None)
        order[kind] = np.roll(order[kind], -1)
    aggregate_max = is_max[order].astype(np.bool_)
    blocks = [np.ascontiguousarray(values[:, first:last]) for first, last in pairwise(offsets)]
    pruned = [prune(block, is_max, 1) for block in blocks]
    totals = origin[order][:, np.newaxis]
    choice = np.zeros((1, len(blocks)), dtype=np.int32)
    status, n_combined, n_pairs = _COMPLETE, 0, 0
    # Without a sum to sort by, partial subnets are sorted by candidates, which asks for blocks in order.
    fewest_first = np.argsort([rows.size for rows in pruned] if n_sums > 0 else np.zeros(len(pruned)), kind="stable")
    bounds = _bounds([blocks[b][order].min(axis=1) for b in fewest_first.tolist()], high[order], n_sums)
    for b, bound in zip(fewest_first.tolist(), bounds, strict=True):
        rows = pruned[b]
        n_pairs += len(choice) * rows.size
        max_points = (max_bytes - totals.nbytes - choice.nbytes) // (32 * len(order) + 32 + 4 * len(blocks))
        columns = blocks[b][order[:, np.newaxis], rows]
        combined = combine(totals, choice, columns, b, aggregate_max, bound, max_points)
        n_combined += 1
        if combined is None:
            status = _LIMIT
            break
        totals, pairs = combined
        parents, chosen = np.divmod(pairs, rows.size)
        if slack > 0:
            kept = thinned(totals.T.copy(), int(n_sums > 0), order.tolist().index(0), slack)
            totals, parents, chosen = totals[:, kept].copy(), parents[kept], chosen[kept]
        choice = choice[parents]
        choice[:, b] = rows[chosen]
        if len(choice) == 0:
            status = _INFEASIBLE
            break
    n_points = len(choice)
    if status != _COMPLETE:
        totals, choice = totals[:, :0], choice[:0]
    elif slack > 0 or n_sums < order.size:
        totals, choice = _answers(totals, order, choice)
        n_points = len(choice)
    return status, np.ascontiguousarray(totals.T), choice, n_combined, n_points, n_pairs


def _bounds(least: list[Ints], high: Ints, n_sums: int) -> list[Ints]:
    """Return upper bounds once each block is added, given every block's least values in the order of adding.

    They are those on subnets, less the least that the blocks still to come add.
    """
    bounded = high < _LARGEST_TOTAL
    bound = np.clip(high, -_LARGEST_TOTAL, _LARGEST_TOTAL)
    bounds = []
    for values in reversed(least):
        bounds.append(np.where(bounded, bound, _LARGEST_TOTAL))
        bound = bound - np.where(np.arange(high.size) < n_sums, values, 0)
    return bounds[::-1]


def _answers(totals: Ints, order: Ints, choice: NDArray[np.int32]) -> tuple[Ints, NDArray[np.int32]]:
    """Return the points ``(d, n)`` in the order of answers, metrics in theirs, without what is dominated.

    Sweeps keep more than that where maxima tie; in the order of answers, dominance is all that counts.
    """
    in_metric_order = np.empty_like(totals)
    in_metric_order[order] = totals
    answers = in_sweep_order(in_metric_order, order.size, Candidates.chosen(choice))
    kept = answers[kept_of_sorted(in_metric_order[:, answers].T, order.size, 1)]
    return in_metric_order[:, kept], choice[kept]

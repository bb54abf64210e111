"""The exact front: ``csrc/front/front.hpp``."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from qabwnas.search.numba.core.problem import COMPLETE, INFEASIBLE, LARGEST_TOTAL, LIMIT, UNLIMITED
from qabwnas.search.numba.front.back_pointers import Level, write_choice
from qabwnas.search.numba.front.combine import JoinedBlocks, PartialFront
from qabwnas.search.numba.pareto.prune import first_metric_last, prune_blocks, sweep, sweep_order
from qabwnas.search.numba.pareto.sweep_sort import sweep_sort

_ENOUGH_TOTALS = 1 << 16
_MOST_JOINED_PAIRS = 150

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


def front(
    values: Ints,
    offsets: Ints,
    is_max: NDArray[np.uint8],
    origin: Ints,
    high: Ints,
    slack: float,
    max_bytes: int,
) -> tuple[int, Ints, list[Level], int, int, int]:
    n_metrics, longest = len(values), int(np.diff(offsets).max())
    # Pruning copies the longest block, in several forms, and what stays.
    if 8 * n_metrics * (3 * longest + 2 * values.shape[1]) > max_bytes:
        return LIMIT, np.empty((0, n_metrics), np.int64), [], 0, 0, 0
    rows = _prune_blocks(values, offsets, is_max)
    order, n_sums = _sweep_order(values, rows, is_max, slack)
    is_max_in_order = is_max[order].astype(np.bool_)
    all_joined = [
        JoinedBlocks.of_block(b, own - offsets[b], values[order[:, np.newaxis], own], n_sums)
        for b, own in enumerate(rows)
    ]
    if n_sums > 0:  # without a sum, points are sorted by candidates, which needs blocks in order
        all_joined.sort(key=lambda joined: joined.n_rows)
        if slack == 0:
            all_joined = _join_blocks(all_joined, is_max_in_order)
    bounds = _bounds([joined.columns.min(axis=1) for joined in all_joined], high[order], n_sums)
    found = PartialFront(origin[order][:, np.newaxis], is_max_in_order)
    status = COMPLETE
    for joined, bound in zip(all_joined, bounds, strict=True):
        if not found.add(joined, bound, max_bytes, slack, order.tolist().index(0)):
            status = LIMIT
            break
        if found.n_points == 0:
            status = INFEASIBLE
            break
    n_points, totals, levels = found.n_points, found.totals[:, :0], list[Level]()
    if status == COMPLETE:
        is_in_order = slack == 0 and bool((order == np.arange(order.size)).all()) and n_sums == order.size
        # To sort copies the totals and their tested coordinates, and writes all candidates.
        needed = 0 if is_in_order else n_points * (8 * 5 * order.size + 8 * found.n_blocks + 64)
        if found.nbytes + needed > max_bytes:
            return LIMIT, totals.T.copy(), [], found.n_blocks, n_points, found.n_pairs
        totals, levels = found.totals, found.levels
        if not is_in_order:
            totals, levels = _answers(totals, order, levels)
            n_points = totals.shape[1]
    return status, np.ascontiguousarray(totals.T), levels, found.n_blocks, n_points, found.n_pairs


def _prune_blocks(values: Ints, offsets: Ints, is_max: NDArray[np.uint8]) -> list[Ints]:
    """Return the minimal rows of each block, as columns of ``values``."""
    kept = prune_blocks(values, offsets, is_max, np.ones(values.shape[1], np.uint8), 1)
    return [first + np.flatnonzero(kept[first:last].view(np.bool_)) for first, last in pairwise(offsets)]


def _sweep_order(values: Ints, rows: list[Ints], is_max: NDArray[np.uint8], slack: float) -> tuple[Ints, int]:
    """Return the metrics with sums before maxima, sums with few totals after the others, and the number of sums.

    Their order makes no difference to what stays. With slack the objective comes last of its kind.
    """
    order, n_sums = sweep_order(is_max) if slack == 0 else first_metric_last(is_max)
    n_leading = n_sums - (1 if slack > 0 and is_max[0] == 0 else 0)
    if order.size < 3 or n_leading < 2:
        return order, n_sums
    n_totals = [min(_ENOUGH_TOTALS, _n_totals_of(values[m], rows)) for m in order[:n_leading]]
    order[:n_leading] = order[np.argsort(-np.array(n_totals), kind="stable")]
    return order, n_sums


def _n_totals_of(column: Ints, rows: list[Ints]) -> float:
    """Return about how many totals a sum can have: choices of different values, or what fits into their range."""
    n_choices, total_range, unit = 1.0, 0.0, 0
    for own in rows:
        different = np.unique(column[own])
        n_choices *= different.size
        total_range += float(different[-1]) - float(different[0])
        unit = int(np.gcd.reduce(np.diff(different.view(np.uint64)), initial=np.uint64(unit)))
    return min(n_choices, 1.0 if unit == 0 else total_range / unit + 1)


def _join_blocks(all_joined: list[JoinedBlocks], is_max: Bools) -> list[JoinedBlocks]:
    """Join neighbours while they make few pairs, given a sum and no slack, which would depend on the order.

    A growing front is then merged less often: a merge costs what it keeps, much more than the pairs that it looks at.
    """
    nothing = np.where(is_max, -(2**63), 0)[:, np.newaxis]
    unbounded = np.full(is_max.size, LARGEST_TOTAL)
    fewer, at = list[JoinedBlocks](), 0
    while at < len(all_joined):
        joined, at = all_joined[at], at + 1
        if at < len(all_joined) and joined.n_rows * all_joined[at].n_rows <= _MOST_JOINED_PAIRS:
            several = PartialFront(nothing, is_max)
            several.add(joined, unbounded, UNLIMITED)
            while at < len(all_joined) and several.n_points * all_joined[at].n_rows <= _MOST_JOINED_PAIRS:
                several.add(all_joined[at], unbounded, UNLIMITED)
                at += 1
            joined = several.take_joined_blocks()
        fewer.append(joined)
    return fewer


def _bounds(least: list[Ints], high: Ints, n_sums: int) -> list[Ints]:
    """Return upper bounds once each joined is added, given every part's least values in the order of adding.

    They are those on subnets, less the least that the all_joined still to come add.
    """
    bounded = high < LARGEST_TOTAL
    bound = np.clip(high, -LARGEST_TOTAL, LARGEST_TOTAL)
    bounds = []
    for values in reversed(least):
        bounds.append(np.where(bounded, bound, LARGEST_TOTAL))
        bound = bound - np.where(np.arange(high.size) < n_sums, values, 0)
    return bounds[::-1]


def _answers(totals: Ints, order: Ints, levels: list[Level]) -> tuple[Ints, list[Level]]:
    """Return the points ``(d, n)`` in the order of answers, metrics in theirs, without what is dominated.

    Sweeps keep more than that where maxima tie. In the order of answers, dominance alone decides.
    """
    in_metric_order = np.empty_like(totals)
    in_metric_order[order] = totals
    answers = sweep_sort(in_metric_order, lambda at: write_choice(levels, at))
    kept = answers[sweep(in_metric_order.take(answers, axis=1).T)]
    *before, (blocks, choice, pairs) = levels
    return in_metric_order.take(kept, axis=1), [*before, (blocks, choice, pairs[kept])]

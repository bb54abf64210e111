"""The exact front: ``csrc/qabwnas/front.hpp``."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from qabwnas.search._numba.history import Level, choice_of
from qabwnas.search._numba.partial import Part, PartialSubnets, joined
from qabwnas.search._numba.short_blocks import prune_blocks
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
) -> tuple[int, Ints, list[Level], int, int, int]:
    order, n_sums = sweep_order(is_max)
    if slack > 0:  # the objective comes last of its kind
        kind = slice(0, n_sums) if is_max[0] == 0 else slice(n_sums, None)
        order[kind] = np.roll(order[kind], -1)
    aggregate_max = is_max[order].astype(np.bool_)
    parts = _parts(values, offsets, is_max, order, n_sums)
    if n_sums > 0 and slack == 0:
        parts = list(joined(parts, aggregate_max))
    bounds = _bounds([part.columns.min(axis=1) for part in parts], high[order], n_sums)
    subnets = PartialSubnets(origin[order][:, np.newaxis], aggregate_max, offsets.size - 1)
    status = _COMPLETE
    for part, bound in zip(parts, bounds, strict=True):
        max_points = max(0, max_bytes - subnets.nbytes) // (32 * len(order) + 32)
        if not subnets.add(part, bound, max_points, slack, order.tolist().index(0)):
            status = _LIMIT
            break
        if subnets.n_points == 0:
            status = _INFEASIBLE
            break
    n_points, totals, levels = subnets.n_points, subnets.totals[:, :0], list[Level]()
    if status == _COMPLETE:
        totals, levels = subnets.totals, subnets.levels()
        if slack > 0 or n_sums < order.size:
            totals, levels = _answers(totals, order, levels)
            n_points = totals.shape[1]
    return status, np.ascontiguousarray(totals.T), levels, subnets.n_blocks, n_points, subnets.n_pairs


def _parts(values: Ints, offsets: Ints, is_max: NDArray[np.uint8], order: Ints, n_sums: int) -> list[Part]:
    """Return every block's minimal rows, blocks with the fewest first.

    Without a sum to sort by, partial subnets are sorted by candidates, which asks for blocks in order.
    """
    mask = np.ones(values.shape[1], np.uint8)
    rows = np.flatnonzero(prune_blocks(values, offsets, is_max, mask, 1).view(np.bool_))
    columns = values[order[:, np.newaxis], rows]
    ends = np.searchsorted(rows, offsets).tolist()
    parts = [
        Part.of_block(b, rows[first:last] - offsets[b], columns[:, first:last], n_sums)
        for b, (first, last) in enumerate(pairwise(ends))
    ]
    return sorted(parts, key=lambda part: part.n_rows) if n_sums > 0 else parts


def _bounds(least: list[Ints], high: Ints, n_sums: int) -> list[Ints]:
    """Return upper bounds once each part is added, given every part's least values in the order of adding.

    They are those on subnets, less the least that the parts still to come add.
    """
    bounded = high < _LARGEST_TOTAL
    bound = np.clip(high, -_LARGEST_TOTAL, _LARGEST_TOTAL)
    bounds = []
    for values in reversed(least):
        bounds.append(np.where(bounded, bound, _LARGEST_TOTAL))
        bound = bound - np.where(np.arange(high.size) < n_sums, values, 0)
    return bounds[::-1]


def _answers(totals: Ints, order: Ints, levels: list[Level]) -> tuple[Ints, list[Level]]:
    """Return the points ``(d, n)`` in the order of answers, metrics in theirs, without what is dominated.

    Sweeps keep more than that where maxima tie; in the order of answers, dominance is all that counts.
    """
    in_metric_order = np.empty_like(totals)
    in_metric_order[order] = totals
    candidates = Candidates.chosen(choice_of(levels, np.arange(totals.shape[1])))
    answers = in_sweep_order(in_metric_order, order.size, candidates)
    kept = answers[kept_of_sorted(in_metric_order[:, answers].T, order.size, 1)]
    *before, (blocks, choice, pairs) = levels
    return in_metric_order[:, kept], [*before, (blocks, choice, pairs[kept])]

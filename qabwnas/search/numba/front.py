"""The exact front: ``csrc/front/front.hpp``."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from qabwnas.search.numba.history import Level, choice_of
from qabwnas.search.numba.partial import Part, PartialSubnets, joined
from qabwnas.search.numba.short_blocks import prune_blocks
from qabwnas.search.numba.sweep import kept_of_sorted, sweep_order
from qabwnas.search.numba.ties import Candidates, in_sweep_order

_COMPLETE, _INFEASIBLE, _, _LIMIT = range(4)
_LARGEST_TOTAL = 2**62
_ENOUGH_TOTALS = 1 << 16

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
    n_metrics, longest = len(values), int(np.diff(offsets).max())
    if 8 * n_metrics * (longest + 2 * values.shape[1]) > max_bytes:  # pruning copies the longest block, and what stays
        return _LIMIT, np.empty((0, n_metrics), np.int64), [], 0, 0, 0
    rows, ends = _minimal_rows(values, offsets, is_max)
    order, n_sums = _sweep_order(values, rows, ends, is_max, slack)
    aggregate_max = is_max[order].astype(np.bool_)
    parts = _parts(values, offsets, rows, ends, order, n_sums)
    if n_sums > 0 and slack == 0:
        parts = list(joined(parts, aggregate_max))
    bounds = _bounds([part.columns.min(axis=1) for part in parts], high[order], n_sums)
    subnets = PartialSubnets(origin[order][:, np.newaxis], aggregate_max, offsets.size - 1)
    status = _COMPLETE
    for part, bound in zip(parts, bounds, strict=True):
        if not subnets.add(part, bound, max_bytes, slack, order.tolist().index(0)):
            status = _LIMIT
            break
        if subnets.n_points == 0:
            status = _INFEASIBLE
            break
    n_points, totals, levels = subnets.n_points, subnets.totals[:, :0], list[Level]()
    if status == _COMPLETE:
        is_in_order = slack == 0 and bool((order == np.arange(order.size)).all()) and n_sums == order.size
        # To sort copies the totals and their tested coordinates, and writes all candidates.
        needed = 0 if is_in_order else n_points * (8 * 5 * order.size + 8 * subnets.n_blocks + 64)
        if subnets.nbytes + needed > max_bytes:
            return _LIMIT, totals.T.copy(), [], subnets.n_blocks, n_points, subnets.n_pairs
        totals, levels = subnets.totals, subnets.levels()
        if not is_in_order:
            totals, levels = _answers(totals, order, levels)
            n_points = totals.shape[1]
    return status, np.ascontiguousarray(totals.T), levels, subnets.n_blocks, n_points, subnets.n_pairs


def _minimal_rows(values: Ints, offsets: Ints, is_max: NDArray[np.uint8]) -> tuple[Ints, list[int]]:
    """Return the minimal rows of all blocks, and where each block's begin, and last their number."""
    mask = np.ones(values.shape[1], np.uint8)
    rows = np.flatnonzero(prune_blocks(values, offsets, is_max, mask, 1).view(np.bool_))
    return rows, np.searchsorted(rows, offsets).tolist()


def _sweep_order(
    values: Ints, rows: Ints, ends: list[int], is_max: NDArray[np.uint8], slack: float
) -> tuple[Ints, int]:
    """Return the metrics with sums before maxima, sums with few totals behind the others, and the number of sums.

    Their order makes no difference to what stays. With slack the objective comes last of its kind.
    """
    order, n_sums = sweep_order(is_max)
    n_leading = n_sums
    if slack > 0:
        kind = slice(0, n_sums) if is_max[0] == 0 else slice(n_sums, None)
        order[kind] = np.roll(order[kind], -1)
        n_leading -= int(is_max[0] == 0)
    if order.size < 3 or n_leading < 2:
        return order, n_sums
    n_totals = [min(_ENOUGH_TOTALS, _n_totals(values[m, rows], ends)) for m in order[:n_leading]]
    order[:n_leading] = order[np.argsort(-np.array(n_totals), kind="stable")]
    return order, n_sums


def _n_totals(column: Ints, ends: list[int]) -> float:
    """Return about how many totals a sum can have: choices of different values, or what fits into their range."""
    n_choices, extent, unit = 1.0, 0.0, 0
    for first, last in pairwise(ends):
        different = np.unique(column[first:last])
        n_choices *= different.size
        extent += float(different[-1]) - float(different[0])
        unit = int(np.gcd.reduce(np.diff(different.view(np.uint64)), initial=np.uint64(unit)))
    return min(n_choices, 1.0 if unit == 0 else extent / unit + 1)


def _parts(values: Ints, offsets: Ints, rows: Ints, ends: list[int], order: Ints, n_sums: int) -> list[Part]:
    """Return every block's minimal rows, blocks with the fewest first.

    Without a sum to sort by, partial subnets are sorted by candidates, which asks for blocks in order.
    """
    columns = values[order[:, np.newaxis], rows]
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

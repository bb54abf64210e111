"""Pareto pruning of one block, and the sweep that pruning and merging share: ``csrc/pareto/prune.hpp``."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from qabwnas.search.numba.compiled import compiled
from qabwnas.search.numba.core.cancel import give_turn
from qabwnas.search.numba.pareto import dominance_index, skyband_index
from qabwnas.search.numba.pareto.dominance_index import DominanceIndex, grid_for, insert_all, staircase_for
from qabwnas.search.numba.pareto.prefilter import prefilter
from qabwnas.search.numba.pareto.sweep_sort import sweep_sort

_STEPS_PER_SLICE = 1 << 26

Ints = NDArray[np.int64]
Bytes = NDArray[np.uint8]


def sweep_order(is_max: Bytes) -> tuple[Ints, int]:
    """Return the metrics with sums before maxima, and the number of sums."""
    order = np.argsort(is_max, kind="stable")
    return order, order.size - int(np.count_nonzero(is_max))


def first_metric_last(is_max: Bytes) -> tuple[Ints, int]:
    """Return the same with the first metric after all others of its kind."""
    order, n_sums = sweep_order(is_max)
    kind = slice(0, n_sums) if is_max[0] == 0 else slice(n_sums, None)
    order[kind] = np.roll(order[kind], -1)
    return order, n_sums


def prune(values: Ints, is_max: Bytes, k: int) -> Ints:
    """Return, ascending, the rows of a block ``(n_metrics, n)`` that fewer than ``k`` others remove."""
    order, n_sums = sweep_order(is_max)
    columns = values[order] if 0 < n_sums < order.size else values
    if n_sums == 0:  # only its number puts a row before another then: it stands in for a sum
        columns, n_sums = np.concatenate([np.arange(values.shape[1])[np.newaxis], values]), 1
    rows = prefilter(columns, k)
    columns = columns.take(rows, axis=1)
    sorted_rows = sweep_sort(columns[:n_sums])
    kept = sweep(columns.take(sorted_rows, axis=1).T, k)
    return np.sort(rows[sorted_rows[kept]])


def prune_blocks(values: Ints, offsets: Ints, is_max: Bytes, mask: Bytes, k: int) -> Bytes:
    """Mark the rows ``(n_rows,)`` of those in ``mask`` that fewer than ``k`` others of their block remove."""
    kept = np.zeros(mask.size, np.uint8)
    for first, last in pairwise(offsets):
        rows = first + np.flatnonzero(mask[first:last].view(np.bool_))  # of bools it is quicker
        kept[rows[prune(values.take(rows, axis=1), is_max, k)]] = 1
    return kept


def sweep(points: Ints, k: int = 1, first_tested: int = 1, loose: Ints | None = None) -> NDArray[np.bool_]:
    """Return which points ``(n, n_metrics)``, in sweep order, fewer than ``k`` kept ones before them are at most.

    Coordinates are compared from ``first_tested`` on: the first sum ascends. ``loose`` ``(n, n_metrics)`` is compared
    with the kept points in place of the points, which it is nowhere below.
    """
    return Sweep(k, first_tested).keep(points, loose)


class Sweep:
    """A sweep that is given its points in several parts, in sweep order; arguments are those of :func:`sweep`."""

    def __init__(self, k: int = 1, first_tested: int = 1) -> None:
        self._k, self._first_tested = k, first_tested
        self._index: DominanceIndex | None = None
        self._kept = list[Ints]()

    def keep(self, points: Ints, loose: Ints | None = None) -> NDArray[np.bool_]:
        """Return which of these points ``(n, n_metrics)`` are kept."""
        kept = np.zeros(len(points), dtype=np.bool_)
        if kept.size == 0:
            return kept
        tested = _tested(points, self._first_tested, self._k)
        tested_loosely = tested if loose is None else _tested(loose, self._first_tested, self._k)
        self._index = self._index_for(tested)
        at = 0
        while at < kept.size:
            give_turn()
            at = _sweep_slice(tested, tested_loosely, tuple(self._index), self._k, kept, at)
        self._kept.append(tested[kept])
        return kept

    def _index_for(self, coming: Ints) -> DominanceIndex:
        """Return the index of all points kept so far, with room for those to come."""
        if coming.shape[1] == 1:
            return staircase_for(self._k) if self._index is None else self._index
        if coming.shape[1] == 2 and self._k == 1:
            return staircase_for(len(coming), self._index)
        kept = np.concatenate([coming[:0], *self._kept])
        index = grid_for(np.concatenate([kept, coming]))
        insert_all(tuple(index), kept)
        return index


def _tested(points: Ints, first: int, k: int) -> Ints:
    """Return the tested coordinates, and zeros where an index needs more: two, or with k > 1 one."""
    n, d = points.shape
    tested = np.zeros((n, max(d - first, 2 if k == 1 else 1)), np.int64)
    tested[:, : d - first] = points[:, first:]
    return tested


@compiled
def _sweep_slice(points, loose, index, k, kept, first):  # type: ignore[no-untyped-def]
    """Go on from the given point; return where the slice ended."""
    n_steps = 0
    for i in range(first, kept.size):
        if n_steps > _STEPS_PER_SLICE:
            return i
        n_steps += index[1][0] + 1  # steps of a staircase that an insertion may move
        if index[3].size > 0:
            n_steps += index[3].size + i  # cells and points of a grid
        if k > 1:
            if not skyband_index.dominates(index, loose, i, k):
                kept[i] = True
                skyband_index.insert(index, points, i, k)
        elif not dominance_index.dominates(index, loose, i):
            kept[i] = True
            dominance_index.insert(index, points, i)
    return kept.size

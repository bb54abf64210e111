"""Adding blocks to a front, for any metrics: ``csrc/front/merge.hpp``.

All pairs of a point and a row are made, slab by slab of the first sum (``slabs.py``). A table of a sample drops nearly
all of them at once (``pair_table.py``). What is left of a slab is prefiltered, sorted, and swept with an index of the
points that earlier slabs kept. If a slab leaves too many pairs open, those that others of the slab remove go first.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qabwnas.search.numba.core.cancel import give_turn
from qabwnas.search.numba.front.pair_table import open_pairs, table_of_sample
from qabwnas.search.numba.front.slabs import next_slab
from qabwnas.search.numba.pareto.cell_table import NONE
from qabwnas.search.numba.pareto.prefilter import prefilter
from qabwnas.search.numba.pareto.prune import Sweep, sweep
from qabwnas.search.numba.pareto.sweep_sort import sweep_sort

_SLABS = 64  # of a merge, unless it has few pairs
_FEWEST_SLAB_PAIRS, _MOST_SLAB_PAIRS = 1 << 16, 1 << 22

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Pairs = NDArray[np.int32]
CandidatesOf = Callable[[Pairs], NDArray[np.int32]]
"""Returns the candidates ``(n, n_blocks)`` of pairs ``(n, 2)`` of a point and a row."""


class MergeLimits(NamedTuple):
    """What a merge leaves out, in addition to what is not minimal."""

    high: Ints  # (d,): pairs above it
    max_points: int
    most_open: int  # about how many pairs of a slab are held together, or twice as many as stay of them


def merge(
    front: Ints, rows: Ints, is_max: Bools, limits: MergeLimits, candidates_of: CandidatesOf
) -> tuple[Ints, Pairs] | None:
    """Return totals ``(d, n)`` and pairs ``(n, 2)`` of what stays, in sweep order; ``None`` past the number of points.

    ``front`` ``(d, n_points)`` and ``rows`` ``(d, n_rows)`` are columns, metrics in sweep order. Without a sum, both
    are in the order of candidates, and the block of the rows comes after those of the points.
    """
    return _Merge(front, rows, is_max, limits, candidates_of).run()


class _Merge:
    def __init__(
        self, front: Ints, rows: Ints, is_max: Bools, limits: MergeLimits, candidates_of: CandidatesOf
    ) -> None:
        n_points, self._n_rows = front.shape[1], rows.shape[1]
        # Inner loops run along the longer side; pair numbers are point × n_rows + row.
        by_rows = self._n_rows <= n_points
        self._lists, self._longer = (rows, front) if by_rows else (front, rows)
        self._strides = (1, self._n_rows) if by_rows else (self._n_rows, 1)
        self._is_max = is_max
        self._n_sums = int((~is_max).sum())
        self._limits = limits
        self._candidates_of = candidates_of
        self._table = table_of_sample(self._longer, self._lists, is_max)

    def run(self) -> tuple[Ints, Pairs] | None:
        first_sums = [
            self._first_sums(side, n) for side, n in zip((self._lists, self._longer), self._strides, strict=True)
        ]
        n_lists, n_pairs = self._lists.shape[1], self._lists.shape[1] * self._longer.shape[1]
        starts, ends, width = np.zeros(n_lists, np.int64), np.zeros(n_lists, np.int64), np.zeros(1)
        pairs_per_slab = min(max(n_pairs // _SLABS, _FEWEST_SLAB_PAIRS), _MOST_SLAB_PAIRS)
        slabs, n_kept = [(self._longer[:, :0], np.empty(0, np.int64))], 0
        kept = self._empty_sweep()
        while True:
            give_turn()
            least = next_slab(*first_sums, starts, ends, width, pairs_per_slab)
            if least == NONE or (self._n_sums > 0 and least > self._limits.high[0]):
                break
            slabs.append(self._keep(*self._collect(starts, ends), kept))
            n_kept += slabs[-1][1].size
            if n_kept > self._limits.max_points:
                return None
        totals, pairs = _concatenated(slabs)
        return totals, self._pairs_of(pairs)

    def _first_sums(self, side: Ints, stride: int) -> Ints:
        # Without a sum only candidates put a pair before another: pair numbers then follow the order of candidates.
        return side[0] if self._n_sums > 0 else np.arange(side.shape[1]) * stride

    def _empty_sweep(self) -> Sweep:
        return Sweep(first_tested=1 if self._n_sums > 0 else 0)

    def _collect(self, starts: Ints, ends: Ints) -> tuple[Ints, Ints]:
        """Return totals ``(d, n)`` and numbers of a slab's open pairs. If they become too many, what others of them
        remove goes; if that does not help, again only after they have doubled."""
        at, most_open = np.array([0, starts[0]]), self._limits.most_open
        opened, n_open = [(self._longer[:, :0], np.empty(0, np.int64))], 0
        while at[0] < starts.size:
            give_turn()
            sides = self._lists, self._longer, self._is_max, self._limits.high, self._table, self._strides
            opened.append(open_pairs(*sides, starts, ends, at, self._limits.most_open))
            n_open += opened[-1][1].size
            if n_open >= most_open:
                opened = [self._keep(*_concatenated(opened), self._empty_sweep())]
                n_open = opened[0][1].size
                most_open = max(most_open, 2 * n_open)
        return _concatenated(opened)

    def _keep(self, totals: Ints, pairs: Ints, kept: Sweep) -> tuple[Ints, Ints]:
        """Return the pairs that no other of them removes, and none that was kept before, in sweep order."""
        columns = totals if self._n_sums > 0 else np.concatenate([pairs[np.newaxis], totals])
        rest = prefilter(columns, 1)
        sums = columns[: max(self._n_sums, 1)].take(rest, axis=1)
        order = rest[sweep_sort(sums, lambda at: self._candidates_of(self._pairs_of(pairs[rest[at]])))]
        stays = order[kept.keep(totals.take(order, axis=1).T)]
        return totals.take(stays, axis=1), pairs[stays]

    def _pairs_of(self, numbers: Ints) -> Pairs:
        return np.column_stack([numbers // self._n_rows, numbers % self._n_rows]).astype(np.int32)


def thinned(totals: Ints, is_max: Bools, slack_metric: int, slack: float) -> NDArray[np.bool_]:
    """Return which minimal points ``(d, n)``, in sweep order, stay with slack in one metric, given by its position.

    A point goes if a kept one before it is at most 1 + slack times it in this metric, and at most it in all others. Of
    minimal points this keeps the same as of all points: what is at most a point's predecessor is at most the point.
    """
    loose = totals.copy()
    loose[slack_metric] += (totals[slack_metric].astype(np.float64) * slack).astype(np.int64)
    return sweep(totals.T, first_tested=int(not is_max[0]), loose=loose.T)


def _concatenated(parts: list[tuple[Ints, Ints]]) -> tuple[Ints, Ints]:
    totals, pairs = zip(*parts, strict=True)
    return np.concatenate(totals, axis=1), np.concatenate(pairs)

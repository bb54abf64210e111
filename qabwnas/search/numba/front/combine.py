"""Fronts over the blocks that were added so far, with back-pointers: ``csrc/front/combine.hpp``."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qabwnas.search.numba.front import merge_two_metrics
from qabwnas.search.numba.front.back_pointers import Choices, Level, whole_choice
from qabwnas.search.numba.front.merge import MergeLimits, Pairs, merge, thinned
from qabwnas.search.numba.pareto.sweep_sort import sweep_sort

MOST_POINTS = 2**31 - 1  # back-pointers have 32 bits
_FEWEST_OPEN, _MOST_OPEN = 1 << 10, 1 << 20
_COPIES = 12  # of a point or pair, at most, while it is filtered, sorted and swept

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class JoinedBlocks:
    """A block, or several that were joined.

    Attributes:
        blocks: int64 ``(n_blocks,)``, ascending.
        choice: int32 ``(n_rows, n_blocks)``, the candidates that each row stands for.
        columns: int64 ``(d, n_rows)``, metrics in sweep order; rows too, if there is a sum.
    """

    blocks: Ints
    choice: Choices
    columns: Ints

    @classmethod
    def of_block(cls, block: int, rows: Ints, columns: Ints, n_sums: int) -> JoinedBlocks:
        """Return a single block with its minimal rows ``(n,)``, ascending."""
        if n_sums > 0:
            order = sweep_sort(columns[:n_sums])
            rows, columns = rows[order], columns[:, order]
        return cls(np.array([block]), rows.astype(np.int32)[:, np.newaxis], np.ascontiguousarray(columns))

    @property
    def n_rows(self) -> int:
        return len(self.choice)


class PartialFront:
    """The front over some blocks.

    Attributes:
        totals: int64 ``(d, n_points)``, in sweep order, metrics too.
        levels: where the points come from; see ``back_pointers.py``.
        n_blocks: that were added, also where adding the last one ended at a limit.
        n_pairs: partial subnets that were looked at.
    """

    def __init__(self, totals: Ints, is_max: Bools) -> None:
        """Begin with some points that have no candidates yet."""
        self.totals = totals
        self.levels: list[Level] = []
        self.n_blocks = self.n_pairs = 0
        self._is_max = is_max

    @property
    def n_points(self) -> int:
        return int(self.totals.shape[1])

    @property
    def nbytes(self) -> int:
        return self.totals.nbytes + sum(choice.nbytes + pairs.nbytes for _, choice, pairs in self.levels)

    def add(self, joined: JoinedBlocks, high: Ints, max_bytes: int, slack: float = 0, slack_metric: int = 0) -> bool:
        """Add blocks, and keep what is at most ``high`` ``(d,)``; return False, with no point added, past the limit.

        The limit is on all bytes that are held meanwhile, by an account that is rather too large, and on the number of
        points that can be numbered.

        With slack a point also goes that another is at most, with so much slack in one metric, by its sweep position.
        """
        self.n_pairs += self.n_points * joined.n_rows
        self.n_blocks += joined.blocks.size
        # Where sums tie, the candidates of pairs are written and sorted.
        bytes_per_pair = _COPIES * 8 * (len(joined.columns) + 1) + 8 * self.n_blocks
        left = max_bytes - self.nbytes - (joined.columns.nbytes + self.totals.nbytes) * 2
        # As much may wait to be filtered as stays, or so many pairs; both are held in several forms.
        most_open = min(_MOST_OPEN, max(_FEWEST_OPEN, left // (4 * bytes_per_pair)))
        limits = MergeLimits(high, min(MOST_POINTS, left // bytes_per_pair), most_open)
        if limits.max_points < 1:
            return False

        def candidates_of(pairs: Pairs) -> Choices:
            return whole_choice([*self.levels, (joined.blocks, joined.choice, pairs)])

        if self._is_max.size == 2 and not self._is_max.any():
            merged = merge_two_metrics.run(self.totals, joined.columns, limits, candidates_of)
        else:
            merged = merge(self.totals, joined.columns, self._is_max, limits, candidates_of)
        if merged is None:
            return False
        self.totals, pairs = merged
        if slack > 0:
            kept = thinned(self.totals, self._is_max, slack_metric, slack)
            self.totals, pairs = self.totals.compress(kept, axis=1), pairs[kept]
        self.levels.append((joined.blocks, joined.choice, pairs))
        return True

    def take_joined_blocks(self) -> JoinedBlocks:
        """Return the front as one block joined from all that were added."""
        blocks = np.sort(np.concatenate([blocks for blocks, _, _ in self.levels]))
        return JoinedBlocks(blocks, whole_choice(self.levels), self.totals)

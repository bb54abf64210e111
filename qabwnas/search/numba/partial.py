"""Partial subnets: fronts over the parts added so far, with back-pointers: ``csrc/front/combine.hpp``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qabwnas.search.numba.combine import combine
from qabwnas.search.numba.curves import merge_curves
from qabwnas.search.numba.history import History, Level, choice_of
from qabwnas.search.numba.slack import thinned
from qabwnas.search.numba.surfaces import merge_surfaces

_MOST_JOINED_PAIRS = 150
_LARGEST_TOTAL = 2**62
_UNLIMITED = 2**63 - 1
_MOST_POINTS = 2**31 - 1  # back-pointers have 32 bits
_FEWEST_PAIRS_AT_ONCE, _MOST_PAIRS_AT_ONCE = 1 << 10, 1 << 20
_MOST_TIED_PAIRS = 1 << 18  # of one first sum, that a slab of a surface may hold
_COPIES = 12  # of a point or pair, at most, while it is filtered, sorted and swept

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Part:
    """A block, or several that were joined.

    Attributes:
        blocks: int64 ``(n_blocks,)``, ascending.
        choice: int32 ``(n_rows, n_blocks)``, the candidates that each row stands for.
        columns: int64 ``(d, n_rows)``, metrics in sweep order; rows too, where there is a sum.
    """

    blocks: Ints
    choice: NDArray[np.int32]
    columns: Ints

    @classmethod
    def of_block(cls, block: int, rows: Ints, columns: Ints, n_sums: int) -> Part:
        """Return the part of a block's minimal rows ``(n,)``, ascending."""
        if n_sums > 0:
            order = np.lexsort(columns[n_sums - 1 :: -1])  # stable: rows that tie in all sums stay in order
            rows, columns = rows[order], columns[:, order]
        return cls(np.array([block]), rows.astype(np.int32)[:, np.newaxis], np.ascontiguousarray(columns))

    @property
    def n_rows(self) -> int:
        return len(self.choice)


class PartialSubnets:
    """The front over some parts.

    Attributes:
        totals: int64 ``(d, n)``, in sweep order, metrics too.
    """

    def __init__(self, totals: Ints, aggregate_max: Bools, n_blocks: int) -> None:
        """Begin with some points that have no candidates yet."""
        self.totals = totals
        self.n_pairs = 0
        self._aggregate_max = aggregate_max
        self._are_curves = aggregate_max.size == 2 and not aggregate_max.any()
        self._are_surfaces = aggregate_max.size == 3 and not aggregate_max[0]
        self._history = History(n_blocks)

    @property
    def n_blocks(self) -> int:
        return self._history.n_blocks

    @property
    def n_points(self) -> int:
        return int(self.totals.shape[1])

    @property
    def nbytes(self) -> int:
        return self.totals.nbytes + self._history.nbytes

    def add(self, part: Part, high: Ints, max_bytes: int, slack: float = 0, slack_metric: int = 0) -> bool:
        """Add a part, and keep what is at most ``high`` ``(d,)``; return False, with no point added, past the limit.

        The limit is on all bytes that are held meanwhile, by an account that is rather too large, and on the number of
        points that can be numbered.

        With slack a point also goes that another is at most, with so much slack in one metric, by its sweep position.
        """
        self.n_pairs += self.n_points * part.n_rows
        self._history.add_part(part.blocks, part.choice)
        history = self._history.arrays()
        bytes_a_pair = _COPIES * 8 * (len(part.columns) + 1)
        left = max_bytes - self.nbytes - (part.columns.nbytes + self.totals.nbytes) * 2
        # As much may wait to be filtered as stays, or so many pairs; both are held in several forms.
        pairs_at_once = min(_MOST_PAIRS_AT_ONCE, max(_FEWEST_PAIRS_AT_ONCE, left // (4 * bytes_a_pair)))
        max_points = min(_MOST_POINTS, left // bytes_a_pair)
        if max_points < 1:
            return False
        if self._are_curves:
            merged = merge_curves(self.totals, part.columns, history, high, max_points)
        elif self._are_surfaces and _most_tied(self.totals[0], part.columns[0]) <= min(
            _MOST_TIED_PAIRS, 4 * pairs_at_once
        ):
            merged = merge_surfaces(self.totals, part.columns, history, self._aggregate_max, high, max_points)
        else:
            merged = combine(self.totals, part.columns, history, self._aggregate_max, high, max_points, pairs_at_once)
        if merged is None:
            return False
        self.totals, parents, rows = merged
        if slack > 0:
            kept = thinned(self.totals.T.copy(), int(not self._aggregate_max.all()), slack_metric, slack)
            self.totals, parents, rows = self.totals[:, kept].copy(), parents[kept], rows[kept]
        self._history.add_points(parents, rows)
        return True

    def as_part(self) -> Part:
        """Return the front as a part of all the blocks that were added."""
        levels = self.levels()
        blocks = np.sort(np.concatenate([blocks for blocks, _, _ in levels]))
        return Part(blocks, choice_of(levels, np.arange(self.n_points)), self.totals)

    def levels(self) -> list[Level]:
        """Return where the points come from; see :func:`.choice_of`."""
        return self._history.levels()


def _most_tied(totals: Ints, rows: Ints) -> int:
    """Return how many pairs of two ascending columns can have the same sum at most."""
    shorter, longer = sorted((totals, rows), key=len)
    ends = np.flatnonzero(np.diff(longer, append=longer[-1] + 1))
    return int(np.diff(ends, prepend=-1).max()) * len(shorter)


def joined(parts: list[Part], aggregate_max: Bools) -> Iterator[Part]:
    """Join neighbours while they make few pairs; there is a sum, and no slack, which would depend on the order.

    A front that grows is then gone over less often: what a merge costs are the points that it keeps, much more than the
    pairs that it looks at.
    """
    nothing = np.where(aggregate_max, -(2**63), 0)[:, np.newaxis]
    unbounded = np.full(aggregate_max.size, _LARGEST_TOTAL)
    at = 0
    while at < len(parts):
        part, at = parts[at], at + 1
        if at < len(parts) and part.n_rows * parts[at].n_rows <= _MOST_JOINED_PAIRS:
            front = PartialSubnets(nothing, aggregate_max, len(parts))
            front.add(part, unbounded, _UNLIMITED)
            while at < len(parts) and front.n_points * parts[at].n_rows <= _MOST_JOINED_PAIRS:
                front.add(parts[at], unbounded, _UNLIMITED)
                at += 1
            part = front.as_part()
        yield part

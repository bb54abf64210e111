"""The sweep order of points: by sums lexicographically, then by candidates in block order.

Sorting by the first sum leaves few ties; a merge sort with a comparison settles those.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qabwnas.search.numba.cell_sort import ascending
from qabwnas.search.numba.compiled import bare, compiled
from qabwnas.search.numba.history import Arrays, of_one_part, precedes

_SHORT = 16

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Candidates:
    """The candidates of points that each join an earlier point with a row of a part.

    Attributes:
        pairs: int64 ``(n,)``, earlier point × ``n_rows`` + row.
        n_rows: of the part.
        history: of the earlier points, and of the part.
    """

    pairs: Ints
    n_rows: int
    history: Arrays

    @classmethod
    def chosen(cls, choice: NDArray[np.int32]) -> Candidates:
        """Return the candidates ``(n, n_blocks)`` of points that are a row each, and join nothing."""
        return cls(np.arange(len(choice)), max(len(choice), 1), of_one_part(choice))


def in_sweep_order(columns: Ints, n_sums: int, candidates: Candidates) -> Ints:
    """Return the positions of points ``columns`` ``(d, n)``, one or more sums first, in sweep order; O(n log n)."""
    order: Ints = ascending(columns[0])
    sort_ties(order, columns, n_sums, (candidates.pairs, candidates.n_rows, candidates.history))
    return order


@bare
def _precedes(a, b, columns, n_sums, candidates):  # type: ignore[no-untyped-def]
    for m in range(1, n_sums):
        if columns[m, a] != columns[m, b]:
            return columns[m, a] < columns[m, b]
    pairs, n_rows, history = candidates
    return precedes(pairs[a] // n_rows, pairs[a] % n_rows, pairs[b] // n_rows, pairs[b] % n_rows, history)


@compiled
def sort_ties(order, columns, n_sums, candidates):  # type: ignore[no-untyped-def]
    """Sort every run of equal first sums."""
    n = order.size
    first = 0
    while first < n:
        last = first + 1
        while last < n and columns[0, order[last]] == columns[0, order[first]]:
            last += 1
        if last - first > 1:
            _sort_run(order[first:last], columns, n_sums, candidates)
        first = last


@compiled
def _sort_run(run, columns, n_sums, candidates):  # type: ignore[no-untyped-def]
    """Merge sort from the bottom up; short pieces by insertion."""
    n = run.size
    for first in range(0, n, _SHORT):
        for i in range(first + 1, min(first + _SHORT, n)):
            moved, at = run[i], i
            while at > first and _precedes(moved, run[at - 1], columns, n_sums, candidates):
                run[at] = run[at - 1]
                at -= 1
            run[at] = moved
    left = np.empty(n if n > _SHORT else 0, dtype=np.int64)
    length = _SHORT
    while length < n:
        for first in range(0, n - length, 2 * length):
            middle, last = first + length, min(first + 2 * length, n)
            if not _precedes(run[middle], run[middle - 1], columns, n_sums, candidates):
                continue
            for at in range(length):
                left[at] = run[first + at]
            i, j = 0, middle
            for at in range(first, last):
                if i == length:
                    break
                if j < last and _precedes(run[j], left[i], columns, n_sums, candidates):
                    run[at] = run[j]
                    j += 1
                else:
                    run[at] = left[i]
                    i += 1
        length *= 2

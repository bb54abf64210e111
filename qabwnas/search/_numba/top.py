"""Direct search for the k best subnets under budgets: ``csrc/qabwnas/top.hpp``."""

from __future__ import annotations

import time

import numpy as np
from numpy.typing import NDArray

from qabwnas.search._numba.answers import Answers, Choices, in_order, n_answers, no_answers
from qabwnas.search._numba.descent import COMPLETE, SLICE_ENDED, Descent
from qabwnas.search._numba.lagrangian import drop_above
from qabwnas.search._numba.linear_search import LinearSearch
from qabwnas.search._numba.rows import Rows, usable_rows

_UNLIMITED = 2**63 - 1
_LARGEST_TOTAL = 2**62
_INFEASIBLE, _LIMIT = 1, 3

Ints = NDArray[np.int64]
Bytes = NDArray[np.uint8]
Result = tuple[int, Ints, Choices, int, int]


def top(
    values: Ints,
    offsets: Ints,
    is_max: Bytes,
    origin: Ints,
    budgets: Ints,
    k: int,
    distance: int,
    max_nodes: int,
    max_seconds: float,
) -> Result:
    d, n_blocks = is_max.size, offsets.size - 1
    # No total is beyond the largest one; and a smaller budget, less any total, fits.
    budgets = np.where(budgets >= _LARGEST_TOTAL, _UNLIMITED, budgets)
    mask = usable_rows(values, offsets, is_max, origin, budgets)
    if mask is None:
        return _INFEASIBLE, np.empty((0, d), np.int64), np.empty((0, n_blocks), np.int32), 0, 0
    search = _Search(is_max, origin, budgets, max_nodes, time.monotonic() + max_seconds)
    if distance > 1:
        return search.apart(Rows.pruned(values, offsets, is_max, mask, k), k, distance)
    answers = no_answers(k, d, n_blocks)
    if k > 1 and not is_max[0]:
        minimal = Rows.pruned(values, offsets, is_max, mask, 1)
        first = search.proved(minimal, answers)
        if first[0] == _LIMIT:
            return first
        if n_answers(answers) == k:
            worst = int(first[1][-1, 0])
            drop_above(worst, values, offsets, mask, minimal, is_max, origin, budgets)
    return search.proved(Rows.pruned(values, offsets, is_max, mask, k), answers)


class _Search:
    """Finds the answers, and keeps count of what the limits allow."""

    def __init__(self, is_max: Bytes, origin: Ints, budgets: Ints, max_nodes: int, ends: float) -> None:
        self._problem = (is_max, origin, budgets)
        self._max_nodes, self._ends = max_nodes, ends
        self._n_nodes = 0

    def proved(self, rows: Rows, answers: Answers) -> Result:
        """Improve the answers by the best subnets of some rows."""
        tree = self._tree_of(rows)
        status = self._finish(tree, answers, answers[1][:0], 1)
        totals, choice = in_order(answers)
        return self._result(status, totals, choice, [tree.open_bound] if status == _LIMIT else [])

    def apart(self, rows: Rows, k: int, distance: int) -> Result:
        """Find one best subnet after the other that differs from all before."""
        d, n_blocks = rows.values.shape[1], rows.offsets.size - 1
        totals, choice = np.empty((0, d), np.int64), np.empty((0, n_blocks), np.int32)
        tree = self._tree_of(rows)
        status = COMPLETE
        while len(totals) < k and status == COMPLETE:
            answers = no_answers(1, d, n_blocks)
            tree.restart()
            status = self._finish(tree, answers, choice, distance)
            if n_answers(answers) == 0:
                break
            totals, choice = np.concatenate([totals, answers[0]]), np.concatenate([choice, answers[1]])
        # What was not looked at may be better than the first answer only while that is searched for.
        is_open = status == _LIMIT and len(totals) < 2
        return self._result(status, totals, choice, [tree.open_bound] if is_open else [])

    def _tree_of(self, rows: Rows) -> Descent | LinearSearch:
        """Staircases are exact for one budget; only linear relaxations hold several together, and they want a sum."""
        is_max, _, budgets = self._problem
        n_budgets = np.count_nonzero((is_max[1:] == 0) & (budgets[1:] != _UNLIMITED))
        return (LinearSearch if n_budgets > 1 and not is_max[0] else Descent)(rows, *self._problem)

    def _finish(self, tree: Descent | LinearSearch, answers: Answers, earlier: Choices, distance: int) -> int:
        before, max_nodes = tree.n_nodes, tree.n_nodes + self._max_nodes - self._n_nodes
        status = SLICE_ENDED
        while status == SLICE_ENDED:  # Python, and so Ctrl-C, has its turn between slices
            status = tree.go_on(answers, earlier, distance, max_nodes)
            if status == SLICE_ENDED and (tree.n_nodes >= max_nodes or time.monotonic() >= self._ends):
                status = _LIMIT
        self._n_nodes += tree.n_nodes - before
        return status

    def _result(self, status: int, totals: Ints, choice: Choices, open_bounds: list[int]) -> Result:
        bounds = open_bounds + ([int(totals[0, 0])] if len(totals) else [])
        if not bounds:
            return _INFEASIBLE, totals, choice, 0, self._n_nodes
        return status, totals, choice, min(bounds), self._n_nodes

"""Direct search for the k best subnets under budgets: ``csrc/solve/top.hpp``."""

from __future__ import annotations

import math
import time

import numpy as np
from numpy.typing import NDArray

from qabwnas.search.numba.answers import Answers, Choices, in_order, n_answers, no_answers
from qabwnas.search.numba.core.cancel import give_turn
from qabwnas.search.numba.descent import COMPLETE, SLICE_ENDED, Descent
from qabwnas.search.numba.lagrangian import Lagrangian
from qabwnas.search.numba.linear_search import LinearSearch
from qabwnas.search.numba.rows import Rows, usable_rows

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
        prices = Lagrangian.of(values, offsets, mask, minimal, (is_max, origin, budgets))
        result = search_cores(search, values, offsets, prices, answers)
        if result is not None:
            return result
    return search.proved(Rows.pruned(values, offsets, is_max, mask, k), answers)


def search_cores(search: _Search, values: Ints, offsets: Ints, prices: Lagrangian, answers: Answers) -> Result | None:
    """Search wider and wider cores of cheap rows, each for the subnets that no other rows are part of.

    A twin of ``csrc/solve/lagrangian_pricing.hpp``. Returns the proved answers, or ``None`` where that took too long.
    """
    k = len(answers[0])
    n_rows, max_nodes = 16 + int(16 * math.sqrt(k)), 512 * k
    while search.n_nodes < max_nodes:
        gap = prices.gap_of_cheapest(n_rows)
        rows = Rows.pruned(values, offsets, search.is_max, prices.rows_within(gap), k)
        result = search.proved(rows, answers, prices.objective_within(gap), max_nodes)
        if result[0] == _LIMIT:
            return None
        if n_answers(answers) == k or gap == math.inf:
            return result
        n_rows += n_rows // 2 if n_answers(answers) > 0 else 2 * n_rows
    return None


class _Search:
    """Finds the answers, and keeps count of what the limits allow."""

    def __init__(self, is_max: Bytes, origin: Ints, budgets: Ints, max_nodes: int, ends: float) -> None:
        self.is_max, self._origin, self._budgets = is_max, origin, budgets
        self._max_nodes, self._ends = max_nodes, ends
        self.n_nodes = 0

    def proved(self, rows: Rows, answers: Answers, objective: int = _UNLIMITED, max_nodes: int = _UNLIMITED) -> Result:
        """Improve the answers by the best subnets of some rows, up to an objective and a number of nodes."""
        tree = self._tree_of(rows, objective)
        status = self._finish(tree, answers, answers[1][:0], 1, max_nodes)
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

    def _tree_of(self, rows: Rows, objective: int = _UNLIMITED) -> Descent | LinearSearch:
        """Staircases are exact for one budget; only linear relaxations hold several together, and they want a sum."""
        n_budgets = np.count_nonzero((self.is_max[1:] == 0) & (self._budgets[1:] != _UNLIMITED))
        budgets = self._budgets.copy()
        budgets[0] = min(budgets[0], objective)
        of_tree = LinearSearch if n_budgets > 1 and not self.is_max[0] else Descent
        return of_tree(rows, self.is_max, self._origin, budgets)

    def _finish(
        self,
        tree: Descent | LinearSearch,
        answers: Answers,
        earlier: Choices,
        distance: int,
        max_nodes: int = _UNLIMITED,
    ) -> int:
        """Search until the answers are proved, or so many nodes were looked at by this and all searches before."""
        before = tree.n_nodes
        max_nodes = before + min(max_nodes, self._max_nodes) - self.n_nodes
        status = SLICE_ENDED
        while status == SLICE_ENDED:  # Python, and so Ctrl-C, has its turn between slices
            give_turn()
            status = tree.go_on(answers, earlier, distance, max_nodes)
            if status == SLICE_ENDED and (tree.n_nodes >= max_nodes or time.monotonic() >= self._ends):
                status = _LIMIT
        self.n_nodes += tree.n_nodes - before
        return status

    def _result(self, status: int, totals: Ints, choice: Choices, open_bounds: list[int]) -> Result:
        bounds = open_bounds + ([int(totals[0, 0])] if len(totals) else [])
        if not bounds:
            return _INFEASIBLE, totals, choice, 0, self.n_nodes
        return status, totals, choice, min(bounds), self.n_nodes

"""Depth-first branch and bound with linear relaxations, for several budgets on sums, in slices.

A simpler twin of ``csrc/qabwnas/linear_search.hpp``: bounds, prices, rounding, branching and ties are the same, but the
core goes best first, and improves the best subnet apart from that.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from qabwnas.search._numba.answers import Answers, Choices, are_apart, are_complete, insert, worst
from qabwnas.search._numba.inner import bare, inner
from qabwnas.search._numba.joined_rows import joined, shares_of_slack
from qabwnas.search._numba.linear_relaxation import (
    SOLVED,
    bound,
    bound_with,
    mark_basis,
    relaxation_of,
    solve,
    start_anew,
)
from qabwnas.search._numba.rows import Rows

COMPLETE, SLICE_ENDED = 0, -1
_NONE = 2**63 - 1
_UNLIMITED = 2**63 - 1
_STEPS_A_SLICE = 1 << 25
_DEPTH, _N_NODES = 0, 1

Ints = NDArray[np.int64]
Bytes = NDArray[np.uint8]


class LinearSearch:
    """A search that stands still between slices; one attempt after another to find the best subnets."""

    def __init__(self, rows: Rows, is_max: Bytes, origin: Ints, budgets: Ints) -> None:
        n_rows, n_blocks = rows.numbers.size, rows.offsets.size - 1
        keys, factors, least, range_ = joined(rows.offsets, rows.values, is_max, origin, budgets)
        budgeted = 1 + np.flatnonzero((is_max[1:] == 0) & (budgets[1:] != _UNLIMITED))
        costs, _ = shares_of_slack(rows.offsets, rows.values, budgeted, origin, budgets)
        self._first_total = int(origin[0]) + int(least[0])
        self._factor = int(factors[0])
        self._of_rows = (rows.offsets, rows.values, rows.numbers, keys)
        self._of_metrics = (is_max, origin, budgets, least, factors)
        self._shares = (keys / range_, costs, range_)
        self._path = (
            np.ones((n_blocks + 1, n_rows), dtype=np.uint8),  # by depth: rows that are allowed
            np.full((n_blocks + 1, n_blocks), -1, dtype=np.int64),  # by depth: key rows of a basis
            np.zeros((n_blocks + 1, budgeted.size), dtype=np.int64),  # by depth: its other variables
            np.zeros(n_blocks + 1, dtype=np.int64),  # by depth: the block that its children decide
            np.full(n_blocks + 1, -1, dtype=np.int64),  # by depth: how many children; −1: not expanded yet
            np.zeros(n_blocks + 1, dtype=np.int64),  # by depth: the next child
        )
        self._children = (np.zeros(n_rows, dtype=np.int64), np.zeros(n_rows, dtype=np.int64))  # bounds and rows
        self._state = np.zeros(2, dtype=np.int64)

    @property
    def n_nodes(self) -> int:
        return int(self._state[_N_NODES])

    @property
    def open_bound(self) -> int:
        """A lower bound on the objective of every subnet that was not looked at yet."""
        least = 0 if self._state[_DEPTH] == 0 else _NONE
        for depth in range(int(self._state[_DEPTH])):
            first = self._of_rows[0][self._path[3][depth]]
            # The child on the path is open too.
            still_open = slice(first + self._path[5][depth] - 1, first + self._path[4][depth])
            least = min(least, int(self._children[0][still_open].min()))
        return self._first_total + least // self._factor

    def restart(self) -> None:
        self._path[0][0] = 1
        self._path[1][0] = -1
        self._path[4][:] = -1
        self._state[_DEPTH] = 0

    def go_on(self, answers: Answers, earlier: Choices, distance: int, max_nodes: int) -> int:
        """Search for one slice for what is better than some answer; return COMPLETE or SLICE_ENDED."""
        status: int = _go_on(
            self._of_rows,
            self._of_metrics,
            self._shares,
            self._path,
            self._children,
            answers,
            (earlier, distance),
            self._state,
            max_nodes,
        )
        return status


@njit(cache=True, nogil=True)
def _go_on(of_rows, of_metrics, shares, path, children, answers, apart, state, max_nodes):  # type: ignore[no-untyped-def]
    offsets = of_rows[0]
    objectives, costs, _ = shares
    path_allowed, path_keys, path_others, block_at, n_children, next_child = path
    child_bounds, child_rows = children
    lp = relaxation_of(offsets, objectives, costs)
    depth, n_steps = state[0], 0
    while depth >= 0:
        if n_children[depth] < 0:
            if state[1] >= max_nodes or n_steps > _STEPS_A_SLICE:
                state[0] = depth
                return SLICE_ENDED
            state[1] += 1
            node_bound = np.int64(0)
            if depth > 0:
                node_bound = child_bounds[offsets[block_at[depth - 1]] + next_child[depth - 1] - 1]
            _load(lp, depth, path_allowed, path_keys, path_others)
            block, n_pivots = _expand(lp, node_bound, of_rows, of_metrics, shares[2], answers, apart)
            n_steps += (n_pivots + 4) * objectives.size * (costs.shape[0] + 1)
            n_children[depth] = next_child[depth] = 0
            if block >= 0:
                block_at[depth] = block
                n_children[depth] = _branch(lp, block, node_bound, of_metrics, shares[2], answers, children)
                _save(lp, depth, path_allowed, path_keys, path_others)
        if next_child[depth] == n_children[depth]:
            n_children[depth] = -1
            depth -= 1
            continue
        block = block_at[depth]
        child = offsets[block] + next_child[depth]
        next_child[depth] += 1
        if _is_behind(child_bounds[child], of_metrics, answers):
            continue
        for row in range(objectives.size):
            path_allowed[depth + 1, row] = path_allowed[depth, row]
        for row in range(offsets[block], offsets[block + 1]):
            path_allowed[depth + 1, row] = row == child_rows[child]
        for b in range(offsets.size - 1):
            path_keys[depth + 1, b] = path_keys[depth, b]
        for j in range(costs.shape[0]):
            path_others[depth + 1, j] = path_others[depth, j]
        depth += 1
    state[0] = depth
    return COMPLETE


@bare
def _load(lp, depth, path_allowed, path_keys, path_others):  # type: ignore[no-untyped-def]
    for row in range(lp.allowed.size):
        lp.allowed[row] = path_allowed[depth, row]
    if path_keys[depth, 0] < 0:  # the root
        start_anew(lp)
        return
    for b in range(lp.keys.size):
        lp.keys[b] = path_keys[depth, b]
    for j in range(lp.others.size):
        lp.others[j] = path_others[depth, j]
    mark_basis(lp)


@bare
def _save(lp, depth, path_allowed, path_keys, path_others):  # type: ignore[no-untyped-def]
    for row in range(lp.allowed.size):
        path_allowed[depth, row] = lp.allowed[row]
    for b in range(lp.keys.size):
        path_keys[depth, b] = lp.keys[b]
    for j in range(lp.others.size):
        path_others[depth, j] = lp.others[j]


@inner
def _expand(lp, node_bound, of_rows, of_metrics, key_range, answers, apart):  # type: ignore[no-untyped-def]
    """Bound a node and drop rows; return the block to branch on, −1 if nothing is left to decide, and pivots."""
    numbers = of_rows[2]
    if _is_behind(node_bound, of_metrics, answers) or not _can_be_apart(lp, numbers, apart):
        return -1, 0
    outcome, n_pivots = solve(lp, _cutoff(of_metrics, key_range, answers))
    if outcome != SOLVED:
        return -1, n_pivots
    _round(lp, of_rows, of_metrics, answers, apart)
    if not _drop_rows(lp, _cutoff(of_metrics, key_range, answers)) or not _can_be_apart(lp, numbers, apart):
        return -1, n_pivots
    least_key = max(node_bound, _key_bound(bound(lp), key_range))
    if _is_behind_in_ties(lp, least_key, of_rows, of_metrics, answers):
        return -1, n_pivots
    block, n_open = _branching_block(lp)
    if n_open < 2:
        _record_all(lp, block, of_rows, of_metrics, answers, apart)
        return -1, n_pivots
    return block, n_pivots


@inner
def _branch(lp, block, node_bound, of_metrics, key_range, answers, children):  # type: ignore[no-untyped-def]
    """List the children of a block's rows, those with the least price beside their share first; return how many."""
    child_bounds, child_rows = children
    first, n = lp.offsets[block], 0
    n_rows = lp.offsets[block + 1] - first
    prices = np.empty(n_rows)
    rows = np.empty(n_rows, dtype=np.int64)
    bounds = np.empty(n_rows, dtype=np.int64)
    for row in range(first, first + n_rows):
        if lp.allowed[row] == 0:
            continue
        price = bound_with(lp, block, row)
        least_key = max(node_bound, _key_bound(price, key_range))
        if not _is_behind(least_key, of_metrics, answers):
            prices[n], rows[n], bounds[n] = price - _share(lp, row), row, least_key
            n += 1
    order = np.argsort(prices[:n], kind="mergesort")
    for i in range(n):
        child_rows[first + i] = rows[order[i]]
        child_bounds[first + i] = bounds[order[i]]
    return n


@bare
def _share(lp, row):  # type: ignore[no-untyped-def]
    block = lp.block_of[row]
    if lp.keys[block] == row:
        return lp.key_shares[block]
    if lp.is_basic[row] != 0:
        for at in range(lp.others.size):
            if lp.others[at] == row:
                return lp.shares[at]
    return 0.0


@inner
def _largest_shares(lp):  # type: ignore[no-untyped-def]
    """Every block's allowed row with the largest share, and that share."""
    n_blocks = lp.keys.size
    rows = np.empty(n_blocks, dtype=np.int64)
    shares = np.empty(n_blocks)
    for b in range(n_blocks):
        rows[b], shares[b] = lp.keys[b], lp.key_shares[b]
        if lp.allowed[rows[b]] == 0:
            shares[b] = 0.0
            row = lp.offsets[b]
            while lp.allowed[row] == 0:
                row += 1
            rows[b] = row
    for at in range(lp.others.size):
        row = lp.others[at]
        if row >= 0 and lp.allowed[row] != 0 and lp.shares[at] > shares[lp.block_of[row]]:
            rows[lp.block_of[row]], shares[lp.block_of[row]] = row, lp.shares[at]
    return rows, shares


@bare
def _drop_rows(lp, cutoff):  # type: ignore[no-untyped-def]
    """Forbid rows whose prices tell that no subnet with them is among the k best; False if a block has none left."""
    if cutoff == np.inf:
        return True
    for b in range(lp.keys.size):
        n_left = 0
        for row in range(lp.offsets[b], lp.offsets[b + 1]):
            if lp.allowed[row] != 0:
                lp.allowed[row] = bound_with(lp, b, row) <= cutoff
                n_left += lp.allowed[row]
        if n_left == 0:
            return False
    return True


@inner
def _branching_block(lp):  # type: ignore[no-untyped-def]
    """The block that is shared out most evenly among fewest rows, and how many blocks have several."""
    _, shares = _largest_shares(lp)
    chosen, highest, n_open = 0, -1.0, 0
    for b in range(lp.keys.size):
        n_allowed = 0
        for row in range(lp.offsets[b], lp.offsets[b + 1]):
            n_allowed += lp.allowed[row]
        if n_allowed > 1:
            n_open += 1
            score = (1.0 - shares[b] + 1e-6) / n_allowed
            if score > highest:
                chosen, highest = b, score
    return chosen, n_open


@bare
def _can_be_apart(lp, numbers, apart):  # type: ignore[no-untyped-def]
    """Whether some subnet of allowed rows can differ from every earlier answer in enough blocks."""
    earlier, distance = apart
    for n in range(earlier.shape[0]):
        n_differing = 0
        for b in range(lp.keys.size):
            row = lp.offsets[b]
            while row < lp.offsets[b + 1] and (lp.allowed[row] == 0 or numbers[row] == earlier[n, b]):
                row += 1
            n_differing += row < lp.offsets[b + 1]
        if n_differing < distance:
            return False
    return True


@bare
def _key_of_worst(of_metrics, answers):  # type: ignore[no-untyped-def]
    _, origin, _, least, factors = of_metrics
    totals, at = answers[0], worst(answers)
    key = np.int64(0)
    for m in range(factors.size):
        key += factors[m] * (totals[at, m] - origin[m] - least[m])
    return key


@bare
def _key_bound(shares, key_range):  # type: ignore[no-untyped-def]
    key = max(shares, 0.0) * key_range
    return np.int64(np.ceil(key - key * 2.0**-50))


@bare
def _cutoff(of_metrics, key_range, answers):  # type: ignore[no-untyped-def]
    return _key_of_worst(of_metrics, answers) / key_range if are_complete(answers) else np.inf


@bare
def _is_behind(least_key, of_metrics, answers):  # type: ignore[no-untyped-def]
    """Whether no subnet whose key is at least this can join the k best."""
    return are_complete(answers) and least_key > _key_of_worst(of_metrics, answers)


@bare
def _is_behind_in_ties(lp, least_key, of_rows, of_metrics, answers):  # type: ignore[no-untyped-def]
    """The same of the subnets of allowed rows, which may tie with the worst of the k best in the key.

    What is left to decide, the other metrics and then the candidates, may be behind even where it is least.
    """
    _, values, numbers, _ = of_rows
    is_max, origin, _, _, factors = of_metrics
    if not are_complete(answers):
        return False
    key = _key_of_worst(of_metrics, answers)
    if least_key != key:
        return least_key > key
    totals, choice, at = answers[0], answers[1], worst(answers)
    for m in range(factors.size, is_max.size):
        total = origin[m]
        for b in range(lp.keys.size):
            smallest = np.int64(_NONE)
            for row in range(lp.offsets[b], lp.offsets[b + 1]):
                if lp.allowed[row] != 0:
                    smallest = min(smallest, values[row, m])
            total = max(total, smallest) if is_max[m] else total + smallest
        if total != totals[at, m]:
            return total > totals[at, m]
    for b in range(lp.keys.size):
        first = np.int64(_NONE)
        for row in range(lp.offsets[b], lp.offsets[b + 1]):
            if lp.allowed[row] != 0:
                first = min(first, np.int64(numbers[row]))
        if first != choice[at, b]:
            return first > choice[at, b]
    return True


@inner
def _round(lp, of_rows, of_metrics, answers, apart):  # type: ignore[no-untyped-def]
    rows, _ = _largest_shares(lp)
    _record(rows, of_rows, of_metrics, answers, apart)


@inner
def _record_all(lp, block, of_rows, of_metrics, answers, apart):  # type: ignore[no-untyped-def]
    """Record every subnet of allowed rows, of which no block but the given one has several."""
    rows, _ = _largest_shares(lp)
    for row in range(lp.offsets[block], lp.offsets[block + 1]):
        if lp.allowed[row] != 0:
            rows[block] = row
            _record(rows, of_rows, of_metrics, answers, apart)


@inner
def _record(rows, of_rows, of_metrics, answers, apart):  # type: ignore[no-untyped-def]
    """Record a subnet, if it fits and is apart from those before."""
    _, values, numbers, _ = of_rows
    is_max, origin, budgets, _, _ = of_metrics
    totals = origin.copy()
    choice = np.empty(rows.size, dtype=np.int32)
    for b in range(rows.size):
        for m in range(totals.size):
            value = values[rows[b], m]
            totals[m] = max(totals[m], value) if is_max[m] else totals[m] + value
        choice[b] = numbers[rows[b]]
    for m in range(totals.size):
        if totals[m] > budgets[m]:
            return
    if are_apart(choice, apart[0], apart[1]):
        insert(answers, totals, choice)

"""Best-first branch and bound with linear relaxations, for several budgets on sums, in slices.

A twin of ``csrc/solve/lp_branch_and_bound.hpp``, which also improves the best subnet apart from that now and then.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qabwnas.search.numba.answers import Answers, Choices
from qabwnas.search.numba.compiled import bare, compiled, inner
from qabwnas.search.numba.joined_rows import joined, shares_of_slack
from qabwnas.search.numba.linear_basis import mark_basis, relaxation_of, start_anew
from qabwnas.search.numba.linear_node import expand, is_behind, key_bound, share
from qabwnas.search.numba.linear_relaxation import bound_with
from qabwnas.search.numba.open_nodes import (
    BLOCK,
    BOUND,
    FAMILY,
    ROW,
    OpenNodes,
    are_none,
    have_room,
    make,
    new_family,
    pop,
    push,
    release,
)
from qabwnas.search.numba.rows import Rows

COMPLETE, SLICE_ENDED, _NO_ROOM = 0, -1, -2
_NONE = 2**63 - 1
_UNLIMITED = 2**63 - 1
_STEPS_A_SLICE = 1 << 25
_N_NODES, _IS_DIVING = 0, 1

Ints = NDArray[np.int64]
Bytes = NDArray[np.uint8]


class LinearSearch:
    """A search that stands still between slices; one attempt after another to find the best subnets.

    From the open node with the smallest bound it dives, child after best child, until nothing is left below.
    """

    def __init__(self, rows: Rows, is_max: Bytes, origin: Ints, budgets: Ints) -> None:
        n_rows, n_blocks = rows.numbers.size, rows.offsets.size - 1
        keys, factors, least, range_, last_key = joined(rows.offsets, rows.values, is_max, origin, budgets)
        budgeted = 1 + np.flatnonzero((is_max[1:] == 0) & (budgets[1:] != _UNLIMITED))
        costs, _ = shares_of_slack(rows.offsets, rows.values, budgeted, origin, budgets)
        self._first_total = int(origin[0]) + int(least[0])
        self._factor = int(factors[0])
        self._of_rows = (rows.offsets, rows.values, rows.numbers, keys)
        self._of_metrics = (is_max, origin, budgets, least, factors, last_key)
        self._shares = (keys / range_, costs, range_)
        self._most_children = int(np.diff(rows.offsets).max())
        self._open = OpenNodes.none(n_rows, n_blocks, budgeted.size)
        self._node = np.zeros(5, dtype=np.int64)  # that is looked at, while diving
        self._state = np.zeros(2, dtype=np.int64)
        self.restart()

    @property
    def n_nodes(self) -> int:
        return int(self._state[_N_NODES])

    @property
    def open_bound(self) -> int:
        """A lower bound on the objective of every subnet that was not looked at yet."""
        least = self._open.least_bound(int(self._node[BOUND]) if self._state[_IS_DIVING] else _NONE)
        return self._first_total + least // self._factor

    def restart(self) -> None:
        self._open.restart()
        self._state[_IS_DIVING] = 0

    def go_on(self, answers: Answers, earlier: Choices, distance: int, max_nodes: int) -> int:
        """Search for one slice for what is better than some answer; return COMPLETE or SLICE_ENDED."""
        status = _NO_ROOM
        while status == _NO_ROOM:
            status = _go_on(
                self._of_rows,
                self._of_metrics,
                self._shares,
                self._open,
                self._node,
                answers,
                (earlier, distance),
                self._state,
                (max_nodes, self._most_children),
            )
            if status == _NO_ROOM:
                self._open = self._open.with_room(max(len(self._open.nodes), self._most_children))
        return status


@compiled
def _go_on(of_rows, of_metrics, shares, open_nodes, node, answers, apart, state, limits):  # type: ignore[no-untyped-def]
    offsets, (objectives, costs, key_range) = of_rows[0], shares
    lp = relaxation_of(offsets, objectives, costs)
    n_blocks, d = offsets.size - 1, of_metrics[0].size
    spare = (np.empty(n_blocks, np.int64), np.empty(n_blocks), np.empty(d, np.int64), np.empty(n_blocks, np.int32))
    max_nodes, most_children = limits
    n_steps = 0
    while state[_IS_DIVING] == 1 or not are_none(open_nodes):
        if state[_N_NODES] >= max_nodes or n_steps > _STEPS_A_SLICE:
            return SLICE_ENDED
        if not have_room(open_nodes, most_children):
            return _NO_ROOM
        if state[_IS_DIVING] == 0:
            pop(open_nodes, node)
        state[_N_NODES] += 1
        state[_IS_DIVING] = 0
        family, node_bound = node[FAMILY], node[BOUND]
        _load(lp, node, open_nodes)
        block, n_pivots = expand(lp, node_bound, of_rows, of_metrics, key_range, answers, apart, spare)
        n_steps += (n_pivots + 4) * objectives.size * (costs.shape[0] + 1)
        if block >= 0:
            state[_IS_DIVING] = _branch(lp, block, node, of_metrics, key_range, answers, open_nodes)
        release(open_nodes, family)
    return COMPLETE


@bare
def _load(lp, node, open_nodes):  # type: ignore[no-untyped-def]
    family, block = node[FAMILY], node[BLOCK]
    for row in range(lp.allowed.size):
        lp.allowed[row] = open_nodes.allowed[family, row]
    if block < 0:  # the root
        start_anew(lp)
        return
    for row in range(lp.offsets[block], lp.offsets[block + 1]):
        lp.allowed[row] = row == node[ROW]
    for b in range(lp.keys.size):
        lp.keys[b] = open_nodes.keys[family, b]
    for j in range(lp.others.size):
        lp.others[j] = open_nodes.others[family, j]
    mark_basis(lp)


@bare
def _save(lp, family, open_nodes):  # type: ignore[no-untyped-def]
    for row in range(lp.allowed.size):
        open_nodes.allowed[family, row] = lp.allowed[row]
    for b in range(lp.keys.size):
        open_nodes.keys[family, b] = lp.keys[b]
    for j in range(lp.others.size):
        open_nodes.others[family, j] = lp.others[j]


@inner
def _branch(lp, block, node, of_metrics, key_range, answers, open_nodes):  # type: ignore[no-untyped-def]
    """Open the children of a node, a block's rows, and go to the one with the least price beside its share.

    Returns 1 if there is one, or 0.
    """
    first, n, node_bound = lp.offsets[block], 0, node[BOUND]
    n_rows = lp.offsets[block + 1] - first
    prices, rows, bounds = np.empty(n_rows), np.empty(n_rows, dtype=np.int64), np.empty(n_rows, dtype=np.int64)
    for row in range(first, first + n_rows):
        if lp.allowed[row] == 0:
            continue
        price = bound_with(lp, block, row)
        least_key = max(node_bound, key_bound(price, key_range))
        if not is_behind(least_key, of_metrics, answers):
            prices[n], rows[n], bounds[n] = price - share(lp, row), row, least_key
            n += 1
    if n == 0:
        return 0
    family = new_family(open_nodes)
    _save(lp, family, open_nodes)
    order = np.argsort(prices[:n], kind="mergesort")
    for i in range(n - 1, -1, -1):
        make(open_nodes, node, bounds[order[i]], family, block, rows[order[i]])
        if i > 0:
            push(open_nodes, node)
    return 1

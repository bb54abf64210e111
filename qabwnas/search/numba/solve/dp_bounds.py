"""Bounds of the DP branch and bound, by dynamic programming over the blocks: ``csrc/solve/dp_bounds.hpp``."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qabwnas.search.numba.compiled import bare, compiled, inner
from qabwnas.search.numba.core.cancel import give_turn
from qabwnas.search.numba.core.problem import UNLIMITED
from qabwnas.search.numba.solve.presolve import Problem, PrunedBlocks

_LOWEST = -(2**63)
_SCALE = 1 << 32  # of a whole slack; small enough for sums over thousands of weighted rows
_MOST_STATES = 4096  # per depth
_MOST_WORKING_STATES = 1 << 16

Ints = NDArray[np.int64]


class DpBounds(NamedTuple):
    """One relaxation per budgeted sum, and a surrogate if there are several; without budgets, one that costs nothing.

    Each is a ``DpBound`` in C++.
    """

    costs: Ints  # (n_relaxations, n_rows)
    budgets: Ints  # (n_relaxations,): of the costs
    states: Ints  # (2, n_states): objectives ascending and costs descending, for each relaxation and depth
    ends: Ints  # (n_relaxations, n_blocks + 2): the states of depth d lie from ends[d] to ends[d + 1]


def dp_bounds(problem: Problem, blocks: PrunedBlocks) -> DpBounds:
    """Return the bounds for blocks in search order."""
    offsets, values, _ = blocks
    first_rows = offsets[:-1]
    costs = [np.ascontiguousarray(values[:, m]) for m in problem.budgeted_sums()]
    budgets = [int(problem.budgets[m]) - int(problem.origin[m]) for m in problem.budgeted_sums()]
    if len(costs) > 1:
        scaled = [_scaled_to_slack(cost, budget, offsets) for cost, budget in zip(costs, budgets, strict=True)]
        costs.append(np.sum(scaled, axis=0))
        budgets.append(_SCALE * len(scaled))
    if not costs:
        costs, budgets = [np.zeros(len(values), dtype=np.int64)], [0]
    objectives = np.ascontiguousarray(values[:, 0])
    is_max = bool(problem.is_max[0])
    n_blocks = first_rows.size
    all_states = []
    for cost, budget in zip(costs, budgets, strict=True):
        least = np.minimum.reduceat(cost, first_rows)
        states = [np.array([[_LOWEST if is_max else 0], [0]])]  # after the last block nothing is left to add
        for depth in range(n_blocks - 1, 0, -1):
            give_turn()
            block = slice(offsets[depth], offsets[depth + 1])
            capacity = min(budget - int(least[:depth].sum()), UNLIMITED)
            states.append(_combine(states[-1], _pareto_states(objectives[block], cost[block]), capacity, is_max))
        all_states.append([states[0][:, :0], *states[::-1]])  # depth 0 has no states: nothing comes before it
    sizes = np.array([[states.shape[1] for states in of_relaxation] for of_relaxation in all_states])
    ends = np.zeros((len(costs), n_blocks + 2), dtype=np.int64)
    ends[:, 1:] = np.cumsum(sizes).reshape(sizes.shape)
    ends[1:, 0] = ends[:-1, -1]
    packed = np.concatenate([states for of_relaxation in all_states for states in of_relaxation], axis=1)
    return DpBounds(np.array(costs), np.array(budgets), packed, ends)


def _scaled_to_slack(costs: Ints, budget: int, offsets: Ints) -> Ints:
    """Return costs above each block's smallest, in units of slack / 2**32, rounded down so that bounds stay valid.

    A row that takes more than the slack is in no feasible subnet. It gets a cost just above the whole slack.
    """
    least = np.minimum.reduceat(costs, offsets[:-1])
    slack = budget - sum(least.tolist())
    if slack <= 0:
        return np.zeros_like(costs)
    above = (costs - np.repeat(least, np.diff(offsets))).tolist()
    return np.array([cost * _SCALE // slack if cost <= slack else _SCALE + 1 for cost in above], dtype=np.int64)


def _pareto_states(objectives: Ints, costs: Ints) -> Ints:
    """Return points ``(2, n)`` by objective, those whose cost is below all before them."""
    points = np.stack([objectives, costs])[:, np.lexsort((costs, objectives))]
    is_less = np.ones(points.shape[1], dtype=np.bool_)
    is_less[1:] = points[1, 1:] < np.minimum.accumulate(points[1])[:-1]
    return np.ascontiguousarray(points[:, is_less])


@compiled
def _combine(states, rows, capacity, is_max):  # type: ignore[no-untyped-def]
    """The Pareto states of all pairs of a state and a row with cost within the capacity.

    The states that each row makes are merged into the result, row by row.
    """
    result = np.empty((2, 0), dtype=np.int64)
    for row in range(rows.shape[1]):
        first = 0
        while first < states.shape[1] and states[1, first] + rows[1, row] > capacity:
            first += 1
        added = states[:, first:].copy()
        for i in range(added.shape[1]):
            added[0, i] = max(added[0, i], rows[0, row]) if is_max else added[0, i] + rows[0, row]
            added[1, i] += rows[1, row]
        result = _merged(result, added)
        if result.shape[1] > _MOST_WORKING_STATES:
            result = _coarsen(result, _MOST_WORKING_STATES // 2)
    return _coarsen(result, _MOST_STATES)


@inner
def _merged(a, b):  # type: ignore[no-untyped-def]
    """The Pareto states of two lists of them."""
    merged = np.empty((2, a.shape[1] + b.shape[1]), dtype=np.int64)
    n = at_a = at_b = 0
    while at_a < a.shape[1] or at_b < b.shape[1]:
        if at_b == b.shape[1] or (at_a < a.shape[1] and a[0, at_a] <= b[0, at_b]):
            objective, cost = a[0, at_a], a[1, at_a]
            at_a += 1
        else:
            objective, cost = b[0, at_b], b[1, at_b]
            at_b += 1
        if n > 0 and cost >= merged[1, n - 1]:
            continue
        n += n == 0 or objective != merged[0, n - 1]
        merged[0, n - 1], merged[1, n - 1] = objective, cost
    return merged[:, :n].copy()


@inner
def _coarsen(states, most):  # type: ignore[no-untyped-def]
    """At most so many states: groups of neighbours are replaced by their lower corners, so that bounds stay valid."""
    n = states.shape[1]
    if n <= most:
        return states
    group = (n + most - 1) // most
    corners = np.empty((2, (n + group - 1) // group), dtype=np.int64)
    for i in range(corners.shape[1]):
        corners[0, i] = states[0, i * group]
        corners[1, i] = states[1, min((i + 1) * group, n) - 1]
    return corners


@bare
def objective_within(bounds, r, depth, capacity):  # type: ignore[no-untyped-def]
    """Where the smallest objective with cost within the capacity stands among the states; −1 if there is none."""
    low, last = bounds.ends[r, depth], bounds.ends[r, depth + 1]
    high = last
    while low < high:
        middle = (low + high) // 2
        if bounds.states[1, middle] > capacity:
            low = middle + 1
        else:
            high = middle
    return low if low < last else -1

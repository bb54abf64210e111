"""Bounds of the direct search: ``csrc/solve/dp_bounds.hpp``.

A relaxation's staircases are exact fronts of objective and one cost over the blocks at each depth of the search and
behind. A table over cells of the objective drops nearly all sums of two steps before any sort.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qabwnas.search.numba.compiled import bare, compiled, inner
from qabwnas.search.numba.core.cancel import give_turn
from qabwnas.search.numba.pareto.cell_table import NONE

_UNLIMITED = 2**63 - 1
_LOWEST = -(2**63)
_SCALE = 1 << 32  # of a whole slack; small enough for sums over thousands of weighted rows
_MOST_STEPS = 4096
_PAIRS_A_SLICE = 1 << 23
_FEW_CELLS, _MOST_CELLS = 16, 1 << 16
_PAIRS_A_CELL = 4
_SAMPLED_FROM = 4
_NEIGHBOURS = 8  # that are looked at together

Ints = NDArray[np.int64]


class Relaxations(NamedTuple):
    """One a budgeted sum metric, and their surrogate if there are several; without budgets, one of no cost."""

    costs: Ints  # (n_relaxations, n_rows)
    rooms: Ints  # (n_relaxations,): the costs' budgets
    steps: Ints  # (n_relaxations, 2, capacity): objectives ascending and costs descending, deepest staircase first
    ends: Ints  # (n_relaxations, n_blocks + 2): staircase of depth d lies from ends[d + 1] to ends[d]


def relax(offsets: Ints, values: Ints, is_max: NDArray[np.uint8], origin: Ints, budgets: Ints) -> Relaxations:
    """Return the relaxations of rows ``(n_rows, n_metrics)``, whose blocks are in search order."""
    n_rows, d = values.shape
    costs, rooms = [], []
    for m in range(1, d):
        if not is_max[m] and budgets[m] != _UNLIMITED:
            costs.append(values[:, m])
            rooms.append(int(budgets[m]) - int(origin[m]))
    if len(costs) > 1:
        scaled = [_scaled_to_slack(cost, room, offsets) for cost, room in zip(costs, rooms, strict=True)]
        costs.append(sum(scaled[1:], start=scaled[0]))
        rooms.append(_SCALE * len(scaled))
    if not costs:
        costs, rooms = [np.zeros(n_rows, dtype=np.int64)], [0]
    n_blocks = offsets.size - 1
    relaxations = Relaxations(
        np.array(costs),
        np.array(rooms),
        np.empty((len(costs), 2, _MOST_STEPS * n_blocks + 1), dtype=np.int64),
        np.zeros((len(costs), n_blocks + 2), dtype=np.int64),
    )
    relaxations.steps[:, 0, 0] = _LOWEST if is_max[0] else 0  # behind all blocks nothing is left to add
    relaxations.steps[:, 1, 0] = 0
    relaxations.ends[:, n_blocks] = 1
    objectives = np.ascontiguousarray(values[:, 0])
    for r in range(len(costs)):
        depth = n_blocks
        while depth > 1:  # Python, and so Ctrl-C, has its turn between slices
            give_turn()
            depth = _extend(objectives, tuple(relaxations), r, offsets, bool(is_max[0]), depth)
    return relaxations


def _scaled_to_slack(costs: Ints, room: int, offsets: Ints) -> Ints:
    """Costs above each block's smallest, in units of slack / 2**32, rounded down so that bounds stay valid.

    A row that takes more than the slack is in no feasible subnet; it gets a cost just beyond the whole slack.
    """
    least = np.minimum.reduceat(costs, offsets[:-1])
    slack = room - sum(least.tolist())
    if slack <= 0:
        return np.zeros_like(costs)
    above = (costs - np.repeat(least, np.diff(offsets))).tolist()
    return np.array([cost * _SCALE // slack if cost <= slack else _SCALE + 1 for cost in above], dtype=np.int64)


@compiled
def _extend(objectives, relaxations, r, offsets, is_max, depth):  # type: ignore[no-untyped-def]
    """Make staircases of one depth after the other, down to 1, for one slice; return the last one made."""
    costs, steps, ends = relaxations[0][r], relaxations[2][r], relaxations[3][r]
    room = relaxations[1][r]
    for b in range(depth):
        room -= _smallest(costs, offsets[b], offsets[b + 1])
    n_pairs = 0
    while depth > 1 and n_pairs < _PAIRS_A_SLICE:
        depth -= 1
        first, last = offsets[depth], offsets[depth + 1]
        room += _smallest(costs, first, last)
        row_objectives, row_costs = _staircase(objectives[first:last].copy(), costs[first:last].copy())
        n_rows = _thin(row_objectives, row_costs)
        before, after = ends[depth + 2], ends[depth + 1]
        n_pairs += n_rows * (after - before)
        sums, sum_costs = _sums(
            steps[0, before:after],
            steps[1, before:after],
            row_objectives[:n_rows],
            row_costs[:n_rows],
            room,
            is_max,
        )
        sums, sum_costs = _staircase(sums, sum_costs)
        n = _thin(sums, sum_costs)
        for i in range(n):
            steps[0, after + i], steps[1, after + i] = sums[i], sum_costs[i]
        ends[depth] = after + n
    return depth


@bare
def _smallest(values, first, last):  # type: ignore[no-untyped-def]
    smallest = values[first]
    for i in range(first + 1, last):
        smallest = min(smallest, values[i])
    return smallest


@inner
def _sums(objectives, costs, row_objectives, row_costs, room, is_max):  # type: ignore[no-untyped-def]
    """Sums of a step and a row with cost within the room: all that are minimal, and little else."""
    n, n_rows = objectives.size, row_objectives.size
    if n == 0 or n_rows == 0:
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    low = _combine(is_max, objectives[0], row_objectives[0])
    high = _combine(is_max, objectives[n - 1], row_objectives[n_rows - 1])
    n_cells = min(max(n * n_rows // _PAIRS_A_CELL, _FEW_CELLS), _MOST_CELLS)
    start, width = np.float64(low), np.float64(high) - np.float64(low)
    scale, last_cell = (n_cells / width if width > 0 else 0.0), n_cells - 1.0
    lowest = np.full(n_cells + 1, NONE)  # cost of any sum in a cell below
    for j in range(n_rows):
        for i in range(j % _SAMPLED_FROM, n, _SAMPLED_FROM):
            objective = _combine(is_max, objectives[i], row_objectives[j])
            above = np.int64(min((np.float64(objective) - start) * scale, last_cell)) + 1
            lowest[above] = min(lowest[above], costs[i] + row_costs[j])
    for cell in range(n_cells):
        lowest[cell + 1] = min(lowest[cell + 1], lowest[cell])
    sums = np.empty(4 * (n + n_rows), dtype=np.int64)
    sum_costs = np.empty(sums.size, dtype=np.int64)
    n_sums = 0
    for j in range(n_rows):
        first = _first_within(costs, room - row_costs[j])
        if n_sums + n - first > sums.size:
            sums, sum_costs = _grown(sums, n_sums, n), _grown(sum_costs, n_sums, n)
        for i in range(first, n, _NEIGHBOURS):
            end = min(i + _NEIGHBOURS, n)
            corner = _combine(is_max, objectives[i], row_objectives[j])
            own = np.int64(min((np.float64(corner) - start) * scale, last_cell))
            if costs[end - 1] + row_costs[j] >= lowest[own]:
                continue  # nor is any neighbour below the table
            for at in range(i, end):
                objective = _combine(is_max, objectives[at], row_objectives[j])
                own = np.int64(min((np.float64(objective) - start) * scale, last_cell))
                sums[n_sums], sum_costs[n_sums] = objective, costs[at] + row_costs[j]
                n_sums += int(sum_costs[n_sums] < lowest[own])
    return sums[:n_sums], sum_costs[:n_sums]


@bare
def _combine(is_max, a, b):  # type: ignore[no-untyped-def]
    return max(a, b) if is_max else a + b


@bare
def _first_within(costs, room):  # type: ignore[no-untyped-def]
    """The first of descending costs that is at most the room; their number if none is."""
    low, high = 0, costs.size
    while low < high:
        middle = (low + high) // 2
        if costs[middle] > room:
            low = middle + 1
        else:
            high = middle
    return low


@inner
def _grown(values, n, n_more):  # type: ignore[no-untyped-def]
    grown = np.empty(2 * n + n_more, dtype=np.int64)
    for i in range(n):
        grown[i] = values[i]
    return grown


@inner
def _staircase(objectives, costs):  # type: ignore[no-untyped-def]
    """Sort points by objective and keep those whose cost is below all before them; points that tie keep one."""
    order = np.argsort(objectives)
    steps, step_costs = np.empty(order.size, dtype=np.int64), np.empty(order.size, dtype=np.int64)
    n = 0
    for i in order:
        if n > 0 and costs[i] >= step_costs[n - 1]:
            continue
        n += n == 0 or objectives[i] != steps[n - 1]
        steps[n - 1], step_costs[n - 1] = objectives[i], costs[i]
    return steps[:n], step_costs[:n]


@bare
def _thin(objectives, costs):  # type: ignore[no-untyped-def]
    """Replace groups of steps by their lower corners, which keeps every bound valid; return how many are left."""
    n = objectives.size
    if n <= _MOST_STEPS:
        return n
    group = (n + _MOST_STEPS - 1) // _MOST_STEPS
    n_kept = 0
    for first in range(0, n, group):
        objectives[n_kept], costs[n_kept] = objectives[first], costs[min(first + group, n) - 1]
        n_kept += 1
    return n_kept

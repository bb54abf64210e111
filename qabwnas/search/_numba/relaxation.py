"""Bounds of the direct search: ``csrc/qabwnas/relaxation.hpp``."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qabwnas.search._numba.sweep import kept_of_sorted

_UNLIMITED = 2**63 - 1
_LOWEST = -(2**63)
_SCALE = 1 << 32
_MAX_STEPS = 4096
_ITERATIONS = 120

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Relaxation:
    """One relaxed cost: of every row, its budget, and a staircase of (objective, cost) a depth."""

    costs: list[Ints]
    budget: int
    staircases: list[tuple[Ints, Ints]]


def relax(blocks: list[Ints], is_max: NDArray[np.uint8], origin: Ints, budgets: Ints) -> list[Relaxation]:
    """Return a relaxation a budgeted sum metric, and their surrogate; without budgets, one of no cost.

    ``blocks`` hold the rows ``(n, n_metrics)`` of every depth of the search.
    """
    budgeted = [m for m in range(is_max.size) if not is_max[m] and budgets[m] != _UNLIMITED]
    relaxations, scaled = [], []
    for m in budgeted:
        costs = [block[:, m].copy() for block in blocks]
        room = int(budgets[m]) - int(origin[m])
        relaxations.append(_relaxation(costs, room, blocks, bool(is_max[0])))
        scaled.append(_scaled_to_slack(costs, room - sum(int(cost.min()) for cost in costs)))
    if not budgeted:
        free = [np.zeros(len(block), dtype=np.int64) for block in blocks]
        relaxations.append(_relaxation(free, 0, blocks, bool(is_max[0])))
    if len(budgeted) > 1:
        weights = _multipliers([block[:, 0] for block in blocks], scaled)
        joined = [sum(w * part for w, part in zip(weights, parts, strict=True)) for parts in zip(*scaled, strict=True)]
        relaxations.append(_relaxation(joined, _SCALE * sum(weights), blocks, bool(is_max[0])))
    return relaxations


def _scaled_to_slack(costs: list[Ints], slack: int) -> list[Ints]:
    """Costs above each block's smallest, in units of slack / 2**32, rounded down so that bounds stay valid.

    A row that takes more than the slack is in no feasible subnet; it gets a cost just beyond the whole slack.
    """
    if slack <= 0:
        return [np.zeros_like(block) for block in costs]
    scaled = []
    for block in costs:
        above = (block - block.min()).tolist()
        scaled.append(np.array([cost * _SCALE // slack if cost <= slack else _SCALE + 1 for cost in above]))
    return scaled


def _multipliers(objectives: list[Ints], scaled: list[list[Ints]]) -> list[int]:
    """Weights of the scaled budgets, 0 to 4096, near those that maximise the Lagrangian bound (a subgradient method).

    They only steer the surrogate, so that floating point cannot make a bound wrong.
    """
    span = float(sum(int(block.max()) - int(block.min()) for block in objectives))
    best = multipliers = np.full(len(scaled), 1.0 / len(scaled))
    if span > 0:
        losses = [block / span for block in objectives]
        costs = [np.array(parts) / _SCALE for parts in zip(*scaled, strict=True)]  # (n_budgets, n_rows) a block
        best_bound = -np.inf
        for iteration in range(_ITERATIONS):
            bound, use = -float(multipliers.sum()), np.full(len(scaled), -1.0)
            for loss, cost in zip(losses, costs, strict=True):
                values = loss + multipliers @ cost
                chosen = int(values.argmin())
                bound += float(values[chosen])
                use += cost[:, chosen]
            if bound > best_bound:
                best_bound, best = bound, multipliers
            length = float(np.sqrt((use * use).sum()))
            if length == 0:
                break
            multipliers = np.maximum(0.0, multipliers + 0.5 / (length * np.sqrt(1.0 + iteration)) * use)
    largest = float(best.max())
    return [round(multiplier / largest * 4096) if largest > 0 else 1 for multiplier in best.tolist()]


def _relaxation(costs: list[Ints], budget: int, blocks: list[Ints], objective_is_max: bool) -> Relaxation:
    nothing = _LOWEST if objective_is_max else 0
    objectives, totals = np.array([nothing]), np.array([0])
    staircases = [(objectives, totals)]
    for block, block_costs in zip(reversed(blocks), reversed(costs), strict=True):
        rows_objectives, rows_costs = _staircase(block[:, 0], block_costs)
        if objective_is_max:
            sums = np.maximum.outer(objectives, rows_objectives)
        else:
            sums = np.add.outer(objectives, rows_objectives)
        objectives, totals = _staircase(sums.ravel(), np.add.outer(totals, rows_costs).ravel())
        objectives, totals = _thin(objectives, totals)
        staircases.append((objectives, totals))
    return Relaxation(costs, budget, staircases[::-1])


def _staircase(objectives: Ints, costs: Ints) -> tuple[Ints, Ints]:
    order = np.lexsort((costs, objectives))
    points = np.column_stack([objectives[order], costs[order]])
    kept = points[kept_of_sorted(points, 2, 1)]
    return np.ascontiguousarray(kept[:, 0]), np.ascontiguousarray(kept[:, 1])


def _thin(objectives: Ints, costs: Ints) -> tuple[Ints, Ints]:
    """Replace groups of steps by their lower corners, which keeps every bound valid."""
    if objectives.size <= _MAX_STEPS:
        return objectives, costs
    group = -(-objectives.size // _MAX_STEPS)
    firsts = np.arange(0, objectives.size, group)
    lasts = np.minimum(firsts + group, objectives.size) - 1
    return objectives[firsts], costs[lasts]

"""Every subnet, made and compared: ``csrc/baselines/brute_force.hpp``."""

from __future__ import annotations

import time

import numpy as np
from numpy.typing import NDArray

from qabwnas.search.numba.compiled import compiled

_COMPLETE, _INFEASIBLE, _, _LIMIT = range(4)
_UNLIMITED = 2**63 - 1
_SLAB = 2048
_SUBNETS_A_SLICE = 20_000_000

Ints = NDArray[np.int64]


def brute_force(
    values: Ints,
    offsets: Ints,
    is_max: NDArray[np.uint8],
    origin: Ints,
    budgets: Ints,
    max_subnets: int,
    max_seconds: float,
) -> tuple[int, Ints, NDArray[np.int32], int]:
    ends = time.monotonic() + max_seconds
    d, n_blocks = is_max.size, offsets.size - 1
    inner = int(np.argmax(np.diff(offsets)))
    wheels = np.array([b for b in range(n_blocks) if b != inner], dtype=np.int64)
    choice = np.zeros(n_blocks, dtype=np.int32)
    partial = np.empty((n_blocks, d), dtype=np.int64)
    partial[0] = origin
    best_totals, best_choice = np.zeros(d, dtype=np.int64), np.zeros(n_blocks, dtype=np.int32)
    state = np.zeros(4, dtype=np.int64)  # whether the odometer is over, the next inner row, subnets made, whether found
    problem = (values, offsets, is_max, budgets, inner, wheels)
    _add_up(problem, choice, partial, 0)
    while state[0] == 0 and state[2] < max_subnets and time.monotonic() < ends:
        most = min(max_subnets, int(state[2]) + _SUBNETS_A_SLICE)
        _make(problem, choice, partial, best_totals, best_choice, state, most)
    status = _LIMIT if state[0] == 0 else _COMPLETE if state[3] else _INFEASIBLE
    found = slice(0, int(state[3]))
    return status, best_totals[np.newaxis][found], best_choice[np.newaxis][found], int(state[2])


@compiled
def _add_up(problem, choice, partial, first):  # type: ignore[no-untyped-def]
    """Make the totals of the fixed part and the wheels anew, from wheel ``first`` on."""
    values, offsets, is_max, _, _, wheels = problem
    for w in range(first, wheels.size):
        row = offsets[wheels[w]] + choice[wheels[w]]
        for m in range(is_max.size):
            if is_max[m]:
                partial[w + 1, m] = max(partial[w, m], values[m, row])
            else:
                partial[w + 1, m] = partial[w, m] + values[m, row]


@compiled
def _turn(problem, choice, partial):  # type: ignore[no-untyped-def]
    """Take the next combination of all blocks but the innermost; False behind the last."""
    _, offsets, _, _, _, wheels = problem
    for w in range(wheels.size - 1, -1, -1):
        b = wheels[w]
        choice[b] += 1
        if choice[b] < offsets[b + 1] - offsets[b]:
            _add_up(problem, choice, partial, w)
            return True
        choice[b] = 0
    return False


@compiled
def _least_objective(problem, totals, first, last, objectives):  # type: ignore[no-untyped-def]
    """Write the objectives of a slab's subnets, unlimited where one breaks a budget; return the smallest."""
    values, _, is_max, budgets, _, _ = problem
    n = last - first
    for m in range(is_max.size):
        column, partial, budget = values[m, first:last], totals[m], budgets[m]
        if m == 0:
            for i in range(n):
                objectives[i] = max(partial, column[i]) if is_max[0] else partial + column[i]
        elif is_max[m]:
            for i in range(n):
                objectives[i] = objectives[i] if max(partial, column[i]) <= budget else _UNLIMITED
        else:
            for i in range(n):
                objectives[i] = objectives[i] if partial + column[i] <= budget else _UNLIMITED
    least = _UNLIMITED
    for i in range(n):
        least = min(least, objectives[i])
    return least if least <= budgets[0] else _UNLIMITED


@compiled
def _precedes(totals, choice, other_totals, other_choice):  # type: ignore[no-untyped-def]
    for m in range(totals.size):
        if totals[m] != other_totals[m]:
            return totals[m] < other_totals[m]
    for b in range(choice.size):
        if choice[b] != other_choice[b]:
            return choice[b] < other_choice[b]
    return False


@compiled
def _record(problem, row, choice, partial, best_totals, best_choice, state):  # type: ignore[no-untyped-def]
    values, offsets, is_max, _, inner, wheels = problem
    totals = np.empty_like(best_totals)
    for m in range(is_max.size):
        before = partial[wheels.size, m]
        totals[m] = max(before, values[m, row]) if is_max[m] else before + values[m, row]
    choice[inner] = row - offsets[inner]
    if state[3] == 0 or _precedes(totals, choice, best_totals, best_choice):
        best_totals[:] = totals
        best_choice[:] = choice
        state[3] = 1


@compiled
def _make(problem, choice, partial, best_totals, best_choice, state, max_subnets):  # type: ignore[no-untyped-def]
    """Go on until all subnets are made, or ``max_subnets``."""
    offsets, inner, wheels = problem[1], problem[4], problem[5]
    start, n_rows = offsets[inner], offsets[inner + 1] - offsets[inner]
    objectives = np.empty(min(_SLAB, n_rows), dtype=np.int64)
    while state[2] < max_subnets:
        first = start + state[1]
        last = min(first + _SLAB, start + n_rows, first + max_subnets - state[2])
        least = _least_objective(problem, partial[wheels.size], first, last, objectives)
        if least != _UNLIMITED and (state[3] == 0 or least <= best_totals[0]):
            for i in range(last - first):
                if objectives[i] == least:
                    _record(problem, first + i, choice, partial, best_totals, best_choice, state)
        state[1] += last - first
        state[2] += last - first
        if state[1] == n_rows:
            state[1] = 0
            if not _turn(problem, choice, partial):
                state[0] = 1
                return

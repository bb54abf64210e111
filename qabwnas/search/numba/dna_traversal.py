"""DNA's traversal, as published and repaired: ``csrc/baselines/dna_traversal.hpp``."""

from __future__ import annotations

import time
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from qabwnas.search.numba.compiled import compiled

_COMPLETE, _INFEASIBLE, _, _LIMIT = range(4)
_NODES_A_SLICE = 2_000_000
_DEPTH, _N_NODES, _FOUND, _BEST_LOSS = range(4)

Ints = NDArray[np.int64]


def dna_traversal(
    values: Ints, offsets: Ints, origin: Ints, budget: int, repaired: bool, max_nodes: int, max_seconds: float
) -> tuple[int, Ints, NDArray[np.int32], int]:
    ends = time.monotonic() + max_seconds
    n_stages = offsets.size - 1
    order = np.concatenate([a + np.argsort(values[0, a:b], kind="stable") for a, b in pairwise(offsets)])
    least = np.minimum.reduceat(values[1], offsets[:-1])
    caps = budget - origin[1] - (least[::-1].cumsum()[::-1] - least)
    stages = (values[0, order], values[1, order], offsets, caps)
    bounds = np.diff(offsets)
    index, ends_at = np.zeros(n_stages, dtype=np.int64), np.zeros(n_stages, dtype=np.int64)
    before = np.zeros((2, n_stages), dtype=np.int64)  # loss and cost of the partial subnet before every stage
    loops = (bounds, index, ends_at, before)
    best = np.zeros(n_stages, dtype=np.int64)
    state = np.zeros(4, dtype=np.int64)
    _enter(0, stages, loops, repaired)
    while state[_DEPTH] >= 0 and state[_N_NODES] < max_nodes and time.monotonic() < ends:
        most = min(max_nodes, int(state[_N_NODES]) + _NODES_A_SLICE)
        _traverse(stages, loops, best, state, repaired, most)
    n_found = int(state[_FOUND])
    rows = order[offsets[:-1] + best]
    totals = (origin + values[:, rows].sum(axis=1))[np.newaxis, :][:n_found]
    choice = (rows - offsets[:-1]).astype(np.int32)[np.newaxis, :][:n_found]
    status = _LIMIT if state[_DEPTH] >= 0 else _COMPLETE if n_found else _INFEASIBLE
    return status, totals, choice, int(state[_N_NODES])


@compiled
def _enter(b, stages, loops, repaired):  # type: ignore[no-untyped-def]
    losses, costs, offsets, _ = stages
    bounds, index, ends_at, before = loops
    if b > 0:
        row = offsets[b - 1] + index[b - 1]
        before[0, b] = before[0, b - 1] + losses[row]
        before[1, b] = before[1, b - 1] + costs[row]
    if repaired:
        bounds[b] = offsets[b + 1] - offsets[b]
    index[b] = 0
    ends_at[b] = bounds[b]


@compiled
def _pass_up(b, offsets, bounds, index):  # type: ignore[no-untyped-def]
    """The best of this loop is its first candidate: the loop around need not go further than now."""
    if b > 0:
        bounds[b - 1] = index[b - 1]
    bounds[b] = offsets[b + 1] - offsets[b]


@compiled
def _visit_last(b, stages, loops, best, state):  # type: ignore[no-untyped-def]
    losses, costs, offsets, caps = stages
    bounds, index, ends_at, before = loops
    row = offsets[b] + index[b]
    if before[1, b] + costs[row] > caps[b]:
        index[b] += 1
        return
    loss = before[0, b] + losses[row]
    if state[_FOUND] == 0 or loss < state[_BEST_LOSS]:
        state[_FOUND] = 1
        state[_BEST_LOSS] = loss
        best[:] = index
    bounds[b] = index[b]
    if index[b] == 0:
        _pass_up(b, offsets, bounds, index)
    ends_at[b] = index[b]


@compiled
def _traverse(stages, loops, best, state, repaired, max_nodes):  # type: ignore[no-untyped-def]
    """Go on until the traversal is over (the depth is then −1), or ``max_nodes`` candidates were looked at."""
    _, costs, offsets, caps = stages
    bounds, index, ends_at, before = loops
    b, last = state[_DEPTH], offsets.size - 2
    while b >= 0:
        if index[b] >= ends_at[b]:  # the loop is over
            b -= 1
            if b >= 0:
                index[b] += 1
            continue
        if state[_N_NODES] >= max_nodes:
            break
        state[_N_NODES] += 1
        if b == last:
            _visit_last(b, stages, loops, best, state)
        elif b > 0 and index[b] >= bounds[b]:
            if bounds[b] == 0:
                _pass_up(b, offsets, bounds, index)
            ends_at[b] = index[b]
        elif before[1, b] + costs[offsets[b] + index[b]] > caps[b]:
            index[b] += 1
        else:
            b += 1
            _enter(b, stages, loops, repaired)
    state[_DEPTH] = b

"""The traversal of DNA, as published and repaired: ``csrc/baselines/dna_traversal.hpp`` gives its rules."""

from __future__ import annotations

import time
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from qabwnas.search.numba.compiled import compiled
from qabwnas.search.numba.core.cancel import in_slices
from qabwnas.search.numba.core.problem import COMPLETE, INFEASIBLE, LIMIT

_NODES_PER_SLICE = 2_000_000

Ints = NDArray[np.int64]


def dna_traversal(
    values: Ints, offsets: Ints, origin: Ints, budget: int, repaired: bool, max_nodes: int, max_seconds: float
) -> tuple[int, Ints, NDArray[np.int32], int]:
    ends = time.monotonic() + max_seconds
    order = np.concatenate([a + np.argsort(values[0, a:b], kind="stable") for a, b in pairwise(offsets)])
    least = np.minimum.reduceat(values[1], offsets[:-1])
    caps = budget - origin[1] - (least[::-1].cumsum()[::-1] - least)
    best = np.zeros(offsets.size - 1, dtype=np.int64)
    slices = in_slices(_traverse, values[0, order], values[1, order], offsets, caps, repaired, max_nodes, best)
    for n_nodes, has_best, is_complete in slices:
        n_found = int(has_best)
        if is_complete or n_nodes >= max_nodes or time.monotonic() >= ends:
            break
    rows = order[offsets[:-1] + best]
    totals = (origin + values[:, rows].sum(axis=1))[np.newaxis, :][:n_found]
    choice = (rows - offsets[:-1]).astype(np.int32)[np.newaxis, :][:n_found]
    status = LIMIT if not is_complete else COMPLETE if n_found else INFEASIBLE
    return status, totals, choice, n_nodes


@compiled
def _traverse(losses, costs, offsets, caps, repaired, max_nodes, best, stop):  # type: ignore[no-untyped-def]
    """Yield after each slice: candidates visited so far, whether a subnet is recorded, and whether it is the end."""
    n_stages = offsets.size - 1
    sizes = offsets[1:] - offsets[:-1]
    bounds, ends_at = sizes.copy(), sizes.copy()  # M, and the ends of the loops
    index = np.zeros(n_stages, dtype=np.int64)
    loss_before, cost_before = np.zeros(n_stages, dtype=np.int64), np.zeros(n_stages, dtype=np.int64)
    has_best, best_loss = False, np.int64(0)
    b, n_nodes, slice_end = 0, np.int64(0), np.int64(_NODES_PER_SLICE)
    while b >= 0:
        if index[b] >= ends_at[b]:  # the loop is over
            b -= 1
            if b >= 0:
                index[b] += 1
            continue
        if n_nodes >= min(slice_end, max_nodes):
            yield n_nodes, has_best, False
            if stop[0]:
                return
            slice_end = n_nodes + _NODES_PER_SLICE
        n_nodes += 1
        row = offsets[b] + index[b]
        is_last = b == n_stages - 1
        leaves = not is_last and b > 0 and index[b] >= bounds[b]
        if not leaves and cost_before[b] + costs[row] > caps[b]:
            index[b] += 1
            continue
        if not leaves and not is_last:  # enter the next stage
            loss_before[b + 1] = loss_before[b] + losses[row]
            cost_before[b + 1] = cost_before[b] + costs[row]
            b += 1
            if repaired:
                bounds[b] = sizes[b]
            index[b], ends_at[b] = 0, bounds[b]
            continue
        if is_last:
            loss = loss_before[b] + losses[row]
            if not has_best or loss < best_loss:
                has_best, best_loss = True, loss
                best[:] = index
            bounds[b] = index[b]
        if bounds[b] == 0:  # the best of this loop is its first candidate: the enclosing loop need not go further
            if b > 0:
                bounds[b - 1] = index[b - 1]
            bounds[b] = sizes[b]
        ends_at[b] = index[b]
    yield n_nodes, has_best, True

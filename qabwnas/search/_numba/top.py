"""Direct search for the k best subnets under budgets: ``csrc/qabwnas/top.hpp``."""

from __future__ import annotations

import time
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from qabwnas.search._numba.descent import COMPLETE, LIMIT, SLICE_ENDED, Stack, descend
from qabwnas.search._numba.prune import prune
from qabwnas.search._numba.relaxation import relax

_UNLIMITED = 2**63 - 1
_LOWEST = -(2**63)
_INFEASIBLE = 1

Ints = NDArray[np.int64]
Result = tuple[int, Ints, NDArray[np.int32], int, int]


def top(
    values: Ints,
    offsets: Ints,
    is_max: NDArray[np.uint8],
    origin: Ints,
    budgets: Ints,
    k: int,
    distance: int,
    max_nodes: int,
    max_seconds: float,
) -> Result:
    ends = time.monotonic() + max_seconds
    d, n_blocks = is_max.size, offsets.size - 1
    blocks = [values[:, first:last] for first, last in pairwise(offsets)]
    usable = _usable_rows(blocks, is_max, origin, budgets)
    if usable is None:
        return _INFEASIBLE, np.empty((0, d), np.int64), np.empty((0, n_blocks), np.int32), 0, 0
    rows = [r[prune(np.ascontiguousarray(block[:, r]), is_max, k)] for block, r in zip(blocks, usable, strict=True)]
    block_at = np.argsort([-r.size for r in rows], kind="stable")
    by_depth = [np.ascontiguousarray(blocks[b][:, rows[b]].T) for b in block_at]
    relaxations = relax(by_depth, is_max, origin, budgets)

    least = np.where(is_max == 1, _LOWEST, 0)[np.newaxis, :]
    for block in reversed(by_depth):
        smallest = block.min(axis=0)
        added = np.where(is_max == 1, np.maximum(least[0], smallest), least[0] + np.where(is_max == 1, 0, smallest))
        least = np.concatenate([added[np.newaxis, :], least])
    stack = Stack.of(by_depth, [rows[b] for b in block_at], block_at, relaxations, least, is_max, origin, budgets)
    if distance == 1:
        stack.restart(k, stack.earlier, 1)
        status = _finish(stack, max_nodes, ends)
        totals, choice = stack.best_totals[: stack.n_found], stack.best_choice[: stack.n_found]
    else:
        totals, choice = np.empty((0, d), np.int64), np.empty((0, n_blocks), np.int32)
        status = COMPLETE
        while len(totals) < k and status == COMPLETE:
            stack.restart(1, choice, distance)
            status = _finish(stack, max_nodes, ends)
            if stack.n_found == 0:
                break
            totals = np.concatenate([totals, stack.best_totals])
            choice = np.concatenate([choice, stack.best_choice])
    if status == COMPLETE and len(totals) == 0:
        return _INFEASIBLE, totals, choice, 0, stack.n_nodes
    bounds = [int(totals[0, 0])] if len(totals) else []
    if status == LIMIT and len(totals) < 2:
        bounds.append(stack.open_bound)
    return status, totals, choice, min(bounds), stack.n_nodes


def _finish(stack: Stack, max_nodes: int, ends: float) -> int:
    status = SLICE_ENDED
    while status == SLICE_ENDED:  # Python, and so Ctrl-C, has its turn between slices
        status = descend(stack, max_nodes)
        if status == SLICE_ENDED and time.monotonic() >= ends:
            status = LIMIT
    return status


def _usable_rows(
    blocks: list[Ints], is_max: NDArray[np.uint8], origin: Ints, budgets: Ints
) -> list[NDArray[np.int64]] | None:
    """Rows that some choice of the other blocks keeps within every budget; ``None`` if a block has none."""
    usable = [np.ones(block.shape[1], dtype=np.bool_) for block in blocks]
    for m in range(is_max.size):
        if budgets[m] == _UNLIMITED:
            continue
        smallest = [int(block[m].min()) for block in blocks]
        least = max(int(origin[m]), *smallest) if is_max[m] else int(origin[m]) + sum(smallest)
        if least > budgets[m]:
            return None
        for block, mask, own in zip(blocks, usable, smallest, strict=True):
            room = int(budgets[m]) if is_max[m] else int(budgets[m]) - least + own
            mask &= block[m] <= room
            if not mask.any():
                return None
    return [np.flatnonzero(mask) for mask in usable]

"""Depth-first branch and bound with DP bounds: ``csrc/solve/dp_branch_and_bound.hpp``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qabwnas.search.numba.compiled import bare, compiled, inner
from qabwnas.search.numba.core.cancel import in_slices
from qabwnas.search.numba.core.problem import combine
from qabwnas.search.numba.solve.answers import Answers, HammingConstraint, are_complete, insert, worst
from qabwnas.search.numba.solve.dp_bounds import DpBounds, dp_bounds, objective_within
from qabwnas.search.numba.solve.presolve import Problem, PrunedBlocks

_LOWEST = -(2**63)
_NODES_PER_SLICE = 200_000

Ints = NDArray[np.int64]


class _Tree(NamedTuple):
    """Rows by depth, the block with the most rows first, and what bounds them."""

    offsets: Ints  # (n_blocks + 1,): where the rows of each depth begin
    values: Ints  # (n_rows, n_metrics)
    candidates: NDArray[np.int32]  # (n_rows,)
    block_at: Ints  # (n_blocks,): the block of each depth
    least: Ints  # (n_blocks + 1, n_metrics): what the blocks from each depth on add at least
    is_max: NDArray[np.uint8]
    origin: Ints
    budgets: Ints
    bounds: DpBounds


class DpBranchAndBound:
    """A search that decides one block per depth."""

    def __init__(self, problem: Problem, blocks: PrunedBlocks) -> None:
        _, _, is_max, origin, budgets = problem
        sizes = np.diff(blocks.offsets)
        block_at = np.argsort(-sizes, kind="stable")
        rows = np.concatenate([np.arange(blocks.offsets[b], blocks.offsets[b + 1]) for b in block_at])
        offsets = np.concatenate([[0], np.cumsum(sizes[block_at])])
        by_depth = PrunedBlocks(offsets, blocks.values[rows], blocks.candidates[rows])
        least = np.vstack([np.minimum.reduceat(by_depth.values, offsets[:-1]), np.where(is_max, _LOWEST, 0)])[::-1]
        least = np.where(is_max, np.maximum.accumulate(least), np.cumsum(least, axis=0))[::-1]
        least = np.ascontiguousarray(least)
        self._tree = _Tree(*by_depth, block_at, least, is_max, origin, budgets, dp_bounds(problem, by_depth))

    def search(
        self, answers: Answers, constraint: HammingConstraint, max_nodes: int
    ) -> Iterator[tuple[int, int | None]]:
        """Add the best subnets to ``answers``; yields as :meth:`LpBranchAndBound.search` does."""
        for n_nodes, open_bound, is_complete in in_slices(_search, self._tree, answers, constraint, max_nodes):
            yield n_nodes, None if is_complete else open_bound


@compiled
def _search(tree, answers, constraint, max_nodes, stop):  # type: ignore[no-untyped-def]
    """Yield after each slice, and after the last node: nodes so far, a bound on the open ones, whether none is open."""
    n_blocks = tree.block_at.size
    totals = np.empty((n_blocks + 1, tree.origin.size), dtype=np.int64)  # of the partial subnet, by depth
    totals[0] = tree.origin
    capacities = np.empty((n_blocks + 1, tree.bounds.budgets.size), dtype=np.int64)  # left of each relaxation's budget
    capacities[0] = tree.bounds.budgets
    choice = np.zeros(n_blocks, dtype=np.int32)
    path = (totals, capacities, choice)
    # The children of the open node at each depth: their bounds, ascending, and their rows.
    child_bounds, child_rows = np.empty_like(tree.offsets[:0]), np.empty_like(tree.offsets[:0])
    children = [(child_bounds, child_rows)] * n_blocks
    next_child = np.full(n_blocks, -1)  # −1: the node is still to be expanded
    depth = n_nodes = np.int64(0)
    least_total = combine(tree.is_max[0], tree.origin[0], tree.least[0, 0])
    slice_end = min(max_nodes, np.int64(_NODES_PER_SLICE))
    while depth >= 0:
        if depth == n_blocks:
            _record(tree, totals[depth], choice, answers)
            depth -= 1
            continue
        if next_child[depth] < 0:
            if n_nodes >= slice_end:
                open_bound = least_total if depth == 0 else children[0][0][next_child[0] - 1]
                for d in range(depth):  # the child on the path is open too; its later siblings have larger bounds
                    open_bound = min(open_bound, children[d][0][next_child[d] - 1])
                yield n_nodes, open_bound, False
                if stop[0]:
                    return
                slice_end = min(max_nodes, n_nodes + _NODES_PER_SLICE)
            children[depth] = _expand(tree, depth, path, answers, constraint)
            n_nodes += tree.offsets[depth + 1] - tree.offsets[depth]
            next_child[depth] = 0
        child_bounds, child_rows = children[depth]
        if next_child[depth] == child_rows.size:
            next_child[depth] = -1
            depth -= 1
            continue
        child = next_child[depth]
        next_child[depth] += 1
        _take_row(tree, depth, child_rows[child], path)
        if not _is_pruned_by_bound(tree, depth + 1, child_bounds[child], totals, answers):
            depth += 1
    yield n_nodes, np.int64(0), True


@inner
def _expand(tree, depth, path, answers, constraint):  # type: ignore[no-untyped-def]
    """Return the children that can lead to an answer: their bounds, ascending, and their rows."""
    first, last = tree.offsets[depth], tree.offsets[depth + 1]
    bounds, rows, n = np.empty(last - first, dtype=np.int64), np.empty(last - first, dtype=np.int64), 0
    for row in range(first, last):
        _take_row(tree, depth, row, path)
        fits, bound = _lower_bound(tree, depth + 1, path)
        if not fits or bound > tree.budgets[0] or _is_pruned_by_bound(tree, depth + 1, bound, path[0], answers):
            continue
        if _can_keep_min_distance(tree, depth + 1, path[2], constraint):
            bounds[n], rows[n] = bound, row
            n += 1
    order = np.argsort(bounds[:n], kind="mergesort")
    return bounds[order], rows[order]


@bare
def _take_row(tree, depth, row, path):  # type: ignore[no-untyped-def]
    totals, capacities, choice = path
    for m in range(totals.shape[1]):
        totals[depth + 1, m] = combine(tree.is_max[m], totals[depth, m], tree.values[row, m])
    for r in range(capacities.shape[1]):
        capacities[depth + 1, r] = capacities[depth, r] - tree.bounds.costs[r, row]
    choice[tree.block_at[depth]] = tree.candidates[row]


@bare
def _lower_bound(tree, depth, path):  # type: ignore[no-untyped-def]
    """Whether some completion of the partial subnet fits each relaxation, and a lower bound on its objective."""
    totals, capacities, _ = path
    bound = np.int64(_LOWEST)
    for r in range(capacities.shape[1]):
        at = objective_within(tree.bounds, r, depth, capacities[depth, r])
        if at < 0:
            return False, bound
        bound = max(bound, combine(tree.is_max[0], totals[depth, 0], tree.bounds.states[0, at]))
    return True, bound


@bare
def _is_pruned_by_bound(tree, depth, bound, totals, answers):  # type: ignore[no-untyped-def]
    """Whether no completion of the partial subnet can join the k best, by its least totals in the order of answers."""
    if not are_complete(answers):
        return False
    found, at = answers[0], worst(answers)
    if bound != found[at, 0]:
        return bound > found[at, 0]
    for m in range(1, tree.is_max.size):
        smallest = combine(tree.is_max[m], totals[depth, m], tree.least[depth, m])
        if smallest != found[at, m]:
            return smallest > found[at, m]
    return False


@bare
def _can_keep_min_distance(tree, depth, choice, constraint):  # type: ignore[no-untyped-def]
    """Whether some completion can differ from each earlier answer in enough blocks."""
    for n in range(constraint.earlier.shape[0]):
        n_differing = choice.size - depth
        for d in range(depth):
            block = tree.block_at[d]
            n_differing += choice[block] != constraint.earlier[n, block]
        if n_differing < constraint.min_distance:
            return False
    return True


@bare
def _record(tree, totals, choice, answers):  # type: ignore[no-untyped-def]
    for m in range(totals.size):
        if totals[m] > tree.budgets[m]:
            return
    insert(answers, totals, choice)

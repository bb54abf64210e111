"""Depth-first branch and bound behind staircases, in slices: ``csrc/solve/dp_branch_and_bound.hpp``."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qabwnas.search.numba.answers import Answers, Choices, are_complete, insert, worst
from qabwnas.search.numba.compiled import bare, compiled, inner
from qabwnas.search.numba.relaxation import relax
from qabwnas.search.numba.rows import Rows

COMPLETE, SLICE_ENDED = 0, -1
_UNLIMITED = 2**63 - 1
_LOWEST = -(2**63)
_NODES_A_SLICE = 200_000
_FEW_CHILDREN = 64
_DEPTH, _N_NODES = 0, 1

Ints = NDArray[np.int64]
Bytes = NDArray[np.uint8]


class Descent:
    """A search that stands still between slices; one attempt after another to find the best subnets."""

    def __init__(self, rows: Rows, is_max: Bytes, origin: Ints, budgets: Ints) -> None:
        n_blocks, d = rows.offsets.size - 1, is_max.size
        block_at = np.argsort(rows.offsets[:-1] - rows.offsets[1:], kind="stable")  # most rows first
        starts, values, numbers, least = _by_depth(rows.offsets, rows.values, rows.numbers, block_at, is_max)
        relaxations = relax(starts, values, is_max, origin, budgets)
        self._rows = (starts, values, numbers, block_at, relaxations.costs)
        self._bounds = (relaxations.steps, relaxations.ends, least, is_max, budgets)
        totals = np.empty((n_blocks + 1, d), dtype=np.int64)
        totals[0] = origin
        rooms = np.empty((n_blocks + 1, relaxations.rooms.size), dtype=np.int64)
        rooms[0] = relaxations.rooms
        self._path = (totals, rooms, np.zeros(n_blocks, dtype=np.int32))
        self._children = (
            np.empty(starts[-1], dtype=np.int64),  # bounds of the children of every depth's open node, ascending
            np.empty(starts[-1], dtype=np.int64),  # their rows
            np.full(n_blocks, -1, dtype=np.int64),  # by depth: how many; −1: the node is still to be expanded
            np.zeros(n_blocks, dtype=np.int64),  # by depth: the next one
        )
        self._state = np.zeros(2, dtype=np.int64)
        self._root_bound = int(max(origin[0], least[0, 0]) if is_max[0] else origin[0] + least[0, 0])

    @property
    def n_nodes(self) -> int:
        return int(self._state[_N_NODES])

    @property
    def open_bound(self) -> int:
        """A lower bound on the objective of every subnet that was not looked at yet."""
        bounds = [self._root_bound] if self._state[_DEPTH] == 0 else []
        for depth in range(int(self._state[_DEPTH])):  # the child on the path is open too; those behind it are larger
            bounds.append(int(self._children[0][self._rows[0][depth] + self._children[3][depth] - 1]))
        return min(bounds)

    def restart(self) -> None:
        self._children[2][:] = -1
        self._state[_DEPTH] = 0

    def go_on(self, answers: Answers, earlier: Choices, distance: int, max_nodes: int) -> int:
        """Search for one slice for what is better than some answer; return COMPLETE or SLICE_ENDED."""
        status: int = _go_on(
            self._rows,
            self._bounds,
            self._path,
            self._children,
            answers,
            (earlier, distance),
            self._state,
            min(max_nodes, self.n_nodes + _NODES_A_SLICE),
        )
        return status


@compiled
def _by_depth(offsets, values, numbers, block_at, is_max):  # type: ignore[no-untyped-def]
    """Starts, values and numbers of rows in the order of the search, and what the blocks at a depth and behind add."""
    n_blocks, d = block_at.size, is_max.size
    starts = np.zeros(n_blocks + 1, dtype=np.int64)
    values_at, numbers_at = np.empty_like(values), np.empty_like(numbers)
    least = np.empty((n_blocks + 1, d), dtype=np.int64)
    for depth in range(n_blocks):
        at = starts[depth]
        for m in range(d):
            least[depth, m] = _UNLIMITED
        for row in range(offsets[block_at[depth]], offsets[block_at[depth] + 1]):
            for m in range(d):
                values_at[at, m] = values[row, m]
                least[depth, m] = min(least[depth, m], values[row, m])
            numbers_at[at] = numbers[row]
            at += 1
        starts[depth + 1] = at
    for m in range(d):
        least[n_blocks, m] = _LOWEST if is_max[m] else 0
        for depth in range(n_blocks - 1, -1, -1):
            least[depth, m] = _combine(is_max[m], least[depth, m], least[depth + 1, m])
    return starts, values_at, numbers_at, least


@bare
def _combine(is_max, a, b):  # type: ignore[no-untyped-def]
    return max(a, b) if is_max else a + b


@bare
def _bound(depth, i, rows, path, bounds):  # type: ignore[no-untyped-def]
    """Whether some completion with row i at this depth fits every relaxation, and a lower bound on its objective."""
    values, costs = rows[1], rows[4]
    totals, rooms, _ = path
    steps, ends, _, is_max, _ = bounds
    bound = np.int64(_LOWEST)
    objective = _combine(is_max[0], totals[depth, 0], values[i, 0])
    for r in range(rooms.shape[1]):
        room = rooms[depth, r] - costs[r, i]
        low, high = ends[r, depth + 2], ends[r, depth + 1]
        last = high
        while low < high:
            middle = (low + high) // 2
            if steps[r, 1, middle] > room:
                low = middle + 1
            else:
                high = middle
        if low == last:
            return False, bound
        bound = max(bound, _combine(is_max[0], objective, steps[r, 0, low]))
    return True, bound


@bare
def _is_behind(depth, bound, totals, bounds, answers):  # type: ignore[no-untyped-def]
    """Whether no completion of the partial subnet can join the k best."""
    if not are_complete(answers):
        return False
    _, _, least, is_max, _ = bounds
    found, at = answers[0], worst(answers)
    if bound != found[at, 0]:
        return bound > found[at, 0]
    for m in range(1, is_max.size):
        smallest = _combine(is_max[m], totals[depth, m], least[depth, m])
        if smallest != found[at, m]:
            return smallest > found[at, m]
    return False


@bare
def _step_down(depth, i, rows, path, is_max):  # type: ignore[no-untyped-def]
    """Take row i at this depth."""
    _, values, numbers, block_at, costs = rows
    totals, rooms, choice = path
    for m in range(is_max.size):
        totals[depth + 1, m] = _combine(is_max[m], totals[depth, m], values[i, m])
    for r in range(rooms.shape[1]):
        rooms[depth + 1, r] = rooms[depth, r] - costs[r, i]
    choice[block_at[depth]] = numbers[i]


@bare
def _can_be_apart(depth, choice, block_at, apart):  # type: ignore[no-untyped-def]
    """Whether some completion of the partial subnet can differ from all earlier choices in enough blocks."""
    earlier, distance = apart
    for n in range(earlier.shape[0]):
        differing = block_at.size - depth
        for at in range(depth):
            differing += choice[block_at[at]] != earlier[n, block_at[at]]
        if differing < distance:
            return False
    return True


@inner
def _expand(depth, rows, bounds, path, children, answers, apart):  # type: ignore[no-untyped-def]
    """List the children of the partial subnet at depth that may lead to an answer, by their bounds."""
    starts, block_at = rows[0], rows[3]
    is_max, budgets = bounds[3], bounds[4]
    child_bounds, child_rows, n_children, next_child = children
    first, n = starts[depth], 0
    limit = budgets[0]
    if are_complete(answers):
        limit = min(limit, answers[0][worst(answers), 0])
    for i in range(first, starts[depth + 1]):
        fits, bound = _bound(depth, i, rows, path, bounds)
        if not fits or bound > limit:
            continue
        _step_down(depth, i, rows, path, is_max)
        if _is_behind(depth + 1, bound, path[0], bounds, answers):
            continue
        if _can_be_apart(depth + 1, path[2], block_at, apart):
            child_bounds[first + n], child_rows[first + n] = bound, i
            n += 1
    _sort_stably(child_bounds[first : first + n], child_rows[first : first + n])
    n_children[depth], next_child[depth] = n, 0


@inner
def _sort_stably(bounds, rows):  # type: ignore[no-untyped-def]
    """Sort children by their bounds; mostly they are few."""
    if bounds.size > _FEW_CHILDREN:
        order = np.argsort(bounds, kind="mergesort")
        bounds[:], rows[:] = bounds[order], rows[order]
        return
    for i in range(1, bounds.size):
        bound, row, at = bounds[i], rows[i], i
        while at > 0 and bounds[at - 1] > bound:
            bounds[at], rows[at] = bounds[at - 1], rows[at - 1]
            at -= 1
        bounds[at], rows[at] = bound, row


@compiled
def _go_on(rows, bounds, path, children, answers, apart, state, max_nodes):  # type: ignore[no-untyped-def]
    starts, is_max, budgets = rows[0], bounds[3], bounds[4]
    totals, _, choice = path
    child_bounds, child_rows, n_children, next_child = children
    n_blocks = starts.size - 1
    depth = state[0]
    while depth >= 0:
        if depth == n_blocks:
            fits = True
            for m in range(is_max.size):
                fits &= totals[depth, m] <= budgets[m]
            if fits:
                insert(answers, totals[depth], choice)
            depth -= 1
            continue
        if n_children[depth] < 0:
            if state[1] >= max_nodes:
                state[0] = depth
                return SLICE_ENDED
            _expand(depth, rows, bounds, path, children, answers, apart)
            state[1] += starts[depth + 1] - starts[depth]
        if next_child[depth] == n_children[depth]:
            n_children[depth] = -1
            depth -= 1
            continue
        child = starts[depth] + next_child[depth]
        next_child[depth] += 1
        _step_down(depth, child_rows[child], rows, path, is_max)
        if not _is_behind(depth + 1, child_bounds[child], totals, bounds, answers):
            depth += 1
    state[0] = depth
    return COMPLETE

"""The depth-first branch and bound of the direct search, in slices that can be taken up again."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from qabwnas.search._numba.relaxation import Relaxation

COMPLETE, LIMIT, SLICE_ENDED = 0, 3, -1
_NODES_A_SLICE = 200_000

Ints = NDArray[np.int64]


@dataclass
class Stack:
    """All that a slice needs and leaves: flat arrays, by depth d, row i of all depths, metric m, relaxation r."""

    starts: Ints  # (n_blocks + 1,): where the rows of each depth begin
    values: Ints  # (n_rows, n_metrics)
    rows: NDArray[np.int32]  # (n_rows,): candidate numbers
    block_at: Ints  # (n_blocks,): the block that is decided at each depth
    costs: Ints  # (n_rows, n_relaxations)
    steps: Ints  # (2, n_steps): objectives and costs of all staircases, by relaxation and depth
    step_starts: Ints  # (n_relaxations, n_blocks + 2)
    least: Ints  # (n_blocks + 1, n_metrics): what the open blocks add at least
    is_max: NDArray[np.uint8]
    budgets: Ints
    totals: Ints  # (n_blocks + 1, n_metrics) of the partial subnet
    rooms: Ints  # (n_blocks + 1, n_relaxations) left of the relaxed budgets
    child_bounds: Ints  # (n_rows,): children of the open node of every depth, by bound
    child_rows: Ints  # (n_rows,)
    n_children: Ints  # (n_blocks,); −1: the node is still to be expanded
    next_child: Ints  # (n_blocks,)
    choice: NDArray[np.int32]  # (n_blocks,)
    state: Ints  # depth, n_found, n_nodes
    best_totals: Ints  # (k, n_metrics), sorted
    best_choice: NDArray[np.int32]  # (k, n_blocks)
    earlier: NDArray[np.int32]  # (n, n_blocks): choices that answers differ from in `distance` blocks
    distance: int = 1

    @property
    def n_found(self) -> int:
        return int(self.state[1])

    @property
    def n_nodes(self) -> int:
        return int(self.state[2])

    @property
    def open_bound(self) -> int:
        """A lower bound on the objective of every subnet that was not looked at yet."""
        depth, bounds = int(self.state[0]), []
        for at in range(depth):  # the child on the path is open too, and those behind it have larger bounds
            bounds.append(int(self.child_bounds[self.starts[at] + self.next_child[at] - 1]))
        if not bounds:
            bounds.append(int(_bound(0, self.totals, self.rooms, self.steps, self.step_starts, self.is_max)[1]))
        return min(bounds)

    def restart(self, k: int, earlier: NDArray[np.int32], distance: int) -> None:
        """Begin a search for the ``k`` best that differ from ``earlier`` in ``distance`` blocks."""
        self.best_totals = np.zeros((k, self.is_max.size), dtype=np.int64)
        self.best_choice = np.zeros((k, self.block_at.size), dtype=np.int32)
        self.earlier, self.distance = np.ascontiguousarray(earlier), distance
        self.n_children[:] = -1
        self.state[:2] = 0

    @classmethod
    def of(
        cls,
        blocks: list[Ints],
        rows: list[Ints],
        block_at: Ints,
        relaxations: list[Relaxation],
        least: Ints,
        is_max: NDArray[np.uint8],
        origin: Ints,
        budgets: Ints,
    ) -> Stack:
        n_blocks, d, n_relaxations = len(blocks), is_max.size, len(relaxations)
        starts = np.cumsum([0, *(len(block) for block in blocks)], dtype=np.int64)
        lengths = [[objectives.size for objectives, _ in r.staircases] for r in relaxations]
        step_ends = np.cumsum(np.array(lengths, dtype=np.int64).ravel())
        step_starts = np.empty((n_relaxations, n_blocks + 2), dtype=np.int64)
        step_starts[:, 1:] = step_ends.reshape(n_relaxations, n_blocks + 1)
        step_starts[0, 0] = 0
        step_starts[1:, 0] = step_starts[:-1, -1]
        totals = np.zeros((n_blocks + 1, d), dtype=np.int64)
        totals[0] = origin
        rooms = np.zeros((n_blocks + 1, n_relaxations), dtype=np.int64)
        rooms[0] = [r.budget for r in relaxations]
        n_children = np.full(n_blocks, -1, dtype=np.int64)
        return cls(
            starts=starts,
            values=np.concatenate(blocks),
            rows=np.concatenate(rows).astype(np.int32),
            block_at=block_at.astype(np.int64),
            costs=np.column_stack([np.concatenate(r.costs) for r in relaxations]),
            steps=np.array(
                [
                    np.concatenate([s[0] for r in relaxations for s in r.staircases]),
                    np.concatenate([s[1] for r in relaxations for s in r.staircases]),
                ]
            ),
            step_starts=step_starts,
            least=np.ascontiguousarray(least),
            is_max=is_max,
            budgets=budgets,
            totals=totals,
            rooms=rooms,
            child_bounds=np.zeros(starts[-1], dtype=np.int64),
            child_rows=np.zeros(starts[-1], dtype=np.int64),
            n_children=n_children,
            next_child=np.zeros(n_blocks, dtype=np.int64),
            choice=np.zeros(n_blocks, dtype=np.int32),
            state=np.zeros(3, dtype=np.int64),
            best_totals=np.zeros((1, d), dtype=np.int64),
            best_choice=np.zeros((1, n_blocks), dtype=np.int32),
            earlier=np.zeros((0, n_blocks), dtype=np.int32),
        )


def descend(stack: Stack, max_nodes: int) -> int:
    """Go on for one slice; return COMPLETE, LIMIT or SLICE_ENDED."""
    status: int = _descend(
        (stack.starts, stack.values, stack.rows, stack.block_at, stack.costs, stack.is_max),
        (stack.steps, stack.step_starts, stack.least, stack.budgets),
        (stack.totals, stack.rooms, stack.choice),
        (stack.child_bounds, stack.child_rows, stack.n_children, stack.next_child),
        stack.best_totals,
        stack.best_choice,
        (stack.earlier, stack.distance),
        stack.state,
        min(max_nodes, stack.n_nodes + _NODES_A_SLICE),
    )
    return LIMIT if status == SLICE_ENDED and stack.n_nodes >= max_nodes else status


@njit(cache=True)
def _combine(is_max, a, b):  # type: ignore[no-untyped-def]
    return max(a, b) if is_max else a + b


@njit(cache=True)
def _bound(depth, totals, rooms, steps, step_starts, is_max):  # type: ignore[no-untyped-def]
    """Whether some completion fits every relaxation, and a lower bound on its objective."""
    bound = np.int64(-(2**63))
    for r in range(rooms.shape[1]):
        low, last = step_starts[r, depth], step_starts[r, depth + 1]
        high = last
        while low < high:
            middle = (low + high) // 2
            if steps[1, middle] > rooms[depth, r]:
                low = middle + 1
            else:
                high = middle
        if low == last:
            return False, bound
        bound = max(bound, _combine(is_max[0], totals[depth, 0], steps[0, low]))
    return True, bound


@njit(cache=True)
def _is_behind(depth, bound, totals, least, is_max, best_totals, n_found):  # type: ignore[no-untyped-def]
    """Whether no completion of the partial subnet can join the k best."""
    k, d = best_totals.shape
    if n_found < k:
        return False
    if bound != best_totals[k - 1, 0]:
        return bound > best_totals[k - 1, 0]
    for m in range(1, d):
        smallest = _combine(is_max[m], totals[depth, m], least[depth, m])
        if smallest != best_totals[k - 1, m]:
            return smallest > best_totals[k - 1, m]
    return False


@njit(cache=True)
def _precedes(totals, choice, other_totals, other_choice):  # type: ignore[no-untyped-def]
    for m in range(totals.size):
        if totals[m] != other_totals[m]:
            return totals[m] < other_totals[m]
    for b in range(choice.size):
        if choice[b] != other_choice[b]:
            return choice[b] < other_choice[b]
    return False


@njit(cache=True)
def _record(totals, choice, budgets, best_totals, best_choice, n_found):  # type: ignore[no-untyped-def]
    """Insert a whole subnet among the best if it is one of them; return how many there are."""
    for m in range(totals.size):
        if totals[m] > budgets[m]:
            return n_found
    k = best_totals.shape[0]
    if n_found == k:
        if not _precedes(totals, choice, best_totals[k - 1], best_choice[k - 1]):
            return n_found
        n_found -= 1
    at = n_found
    while at > 0 and _precedes(totals, choice, best_totals[at - 1], best_choice[at - 1]):
        best_totals[at] = best_totals[at - 1]
        best_choice[at] = best_choice[at - 1]
        at -= 1
    best_totals[at] = totals
    best_choice[at] = choice
    return n_found + 1


@njit(cache=True)
def _step_down(depth, i, problem, path):  # type: ignore[no-untyped-def]
    """Take row i at this depth."""
    _, values, rows, block_at, costs, is_max = problem
    totals, rooms, choice = path
    for m in range(is_max.size):
        totals[depth + 1, m] = _combine(is_max[m], totals[depth, m], values[i, m])
    for r in range(rooms.shape[1]):
        rooms[depth + 1, r] = rooms[depth, r] - costs[i, r]
    choice[block_at[depth]] = rows[i]


@njit(cache=True)
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


@njit(cache=True)
def _descend(problem, bounds, path, children, best_totals, best_choice, apart, state, max_nodes):  # type: ignore[no-untyped-def]
    starts, is_max = problem[0], problem[5]
    steps, step_starts, least, budgets = bounds
    totals, rooms, choice = path
    child_bounds, child_rows, n_children, next_child = children
    n_blocks = starts.size - 1
    depth, n_found, n_nodes = state[0], state[1], state[2]
    while depth >= 0:
        if depth == n_blocks:
            n_found = _record(totals[depth], choice, budgets, best_totals, best_choice, n_found)
            depth -= 1
            continue
        first = starts[depth]
        if n_children[depth] < 0:
            if n_nodes >= max_nodes:
                state[0], state[1], state[2] = depth, n_found, n_nodes
                return SLICE_ENDED
            n_kept = 0
            for i in range(first, starts[depth + 1]):
                n_nodes += 1
                _step_down(depth, i, problem, path)
                if not _can_be_apart(depth + 1, choice, problem[3], apart):
                    continue
                fits, bound = _bound(depth + 1, totals, rooms, steps, step_starts, is_max)
                if not fits or _is_behind(depth + 1, bound, totals, least, is_max, best_totals, n_found):
                    continue
                at = first + n_kept
                while at > first and child_bounds[at - 1] > bound:
                    child_bounds[at] = child_bounds[at - 1]
                    child_rows[at] = child_rows[at - 1]
                    at -= 1
                child_bounds[at] = bound
                child_rows[at] = i
                n_kept += 1
            n_children[depth] = n_kept
            next_child[depth] = 0
        if next_child[depth] == n_children[depth]:
            n_children[depth] = -1
            depth -= 1
            continue
        child = first + next_child[depth]
        next_child[depth] += 1
        _step_down(depth, child_rows[child], problem, path)
        if not _is_behind(depth + 1, child_bounds[child], totals, least, is_max, best_totals, n_found):
            depth += 1
    state[0], state[1], state[2] = depth, n_found, n_nodes
    return COMPLETE

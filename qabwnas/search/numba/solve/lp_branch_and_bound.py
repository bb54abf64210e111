"""Best-first LP branch and bound for budgets on sums: ``csrc/solve/lp_branch_and_bound.hpp``.

The C++ search also runs a large-neighbourhood search for better subnets now and then. This one does not.
"""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heappop, heappush

import numpy as np
from numpy.typing import NDArray

from qabwnas.search.numba.compiled import bare, compiled, inner
from qabwnas.search.numba.core.cancel import in_slices
from qabwnas.search.numba.solve.answers import Answers, HammingConstraint
from qabwnas.search.numba.solve.lp_node import evaluate, is_pruned_by_bound, key_bound
from qabwnas.search.numba.solve.lp_relaxation import (
    bound_with,
    dual_value,
    lp_relaxation,
    solve,
    value,
    warm_start,
)
from qabwnas.search.numba.solve.lp_rows import LpRows
from qabwnas.search.numba.solve.presolve import Problem, PrunedBlocks

_MOST_OPEN_BYTES = 1 << 30  # of open nodes; those beyond are searched depth first
_STEPS_PER_SLICE = 1 << 25
_NO_BLOCK = -1
_NOTHING_OPEN = 2**63 - 1

Doubles = NDArray[np.float64]


class LpBranchAndBound:
    """A search whose nodes allow some rows of each block, and are bounded by their LP relaxation."""

    def __init__(self, problem: Problem, blocks: PrunedBlocks) -> None:
        self._rows = LpRows.of(problem, blocks)

    def search(
        self, answers: Answers, constraint: HammingConstraint, max_nodes: int
    ) -> Iterator[tuple[int, int | None]]:
        """Add the best subnets to ``answers``.

        Yield after each slice of work the number of nodes so far, and a bound on the objective of the open nodes;
        ``None`` once none is open.
        """
        for n_nodes, least_key in in_slices(_search, self._rows, answers, constraint, max_nodes):
            yield n_nodes, None if least_key == _NOTHING_OPEN else self._rows.objective_of(least_key)

    def lagrange_multipliers(self) -> Doubles:
        """Return the dual values of the budgeted sums in the LP relaxation, in units of objective per unit of cost."""
        rows = self._rows
        duals = _dual_values(rows.offsets, rows.objectives, rows.costs)
        multipliers: Doubles = duals * rows.key_range / int(rows.factors[0]) / rows.slacks
        return multipliers


@compiled
def _dual_values(offsets, objectives, costs):  # type: ignore[no-untyped-def]
    duals = np.zeros(costs.shape[0])
    if duals.size > 0:
        lp = lp_relaxation(offsets, objectives, costs)
        solve(lp, np.inf)
        for j in range(duals.size):
            duals[j] = dual_value(lp, j)
    return duals


@compiled
def _search(rows, answers, constraint, max_nodes, stop):  # type: ignore[no-untyped-def]
    """Yield the nodes so far, and the least key among the open nodes: after each slice, and after the last node.

    A node is (bound, −serial number, family, block with a single allowed row, that row). Of equal bounds the newest
    node comes first. Siblings share a family: the rows that their parent left allowed, and its basis. A family without
    open nodes is overwritten. From the node with the least bound the search dives, from best child to best child.
    """
    lp = lp_relaxation(rows.offsets, rows.objectives, rows.costs)
    most_open = _MOST_OPEN_BYTES // (lp.allowed.size + 8 * (lp.keys.size + lp.others.size + 8))
    families, n_members, free = [(lp.allowed.copy(), lp.keys.copy(), lp.others.copy())], [1], [np.int64(0)]
    node = (np.int64(0), np.int64(0), np.int64(0), np.int64(_NO_BLOCK), np.int64(0))  # the root
    heap, stack, is_diving = [node], [node], True
    heap.pop(), stack.pop(), free.pop()  # they only told the types
    n_nodes = n_steps = serial = np.int64(0)
    while is_diving or len(heap) > 0 or len(stack) > 0:
        if n_nodes >= max_nodes or n_steps > _STEPS_PER_SLICE:
            least_key = node[0] if is_diving else np.int64(_NOTHING_OPEN)
            for open_nodes in (heap[:1], stack):
                for open_node in open_nodes:
                    least_key = min(least_key, open_node[0])
            yield n_nodes, least_key
            if stop[0]:
                return
            n_steps = np.int64(0)
        if not is_diving:
            node = stack.pop() if len(stack) > 0 else heappop(heap)
        n_nodes += 1
        node_bound, _, family, block, row = node
        _load(lp, families[family], block, row)
        n_members[family] -= 1
        if n_members[family] == 0:
            free.append(family)
        block, n_pivots = evaluate(lp, node_bound, rows, answers, constraint)
        n_steps += (n_pivots + 4) * (lp.costs.size + lp.allowed.size)
        children = _children(lp, block, node_bound, rows, answers)
        is_diving = len(children) > 0
        if not is_diving:
            continue
        if len(free) == 0:
            free.append(np.int64(len(families)))
            families.append(families[0])
            n_members.append(0)
        family = free.pop()
        families[family] = (lp.allowed.copy(), lp.keys.copy(), lp.others.copy())
        n_members[family] = len(children)
        for i in range(len(children) - 1, -1, -1):
            serial += 1
            node = (children[i][2], -serial, family, block, children[i][1])
            if i > 0 and len(heap) < most_open:
                heappush(heap, node)
            elif i > 0:
                stack.append(node)
    yield n_nodes, np.int64(_NOTHING_OPEN)


@bare
def _load(lp, family, block, row):  # type: ignore[no-untyped-def]
    allowed, keys, others = family
    for i in range(allowed.size):
        lp.allowed[i] = allowed[i]
    if block != _NO_BLOCK:
        lp.allowed[lp.offsets[block] : lp.offsets[block + 1]] = 0
        lp.allowed[row] = 1
    warm_start(lp, keys, others)


@inner
def _children(lp, block, node_bound, rows, answers):  # type: ignore[no-untyped-def]
    """One child per allowed row of the block, if any: (its bound less its LP value, row, bound on the key), sorted."""
    children = [(0.0, np.int64(0), np.int64(0))]
    children.pop()
    if block == _NO_BLOCK:
        return children
    for row in range(lp.offsets[block], lp.offsets[block + 1]):
        if lp.allowed[row] != 0:
            with_row = bound_with(lp, block, row)
            bound_on_key = max(node_bound, key_bound(with_row, rows.key_range))
            if not is_pruned_by_bound(bound_on_key, rows, answers):
                children.append((with_row - value(lp, row), np.int64(row), bound_on_key))
    children.sort()
    return children

"""The open nodes of a best-first search: the one with the smallest bound first, of equals the newest.

Beyond what memory may take, nodes go to a stack behind the heap, and the search goes depth first. Siblings share a
family: the rows that their parent left allowed, and its basis; a family that has no open node is used again.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qabwnas.search.numba.compiled import bare

_MOST_BYTES = 1 << 30
_FEW = 64
BOUND, _SERIAL, FAMILY, BLOCK, ROW = range(5)
_N_HEAP, _N_STACK, _N_FREE, _N_SERIALS, _MOST_OPEN = range(5)

Ints = NDArray[np.int64]


class OpenNodes(NamedTuple):
    """Nodes and families; there are never more families than nodes and one."""

    nodes: Ints  # (capacity, 5): bound, serial number, family, and the block that has but one row, or −1, and the row
    counts: Ints  # (5,)
    allowed: NDArray[np.uint8]  # (capacity, n_rows), by family
    keys: Ints  # (capacity, n_blocks), by family: key rows of the basis; −1 in a new search's root
    others: Ints  # (capacity, n_budgets), by family: its other variables
    n_members: Ints  # (capacity,): a family's nodes that are open or looked at
    free: Ints  # (capacity,): families without

    @classmethod
    def none(cls, n_rows: int, n_blocks: int, n_budgets: int) -> OpenNodes:
        counts = np.zeros(5, np.int64)
        counts[_MOST_OPEN] = _MOST_BYTES // (n_rows + 8 * (n_blocks + n_budgets + 8))
        return cls(
            np.empty((_FEW, 5), np.int64),
            counts,
            np.empty((_FEW, n_rows), np.uint8),
            np.empty((_FEW, n_blocks), np.int64),
            np.empty((_FEW, n_budgets), np.int64),
            np.empty(_FEW, np.int64),
            np.empty(_FEW, np.int64),
        )

    def with_room(self, n: int) -> OpenNodes:
        """Return the same with room for so many more nodes and families."""
        capacity, n_free = len(self.nodes), int(self.counts[_N_FREE])
        nodes, _, *of_families = (np.concatenate([a, np.empty((n, *a.shape[1:]), a.dtype)]) for a in self)
        larger = OpenNodes(nodes, self.counts, *of_families)
        larger.free[n_free : n_free + n] = np.arange(capacity, capacity + n)
        larger.counts[_N_FREE] += n
        return larger

    def restart(self) -> None:
        """Leave the root alone open, as family 0."""
        n_free = len(self.nodes) - 1
        self.counts[:_MOST_OPEN] = 1, 0, n_free, 1
        self.free[:n_free] = np.arange(n_free, 0, -1)
        self.nodes[0] = 0, 0, 0, -1, 0
        self.n_members[0], self.allowed[0], self.keys[0] = 1, 1, -1

    def least_bound(self, otherwise: int) -> int:
        n = int(self.counts[_N_HEAP] + self.counts[_N_STACK])
        return int(self.nodes[:n, BOUND].min(initial=otherwise))


@bare
def are_none(open_nodes):  # type: ignore[no-untyped-def]
    return open_nodes.counts[_N_HEAP] + open_nodes.counts[_N_STACK] == 0


@bare
def have_room(open_nodes, n):  # type: ignore[no-untyped-def]
    """Whether so many more nodes, and a family, have a place."""
    counts = open_nodes.counts
    return counts[_N_FREE] > 0 and counts[_N_HEAP] + counts[_N_STACK] + n <= open_nodes.nodes.shape[0]


@bare
def new_family(open_nodes):  # type: ignore[no-untyped-def]
    """Take a family without members."""
    open_nodes.counts[_N_FREE] -= 1
    family = open_nodes.free[open_nodes.counts[_N_FREE]]
    open_nodes.n_members[family] = 0
    return family


@bare
def release(open_nodes, family):  # type: ignore[no-untyped-def]
    """Take a node out of its family."""
    open_nodes.n_members[family] -= 1
    if open_nodes.n_members[family] == 0:
        open_nodes.free[open_nodes.counts[_N_FREE]] = family
        open_nodes.counts[_N_FREE] += 1


@bare
def make(open_nodes, node, bound, family, block, row):  # type: ignore[no-untyped-def]
    """Write a new member of a family to ``node`` ``(5,)``."""
    node[BOUND], node[_SERIAL], node[FAMILY], node[BLOCK], node[ROW] = (
        bound,
        open_nodes.counts[_N_SERIALS],
        family,
        block,
        row,
    )
    open_nodes.counts[_N_SERIALS] += 1
    open_nodes.n_members[family] += 1


@bare
def push(open_nodes, node):  # type: ignore[no-untyped-def]
    counts, nodes = open_nodes.counts, open_nodes.nodes
    if counts[_N_HEAP] >= counts[_MOST_OPEN]:
        _move(nodes[counts[_N_HEAP] + counts[_N_STACK]], node)
        counts[_N_STACK] += 1
        return
    at = counts[_N_HEAP]
    counts[_N_HEAP] += 1
    while at > 0 and _is_before(node, nodes[(at - 1) // 2]):
        _move(nodes[at], nodes[(at - 1) // 2])
        at = (at - 1) // 2
    _move(nodes[at], node)


@bare
def pop(open_nodes, node):  # type: ignore[no-untyped-def]
    """Write the node that comes first, of at least one, to ``node``."""
    counts, nodes = open_nodes.counts, open_nodes.nodes
    if counts[_N_STACK] > 0:
        counts[_N_STACK] -= 1
        _move(node, nodes[counts[_N_HEAP] + counts[_N_STACK]])
        return
    _move(node, nodes[0])
    counts[_N_HEAP] -= 1
    n = counts[_N_HEAP]
    last, at, child = nodes[n], 0, 1
    while child < n:
        if child + 1 < n and _is_before(nodes[child + 1], nodes[child]):
            child += 1
        if not _is_before(nodes[child], last):
            break
        _move(nodes[at], nodes[child])
        at = child
        child = 2 * at + 1
    if at < n:
        _move(nodes[at], last)


@bare
def _is_before(a, b):  # type: ignore[no-untyped-def]
    return a[BOUND] < b[BOUND] or (a[BOUND] == b[BOUND] and a[_SERIAL] > b[_SERIAL])


@bare
def _move(target, source):  # type: ignore[no-untyped-def]
    for i in range(target.size):
        target[i] = source[i]

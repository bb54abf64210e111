"""Kernels over the parts of a problem: itself, or, where all blocks must have equal bit widths, a part for each."""

from __future__ import annotations

import math
import time
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qabwnas.search.engine.backend import COMPLETE, INFEASIBLE, LIMIT, Backend
from qabwnas.search.engine.choices import BackPointers, Choices, ChoiceTable
from qabwnas.search.model.grid import UNLIMITED
from qabwnas.search.model.problem import Problem


class Limits(NamedTuple):
    """How long a direct search may take: partial subnets that it looks at, and when it ends.

    ``ends`` is a time of :func:`time.perf_counter`.
    """

    n_nodes: int = 2**62
    ends: float = math.inf


UNBOUNDED = Limits()


class Subnets(NamedTuple):
    """What kernels found.

    Attributes:
        status: COMPLETE, INFEASIBLE or LIMIT, as in :mod:`qabwnas.search.engine.backend`.
        totals: int64 ``(n, n_metrics)``, in units of the problem's grids.
        candidates: int32 ``(n, n_blocks)``, the LUT's numbers.
        bound: no subnet has a smaller objective, in units; without meaning where nothing fits.
    """

    status: int
    totals: NDArray[np.int64]
    candidates: NDArray[np.int32]
    bound: int = 0

    def in_order(self) -> Subnets:
        """Return the same in the order of answers: by totals, then by candidates."""
        return self._of(np.lexsort((*self.candidates.T[::-1], *self.totals.T[::-1])))

    def first(self, n: int) -> Subnets:
        return self._of(np.arange(min(n, len(self.totals))))

    def _of(self, rows: NDArray[np.int64]) -> Subnets:
        return Subnets(self.status, self.totals[rows], self.candidates[rows], self.bound)


class Points(NamedTuple):
    """The points of a front.

    Attributes:
        status: COMPLETE, INFEASIBLE or LIMIT; there are no points where it is not COMPLETE.
        totals: int64 ``(n, n_metrics)``, in units of the problem's grids, in the order of answers.
        choices: their candidates, the LUT's numbers.
        n_blocks: how many blocks were combined; at a limit, before all were.
        n_points: how many points that makes.
    """

    status: int
    totals: NDArray[np.int64]
    choices: Choices
    n_blocks: int
    n_points: int


def best(
    problem: Problem,
    bounds: NDArray[np.int64],
    k: int,
    kernels: Backend,
    distance: int = 1,
    limits: Limits = UNBOUNDED,
) -> Subnets:
    """Return the ``k`` best subnets within ``bounds`` ``(n_metrics,)``, as :meth:`.Backend.top` finds them.

    At a distance, too, the answers of several parts are what each has, merged: subnets of two parts differ in every
    block, so none keeps another out; only where more is asked for than there are blocks, the first is the only one.
    """
    parts = problem.parts()
    found, n_nodes = [], 0
    for part in parts:
        status, totals, rows, bound, n_visited = kernels.top(
            part.values,
            part.offsets,
            part.is_max,
            part.origin,
            bounds,
            k,
            distance,
            max(0, limits.n_nodes - n_nodes),
            max(0.0, limits.ends - time.perf_counter()),
        )
        n_nodes += n_visited
        found.append(Subnets(status, totals, part.choice(rows), bound))
    if len(parts) == 1:
        return found[0]
    return merged(found).in_order().first(k if distance <= len(problem.block_names) else 1)


def front(problem: Problem, high: NDArray[np.int64], slack: float, max_memory: int, kernels: Backend) -> Points:
    """Return the front within ``high`` ``(n_metrics,)``, found as :meth:`.Backend.front` does.

    Of several parts it is the non-dominated union of their fronts, with all candidates as a table.
    """
    parts = problem.parts()
    found = []
    for part in parts:
        found.append(_front_of_part(part, high, slack, max_memory, kernels))
        max_memory = max(0, max_memory - found[-1].totals.nbytes - found[-1].choices.nbytes)
        if found[-1].status == LIMIT:
            break
    if len(parts) == 1:
        return found[0]
    n = sum(len(points.totals) for points in found)
    # All totals and candidates at once, the same sorted, and the totals as pruning copies them.
    if n * (8 * 5 * len(problem.metrics) + 4 * 3 * len(problem.block_names) + 64) > max_memory:
        nothing = ChoiceTable(np.empty((0, len(problem.block_names)), dtype=np.int32))
        return Points(LIMIT, found[-1].totals[:0], nothing, len(problem.block_names), n)
    union = merged([Subnets(points.status, points.totals, points.choices.all()) for points in found]).in_order()
    # They are whole subnets, so a gain in a maximum is no longer hidden: all totals count as sums.
    no_maxima = np.zeros(len(problem.metrics), dtype=np.uint8)
    kept = kernels.prune(np.ascontiguousarray(union.totals.T), no_maxima, 1)
    choices = ChoiceTable(union.candidates[kept])
    return Points(union.status, union.totals[kept], choices, found[-1].n_blocks, found[-1].n_points)


def _front_of_part(part: Problem, high: NDArray[np.int64], slack: float, max_memory: int, kernels: Backend) -> Points:
    status, totals, levels, n_blocks, n_points, _ = kernels.front(
        part.values, part.offsets, part.is_max, part.origin, high, slack, max_memory
    )
    if status != COMPLETE:
        nothing = np.empty((0, len(part.block_names)), dtype=np.int32)
        return Points(status, totals, ChoiceTable(nothing), n_blocks, n_points)
    numbered = [(blocks, part.choice(rows, blocks), pairs) for blocks, rows, pairs in levels]
    return Points(status, totals, BackPointers(numbered, kernels.name), n_blocks, n_points)


def merged(found: list[Subnets]) -> Subnets:
    """Return the subnets of several parts together: infeasible if all are, complete if none met a limit."""
    statuses = {subnets.status for subnets in found}
    status = LIMIT if LIMIT in statuses else COMPLETE if COMPLETE in statuses else INFEASIBLE
    return Subnets(
        status,
        np.concatenate([subnets.totals for subnets in found]),
        np.concatenate([subnets.candidates for subnets in found]),
        min((subnets.bound for subnets in found if subnets.status != INFEASIBLE), default=UNLIMITED),
    )

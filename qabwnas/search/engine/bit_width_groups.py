"""Direct search and fronts over a problem, or over its bit-width groups if all blocks must have equal bit widths.

Each group is searched separately, and the results are merged.
"""

from __future__ import annotations

import math
import time
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qabwnas.errors import InputError
from qabwnas.io.numeric import Number, WholeNumber, exact_number, shown, whole_number
from qabwnas.search.engine.backend import COMPLETE, INFEASIBLE, LIMIT, Backend
from qabwnas.search.engine.choices import BackPointers, Choices, ChoiceTable
from qabwnas.search.model.grid import UNLIMITED
from qabwnas.search.model.problem import Problem


class Limits(NamedTuple):
    """The limits of a direct search.

    Attributes:
        n_nodes: how many partial subnets it may visit.
        ends: when it must stop, by :func:`time.perf_counter`.
    """

    n_nodes: int = 2**62
    ends: float = math.inf

    @classmethod
    def of(cls, time_limit: Number | None, node_limit: WholeNumber | None, started: float) -> Limits:
        """Return the limits of a search that started at the time ``started``; ``None`` means no limit.

        Raises:
            InputError: a limit is not a positive number.
        """
        n_nodes = 2**62 if node_limit is None else min(whole_number("node_limit", node_limit), 2**62)
        seconds = math.inf if time_limit is None else float(exact_number("time_limit", time_limit))
        if isinstance(time_limit, str) or seconds <= 0:
            raise InputError(f"time_limit: {shown(time_limit)} is not a number of seconds above 0")
        return cls(n_nodes, started + seconds)


UNBOUNDED = Limits()


class Subnets(NamedTuple):
    """Subnets that the kernels found.

    Attributes:
        status: COMPLETE, INFEASIBLE or LIMIT, defined in :mod:`qabwnas.search.engine.backend`.
        totals: int64 ``(n, n_metrics)``, in units of the problem's grids.
        candidates: int32 ``(n, n_blocks)``, by their numbers in the LUT.
        bound: no subnet has a smaller objective, in units; has no meaning if nothing fits.
    """

    status: int
    totals: NDArray[np.int64]
    candidates: NDArray[np.int32]
    bound: int = 0

    def in_order(self) -> Subnets:
        """Return the subnets in the order of answers: by totals, then by candidates."""
        return self._of(np.lexsort((*self.candidates.T[::-1], *self.totals.T[::-1])))

    def first(self, n: int) -> Subnets:
        return self._of(np.arange(min(n, len(self.totals))))

    def _of(self, rows: NDArray[np.int64]) -> Subnets:
        return Subnets(self.status, self.totals[rows], self.candidates[rows], self.bound)


class Points(NamedTuple):
    """The points of a front.

    Attributes:
        status: COMPLETE, INFEASIBLE or LIMIT; there are points only if it is COMPLETE.
        totals: int64 ``(n, n_metrics)``, in units of the problem's grids, in the order of answers.
        choices: their candidates, by their numbers in the LUT.
        n_blocks: how many blocks were merged; at a limit, fewer than all.
        n_points: how many points the merged blocks have.
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
    min_distance: int = 1,
    limits: Limits = UNBOUNDED,
) -> Subnets:
    """Return the ``k`` best subnets within ``bounds`` ``(n_metrics,)``, as :meth:`.Backend.top` does.

    The answers of several groups are merged, for any ``min_distance``: subnets of two groups differ in every block, so
    none excludes another. Only if ``min_distance`` exceeds the number of blocks, the first subnet is the only answer.
    """
    groups = problem.bit_width_groups()
    found, n_nodes = [], 0
    for group in groups:
        status, totals, rows, bound, n_visited = kernels.top(
            group.values,
            group.offsets,
            group.is_max,
            group.origin,
            bounds,
            k,
            min_distance,
            max(0, limits.n_nodes - n_nodes),
            max(0.0, limits.ends - time.perf_counter()),
        )
        n_nodes += n_visited
        found.append(Subnets(status, totals, group.choice(rows), bound))
    if len(groups) == 1:
        return found[0]
    return merged(found).in_order().first(k if min_distance <= len(problem.block_names) else 1)


def front(problem: Problem, high: NDArray[np.int64], slack: float, max_memory: int, kernels: Backend) -> Points:
    """Return the front within ``high`` ``(n_metrics,)``, as :meth:`.Backend.front` does.

    Several groups give the non-dominated union of their fronts, with all candidates as a table.
    """
    groups = problem.bit_width_groups()
    found = []
    for group in groups:
        found.append(_front_of_group(group, high, slack, max_memory, kernels))
        max_memory = max(0, max_memory - found[-1].totals.nbytes - found[-1].choices.nbytes)
        if found[-1].status == LIMIT:
            break
    if len(groups) == 1:
        return found[0]
    n = sum(len(points.totals) for points in found)
    # All totals and candidates, their sorted copies, and the copies of totals that pruning makes.
    if n * (8 * 5 * len(problem.metrics) + 4 * 3 * len(problem.block_names) + 64) > max_memory:
        nothing = ChoiceTable(np.empty((0, len(problem.block_names)), dtype=np.int32))
        return Points(LIMIT, found[-1].totals[:0], nothing, len(problem.block_names), n)
    union = merged([Subnets(points.status, points.totals, points.choices.all()) for points in found]).in_order()
    # These are whole subnets, so no later block can hide a better maximum: all totals compare like sums.
    no_maxima = np.zeros(len(problem.metrics), dtype=np.uint8)
    kept = kernels.prune(np.ascontiguousarray(union.totals.T), no_maxima, 1)
    choices = ChoiceTable(union.candidates[kept])
    return Points(union.status, union.totals[kept], choices, found[-1].n_blocks, found[-1].n_points)


def _front_of_group(group: Problem, high: NDArray[np.int64], slack: float, max_memory: int, kernels: Backend) -> Points:
    status, totals, levels, n_blocks, n_points, _ = kernels.front(
        group.values, group.offsets, group.is_max, group.origin, high, slack, max_memory
    )
    if status != COMPLETE:
        nothing = np.empty((0, len(group.block_names)), dtype=np.int32)
        return Points(status, totals, ChoiceTable(nothing), n_blocks, n_points)
    numbered = [(blocks, group.choice(rows, blocks), pairs) for blocks, rows, pairs in levels]
    return Points(status, totals, BackPointers(numbered, kernels.name), n_blocks, n_points)


def merged(found: list[Subnets]) -> Subnets:
    """Return the subnets of several groups together: infeasible if all are, complete if no group met a limit."""
    statuses = {subnets.status for subnets in found}
    status = LIMIT if LIMIT in statuses else COMPLETE if COMPLETE in statuses else INFEASIBLE
    return Subnets(
        status,
        np.concatenate([subnets.totals for subnets in found]),
        np.concatenate([subnets.candidates for subnets in found]),
        min((subnets.bound for subnets in found if subnets.status != INFEASIBLE), default=UNLIMITED),
    )

"""Kernels over the parts of a problem: itself, or, where all blocks must have equal bit widths, a part for each."""

from __future__ import annotations

import math
import time
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qabwnas.search.backend import COMPLETE, INFEASIBLE, LIMIT, Backend
from qabwnas.search.grid import UNLIMITED
from qabwnas.search.problem import Problem


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
        status: COMPLETE, INFEASIBLE or LIMIT, as in :mod:`qabwnas.search.backend`.
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
        keys = np.concatenate([self.totals, self.candidates], axis=1)
        return self._of(np.lexsort(keys.T[::-1]))

    def first(self, n: int) -> Subnets:
        return self._of(np.arange(min(n, len(self.totals))))

    def _of(self, rows: NDArray[np.int64]) -> Subnets:
        return Subnets(self.status, self.totals[rows], self.candidates[rows], self.bound)


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


def front(
    problem: Problem, high: NDArray[np.int64], slack: float, max_memory: int, kernels: Backend
) -> tuple[Subnets, int, int]:
    """Return the front within ``high`` ``(n_metrics,)``, and how far it came, as :meth:`.Backend.front` does.

    Of several parts it is the non-dominated union of their fronts.
    """
    parts = problem.parts()
    found, n_blocks, n_points = [], 0, 0
    for part in parts:
        status, totals, rows, n_blocks, n_points, _ = kernels.front(
            part.values, part.offsets, part.is_max, part.origin, high, slack, max_memory
        )
        max_memory = max(0, max_memory - totals.nbytes - rows.nbytes)
        found.append(Subnets(status, totals, part.choice(rows)))
        if status == LIMIT:
            break
    if len(parts) == 1:
        return found[0], n_blocks, n_points
    union = merged(found).in_order()
    # They are whole subnets, so a gain in a maximum is no longer hidden: all totals count as sums.
    no_maxima = np.zeros(len(problem.metrics), dtype=np.uint8)
    kept = kernels.prune(np.ascontiguousarray(union.totals.T), no_maxima, 1)
    return union._of(kept), n_blocks, n_points


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

"""Brute force: enumerates all subnets. ``csrc/baselines/brute_force.hpp``."""

from __future__ import annotations

import time

import numpy as np
from numpy.typing import NDArray

from qabwnas.search.numba.compiled import bare, compiled
from qabwnas.search.numba.core.cancel import in_slices
from qabwnas.search.numba.core.problem import COMPLETE, INFEASIBLE, LIMIT, combine

_SUBNETS_PER_SLICE = 4_000_000

Ints = NDArray[np.int64]


def brute_force(
    values: Ints,
    offsets: Ints,
    is_max: NDArray[np.uint8],
    origin: Ints,
    budgets: Ints,
    max_subnets: int,
    max_seconds: float,
) -> tuple[int, Ints, NDArray[np.int32], int]:
    ends = time.monotonic() + max_seconds
    totals = np.empty((1, is_max.size), dtype=np.int64)
    choice = np.empty((1, offsets.size - 1), dtype=np.int32)
    problem = (values, offsets, is_max, origin, budgets)
    for n_subnets, has_best, is_complete in in_slices(_enumerate, problem, max_subnets, totals[0], choice[0]):
        n_found = int(has_best)
        if is_complete or n_subnets >= max_subnets or time.monotonic() >= ends:
            break
    status = LIMIT if not is_complete else COMPLETE if n_found else INFEASIBLE
    return status, totals[:n_found], choice[:n_found], n_subnets


@compiled
def _enumerate(problem, max_subnets, best_totals, best_choice, stop):  # type: ignore[no-untyped-def]
    """Yield after each slice: subnets so far, whether one of them is within the budgets, and whether all were made.

    The candidates turn like an odometer, in the order of answers. So of equal totals the first subnet is the best.
    """
    values, offsets, is_max, origin, _ = problem
    last = offsets.size - 2
    choice = np.zeros(last + 1, dtype=np.int32)
    partial = np.empty((last + 1, origin.size), dtype=np.int64)  # the totals before each block
    partial[0] = origin
    has_best, is_complete = False, False
    n_subnets, slice_end = np.int64(0), np.int64(_SUBNETS_PER_SLICE)
    turned = 0  # the first block whose candidate is new
    while not is_complete:
        if n_subnets >= min(slice_end, max_subnets):
            yield n_subnets, has_best, False
            if stop[0]:
                return
            slice_end = n_subnets + _SUBNETS_PER_SLICE
        for b in range(turned, last):
            for m in range(origin.size):
                partial[b + 1, m] = combine(is_max[m], partial[b, m], values[m, offsets[b] + choice[b]])
        n_rows = offsets[last + 1] - offsets[last]
        n = min(n_rows, max_subnets - n_subnets)
        for row in range(offsets[last], offsets[last] + n):
            if _is_better(problem, partial[last], row, has_best, best_totals):
                has_best = True
                choice[last] = row - offsets[last]
                best_choice[:] = choice
                for m in range(origin.size):
                    best_totals[m] = combine(is_max[m], partial[last, m], values[m, row])
        n_subnets += n
        if n < n_rows:
            continue
        turned = last - 1
        while turned >= 0 and choice[turned] == offsets[turned + 1] - offsets[turned] - 1:
            choice[turned] = 0
            turned -= 1
        is_complete = turned < 0
        if not is_complete:
            choice[turned] += 1
    yield n_subnets, has_best, True


@bare
def _is_better(problem, partial, row, has_best, best_totals):  # type: ignore[no-untyped-def]
    """Whether the partial subnet and a row are within the budgets, with totals that precede the best ones."""
    values, _, is_max, _, budgets = problem
    is_less, is_equal = not has_best, has_best
    for m in range(is_max.size):
        total = combine(is_max[m], partial[m], values[m, row])
        if total > budgets[m] or (is_equal and total > best_totals[m]):
            return False
        is_less |= is_equal and total < best_totals[m]
        is_equal = is_equal and not is_less
    return is_less

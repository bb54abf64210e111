"""The Lagrangian relaxation of a direct search: ``csrc/solve/lagrangian.hpp``. It tells which rows can matter."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qabwnas.search.numba.core.problem import LARGEST_TOTAL, UNLIMITED
from qabwnas.search.numba.solve.presolve import Problem

Ints = NDArray[np.int64]
Bytes = NDArray[np.uint8]
Doubles = NDArray[np.float64]


class Lagrangian(NamedTuple):
    """How far each row's Lagrangian cost is above the least of its block, and the bound of those least costs."""

    gaps: Doubles  # (n_rows,): infinite outside the mask
    bound: float
    magnitude: float  # of the terms whose sum is the bound
    rounding: float  # relative to that

    @classmethod
    def of(cls, problem: Problem, mask: Bytes, multipliers: Doubles) -> Lagrangian:
        """Return that of the rows in ``mask``; ``multipliers`` has one number per budgeted sum.

        The rounding error of a sum is at most half a unit in the last place (2^-53) of the magnitude per term. The
        factor below is several times that, also for the sum of one row.
        """
        values, offsets, is_max, origin, budgets = problem
        first_rows = offsets[:-1]
        costs = values[0].astype(np.float64)
        bound = float(origin[0])
        magnitude = abs(bound) + _largest_terms(values[0], first_rows)
        for m, multiplier in zip(problem.budgeted_sums(), multipliers.tolist(), strict=True):
            costs += multiplier * values[m]
            capacity = multiplier * float(int(budgets[m]) - int(origin[m]))
            bound -= capacity
            magnitude += multiplier * _largest_terms(values[m], first_rows) + abs(capacity)
        costs[mask == 0] = np.inf
        least = np.minimum.reduceat(costs, first_rows)
        gaps = costs - np.repeat(least, np.diff(offsets))
        return cls(gaps, bound + float(least.sum()), magnitude, (least.size + 4 * is_max.size + 16) * 2.0**-50)

    def objective_within(self, gap: float) -> int:
        """Return the largest objective, or slightly less, up to which only rows within the gap are part of a subnet."""
        if gap == math.inf:
            return UNLIMITED
        objective = self.bound + gap
        rounded = math.floor(objective - 2 * (2 * self.magnitude + abs(objective)) * self.rounding)
        return max(-LARGEST_TOTAL, rounded) if rounded < LARGEST_TOTAL else UNLIMITED

    def gap_of_rows(self, n: int) -> float:
        """Return a gap that about ``n`` rows are within; infinite if there are no more."""
        return float(np.partition(self.gaps, n)[n]) if n < self.gaps.size else math.inf

    def rows_within(self, gap: float) -> Bytes:
        """Mark the rows within a gap, in the mask."""
        return ((self.gaps <= gap) & (self.gaps < math.inf)).view(np.uint8)


def _largest_terms(column: Ints, first_rows: Ints) -> float:
    """Return the sum over the blocks of the largest absolute value."""
    return float(np.maximum.reduceat(np.abs(column), first_rows).astype(np.float64).sum())

"""A search as a 0/1 program: what solvers of linear programs are given. One variable a row, one choice a block."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qabwnas.errors import InputError
from qabwnas.search.model.grid import UNLIMITED
from qabwnas.search.model.problem import Problem


@dataclass(frozen=True)
class Program:
    """Minimise ``objective · x`` with one ``x`` of every block 1, and ``costs · x`` at most ``rooms``; in units.

    Attributes:
        objective: int64 ``(n_rows,)``.
        costs: int64 ``(n_constraints, n_rows)``, the budgeted metrics that are summed.
        rooms: int64 ``(n_constraints,)``, their budgets less their fixed parts.
        allowed: bool ``(n_rows,)``, false where a budgeted maximum excludes the row.
        offsets: int64 ``(n_blocks + 1,)``.
        fixed: what is added to the objective.
        is_empty: whether the fixed part alone exceeds the budget of a maximum, so that nothing fits.
    """

    objective: NDArray[np.int64]
    costs: NDArray[np.int64]
    rooms: NDArray[np.int64]
    allowed: NDArray[np.bool_]
    offsets: NDArray[np.int64]
    fixed: int
    is_empty: bool

    @classmethod
    def of(cls, problem: Problem, budgets: NDArray[np.int64]) -> Program:
        """Return the program of a search; metrics without a budget stay out of it.

        Raises:
            InputError: the objective is a maximum, or it has a budget itself: neither is modelled.
        """
        if problem.is_max[0]:
            raise InputError(f"metric {problem.metrics[0].name!r}: solvers are given sums to minimise, not maxima")
        if budgets[0] != UNLIMITED:
            raise InputError(f"metric {problem.metrics[0].name!r}: solvers are given no budget on the objective")
        summed = (problem.is_max == 0) & (budgets != UNLIMITED)
        maxima = (problem.is_max == 1) & (budgets != UNLIMITED)
        return cls(
            objective=problem.values[0],
            costs=problem.values[summed],
            rooms=budgets[summed] - problem.origin[summed],
            allowed=(problem.values[maxima] <= budgets[maxima][:, np.newaxis]).all(axis=0),
            offsets=problem.offsets,
            fixed=int(problem.origin[0]),
            is_empty=bool((problem.origin[maxima] > budgets[maxima]).any()),
        )

    def choice(self, chosen: NDArray[np.bool_]) -> NDArray[np.int32]:
        """Return the candidate of every block, given which rows ``(n_rows,)`` are chosen: one a block."""
        rows = np.flatnonzero(chosen)
        assert rows.size == self.offsets.size - 1
        return (rows - self.offsets[:-1]).astype(np.int32)

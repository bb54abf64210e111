"""A search as a 0/1 linear program, the input of the solvers: one variable per row, one choice per block."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qabwnas.errors import InputError
from qabwnas.search.model.grid import UNLIMITED
from qabwnas.search.model.problem import Problem


@dataclass(frozen=True)
class Program:
    """Minimise ``objective · x`` with exactly one ``x = 1`` per block and ``costs · x ≤ capacities``; all in units.

    Attributes:
        objective: int64 ``(n_rows,)``.
        costs: int64 ``(n_constraints, n_rows)``, the metrics with a budget that are summed.
        capacities: int64 ``(n_constraints,)``, their budgets minus their fixed parts.
        allowed: bool ``(n_rows,)``, false for rows that exceed the budget of a maximum.
        offsets: int64 ``(n_blocks + 1,)``.
        fixed: constant added to the objective.
        is_empty: whether a fixed part alone exceeds the budget of a maximum, so that no subnet fits.
    """

    objective: NDArray[np.int64]
    costs: NDArray[np.int64]
    capacities: NDArray[np.int64]
    allowed: NDArray[np.bool_]
    offsets: NDArray[np.int64]
    fixed: int
    is_empty: bool

    @classmethod
    def of(cls, problem: Problem, budgets: NDArray[np.int64]) -> Program:
        """Return the program of a search, without the metrics that have no budget.

        Raises:
            InputError: the objective is a maximum or has a budget. Neither is modelled.
        """
        if problem.is_max[0]:
            raise InputError(f"metric {problem.metrics[0].name!r}: the solvers minimise sums, not maxima")
        if budgets[0] != UNLIMITED:
            raise InputError(f"metric {problem.metrics[0].name!r}: the solvers take no budget on the objective")
        summed = (problem.is_max == 0) & (budgets != UNLIMITED)
        maxima = (problem.is_max == 1) & (budgets != UNLIMITED)
        return cls(
            objective=problem.values[0],
            costs=problem.values[summed],
            capacities=budgets[summed] - problem.origin[summed],
            allowed=(problem.values[maxima] <= budgets[maxima][:, np.newaxis]).all(axis=0),
            offsets=problem.offsets,
            fixed=int(problem.origin[0]),
            is_empty=bool((problem.origin[maxima] > budgets[maxima]).any()),
        )

    def choice(self, chosen: NDArray[np.bool_]) -> NDArray[np.int32]:
        """Return the candidate of every block from the chosen rows ``(n_rows,)``, one per block."""
        rows = np.flatnonzero(chosen)
        assert rows.size == self.offsets.size - 1
        return (rows - self.offsets[:-1]).astype(np.int32)

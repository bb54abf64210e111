"""The result of a baseline, checked in exact arithmetic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from qabwnas.search.model.problem import Problem

Status = Literal["optimal", "feasible", "infeasible", "unknown", "outside"]


@dataclass(frozen=True)
class BaselineResult:
    """The best subnet that a baseline found, and its claim about it.

    Attributes:
        status: ``optimal`` (the baseline claims that no better subnet fits), ``feasible`` (the subnet fits, nothing
            more is known), ``infeasible`` (it claims that no subnet fits), ``unknown`` (nothing found, nothing proved),
            ``outside`` (the subnet breaks a budget because of floating-point tolerances).
        value: total of the objective in units; ``None`` without a choice.
        choice: int32 ``(n_blocks,)``, the candidate of every block, or ``None``.
        bound: the baseline's lower bound on the objective of subnets that fit, in units, or ``None``.
        evaluations: the baseline's own measure of work: subnets or partial subnets evaluated, or nodes of its tree.
        seconds: wall time of the search, without the time to build a solver's model.
    """

    status: Status
    value: int | None
    choice: NDArray[np.int32] | None
    bound: int | None
    evaluations: int
    seconds: float

    @classmethod
    def checked(
        cls,
        problem: Problem,
        budgets: NDArray[np.int64],
        choice: NDArray[np.int32] | None,
        claim: Literal["optimal", "feasible", "infeasible"],
        *,
        bound: int | None = None,
        evaluations: int = 0,
        seconds: float = 0.0,
    ) -> BaselineResult:
        """Return a result with a recomputed total, and with a weaker status if the claim is wrong.

        Without a choice, every claim except ``infeasible`` becomes ``unknown``.
        """
        if choice is None:
            status: Status = "infeasible" if claim == "infeasible" else "unknown"
            return cls(status, None, None, bound, evaluations, seconds)
        totals = totals_of(problem, choice[np.newaxis])[0]
        status = claim if (totals <= budgets).all() else "outside"
        value = int(totals[0])
        if status == "optimal":
            bound = value
        return cls(status, value, choice, bound, evaluations, seconds)


def totals_of(problem: Problem, choices: NDArray[np.integer]) -> NDArray[np.int64]:
    """Return exact totals in units, int64 ``(n, n_metrics)``, of choices ``(n, n_blocks)``."""
    values = problem.values[:, problem.offsets[:-1] + choices]
    sums = problem.origin[:, np.newaxis] + values.sum(axis=2)
    largest = np.maximum(problem.origin[:, np.newaxis], values.max(axis=2))
    return np.ascontiguousarray(np.where(problem.is_max[:, np.newaxis] == 1, largest, sums).T)

"""What a baseline found, checked in exact arithmetic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from qabwnas.bench.baselines.evaluate import totals_of
from qabwnas.search.model.problem import Problem

Status = Literal["optimal", "feasible", "infeasible", "unknown", "outside"]


@dataclass(frozen=True)
class Found:
    """The best subnet that a baseline came to, and what it claims of it.

    Attributes:
        status: ``optimal`` (it says that nothing better fits), ``feasible`` (it fits; no more is known), ``infeasible``
            (it says that nothing fits), ``unknown`` (nothing was found, nothing is proved), ``outside`` (its choice
            breaks a budget: floating point let it through).
        value: the objective's total, in units; ``None`` without a choice.
        choice: int32 ``(n_blocks,)``, the candidate of every block, or ``None``.
        bound: it says that no subnet which fits has a smaller objective, in units; ``None`` where it says nothing.
        evaluations: what it counts as its work: subnets or partial subnets made, or nodes of its tree.
        seconds: wall time of the search; making a solver's model of the problem is left out.
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
    ) -> Found:
        """Return a result with its total computed anew, and its claim taken back where it cannot hold.

        Without a choice, only ``infeasible`` stands: any other claim becomes ``unknown``.
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

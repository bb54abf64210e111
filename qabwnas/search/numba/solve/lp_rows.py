"""The rows of the LP branch and bound, with one lexicographic key per subnet: ``csrc/solve/lp_rows.hpp``."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qabwnas.search.numba.compiled import bare
from qabwnas.search.numba.core.problem import UNLIMITED
from qabwnas.search.numba.solve.presolve import Problem, PrunedBlocks

_WIDEST_KEY = 2.0**40  # a bound in doubles does not tell more keys apart

Ints = NDArray[np.int64]
Doubles = NDArray[np.float64]


class LpRows(NamedTuple):
    """The rows of all blocks. Keys are in the order of the totals of the first metrics, within the budgets."""

    offsets: Ints  # (n_blocks + 1,): where the rows of each block begin
    values: Ints  # (n_rows, n_metrics)
    candidates: NDArray[np.int32]  # (n_rows,)
    is_max: NDArray[np.uint8]  # (n_metrics,)
    origin: Ints  # (n_metrics,)
    budgets: Ints  # (n_metrics,)
    least_totals: Ints  # (n_metrics,): sums of the least value per block
    factors: Ints  # (n_key_metrics,): the weights in the key
    last_key: int  # that a subnet within the objective's budget can have
    key_range: float
    objectives: Doubles  # (n_rows,): keys above the least of the block, as fractions of the range of all keys
    costs: Doubles  # (n_budgets, n_rows): costs above the least of the block, as fractions of the budget's slack
    slacks: Doubles  # (n_budgets,): how far each budgeted total may be above its least, at least 1 unit

    @classmethod
    def of(cls, problem: Problem, blocks: PrunedBlocks) -> LpRows:
        _, _, is_max, origin, budgets = problem
        offsets, values, _ = blocks
        first_rows, n_rows = offsets[:-1], np.diff(offsets)
        least, most = np.minimum.reduceat(values, first_rows), np.maximum.reduceat(values, first_rows)
        least_totals = np.where(is_max == 0, least.sum(axis=0), 0)
        above = values - np.repeat(least, n_rows, axis=0)
        factors: list[int] = []
        last_key, width = 0, 1.0  # of the key so far
        for m in range(is_max.size):
            if is_max[m]:
                break
            total_range = sum((most[:, m] - least[:, m]).tolist())
            if budgets[m] != UNLIMITED:  # totals beyond the budget need no place
                total_range = max(0, min(total_range, int(budgets[m]) - int(origin[m]) - int(least_totals[m])))
            width *= total_range + 1.0
            if m > 0 and width > _WIDEST_KEY:
                break
            factors = [*(factor * (total_range + 1) for factor in factors), 1]
            last_key = last_key * (total_range + 1) + total_range
        keys = above[:, : len(factors)] @ np.array(factors)
        key_range = max(1.0, float(np.maximum.reduceat(keys, first_rows).astype(np.float64).sum()))
        budgeted = problem.budgeted_sums()
        slacks = np.maximum(budgets - origin - least_totals, 1)[budgeted].astype(np.float64)
        return cls(
            *blocks,
            is_max,
            origin,
            budgets,
            least_totals,
            np.array(factors),
            min(last_key, UNLIMITED),
            key_range,
            keys / key_range,
            np.ascontiguousarray((above[:, budgeted] / slacks).T),
            slacks,
        )

    def objective_of(self, key: int) -> int:
        return int(self.origin[0]) + int(self.least_totals[0]) + key // int(self.factors[0])


@bare
def key_of(rows, totals):  # type: ignore[no-untyped-def]
    key = np.int64(0)
    for m in range(rows.factors.size):
        key += rows.factors[m] * (totals[m] - rows.origin[m] - rows.least_totals[m])
    return key

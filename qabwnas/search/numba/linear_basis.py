"""The basis of a linear relaxation, and what follows from it: ``csrc/solve/lp_relaxation.hpp``.

Every block has a key row, whose share is what the block's others leave (generalised upper bounds: Dantzig, Van Slyke
1967), so that the matrix to invert has a column a budget.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qabwnas.search.numba.compiled import bare, inner

OBJECTIVE, PRICED, MULTIPLIER_SUM, ROUNDING = 0, 1, 2, 3
"""Places in :attr:`Relaxation.numbers`."""

Ints = NDArray[np.int64]
Bytes = NDArray[np.uint8]
Doubles = NDArray[np.float64]


class Relaxation(NamedTuple):
    """What a solution starts from, works with and leaves."""

    offsets: Ints  # (n_blocks + 1,): where every block's rows begin
    block_of: Ints  # (n_rows,)
    objectives: Doubles  # (n_rows,): shares of the objective's range, at least 0
    costs: Doubles  # (n_budgets, n_rows): shares of each budget's slack, at least 0
    allowed: Bytes  # (n_rows,): at least one a block
    is_basic: Bytes  # (n_rows,)
    keys: Ints  # (n_blocks,): the row whose share is what the others leave
    others: Ints  # (n_budgets,): a further basic row, or −1 − j for what is left of budget j
    inverse: Doubles  # (n_budgets, n_budgets), of the matrix of the others
    work: Doubles  # (n_budgets, 2 × n_budgets)
    key_shares: Doubles  # (n_blocks,)
    shares: Doubles  # (n_budgets,), of the others
    reduced: Doubles  # (n_rows,): reduced costs
    spare: Doubles  # (n_budgets,): those of what is left of budgets
    weights: Doubles  # (n_budgets,): the leaving variable's row of the tableau, over budgets
    row: Doubles  # (n_rows,): the same over rows
    prices: Doubles  # (n_rows,)
    cheapest: Doubles  # (n_blocks,): the least price of every block's allowed rows
    numbers: Doubles  # objective that the reduced costs belong to, sum of the cheapest, sum of multipliers, rounding


@inner
def relaxation_of(offsets, objectives, costs):  # type: ignore[no-untyped-def]
    """The relaxation with all rows allowed."""
    n_budgets, n_rows = costs.shape
    n_blocks = offsets.size - 1
    block_of = np.empty(n_rows, dtype=np.int64)
    for b in range(n_blocks):
        for row in range(offsets[b], offsets[b + 1]):
            block_of[row] = b
    relaxation = Relaxation(
        offsets,
        block_of,
        objectives,
        costs,
        np.ones(n_rows, dtype=np.uint8),
        np.zeros(n_rows, dtype=np.uint8),
        np.zeros(n_blocks, dtype=np.int64),
        np.zeros(n_budgets, dtype=np.int64),
        np.zeros((n_budgets, n_budgets)),
        np.zeros((n_budgets, 2 * n_budgets)),
        np.zeros(n_blocks),
        np.zeros(n_budgets),
        np.zeros(n_rows),
        np.zeros(n_budgets),
        np.zeros(n_budgets),
        np.zeros(n_rows),
        np.zeros(n_rows),
        np.zeros(n_blocks),
        np.zeros(4),
    )
    # Sums of at least as many terms as there are err by half a unit in the last place (2^-53) each, at most; terms are
    # nowhere negative, so relative to the sum. This is several times that.
    relaxation.numbers[ROUNDING] = (n_blocks + 1 + 4 * n_budgets + 16) * 2.0**-50
    start_anew(relaxation)
    return relaxation


@bare
def start_anew(lp):  # type: ignore[no-untyped-def]
    """Take the basis in which every block has its row of the least objective."""
    for b in range(lp.keys.size):
        lp.keys[b] = -1
        for row in range(lp.offsets[b], lp.offsets[b + 1]):
            if lp.allowed[row] != 0 and (lp.keys[b] < 0 or lp.objectives[row] < lp.objectives[lp.keys[b]]):
                lp.keys[b] = row
    for j in range(lp.others.size):
        lp.others[j] = -1 - j
    mark_basis(lp)


@bare
def mark_basis(lp):  # type: ignore[no-untyped-def]
    """Take ``keys`` and ``others`` as they stand: optimal while at least the rows were allowed that are now."""
    for row in range(lp.is_basic.size):
        lp.is_basic[row] = 0
    for b in range(lp.keys.size):
        lp.is_basic[lp.keys[b]] = 1
    for at in range(lp.others.size):
        if lp.others[at] >= 0:
            lp.is_basic[lp.others[at]] = 1


@bare
def invert_or_start_anew(lp):  # type: ignore[no-untyped-def]
    if not invert(lp):
        start_anew(lp)
        invert(lp)


@bare
def invert(lp):  # type: ignore[no-untyped-def]
    """Invert the matrix of the others' columns, each row's less its block's key row's, by Gauss and Jordan.

    Returns whether it has an inverse.
    """
    n, work = lp.others.size, lp.work
    for j in range(n):
        for i in range(2 * n):
            work[j, i] = 0.0
    for at in range(n):
        other = lp.others[at]
        if other < 0:
            work[-1 - other, at] = 1.0
        else:
            key = lp.keys[lp.block_of[other]]
            for j in range(n):
                work[j, at] = lp.costs[j, other] - lp.costs[j, key]
        work[at, n + at] = 1.0
    for column in range(n):
        largest = column
        for j in range(column + 1, n):
            if abs(work[j, column]) > abs(work[largest, column]):
                largest = j
        if abs(work[largest, column]) < 1e-11:
            return False
        if largest != column:
            for i in range(2 * n):
                work[column, i], work[largest, i] = work[largest, i], work[column, i]
        scale = 1.0 / work[column, column]
        for i in range(column, 2 * n):
            work[column, i] *= scale
        for j in range(n):
            factor = work[j, column]
            if j != column and factor != 0.0:
                for i in range(column, 2 * n):
                    work[j, i] -= factor * work[column, i]
    for at in range(n):
        for j in range(n):
            lp.inverse[at, j] = work[at, n + j]
    return True


@bare
def find_shares(lp):  # type: ignore[no-untyped-def]
    n, left = lp.others.size, lp.weights  # of every budget, beside the keys
    for j in range(n):
        used = 0.0
        for b in range(lp.keys.size):
            used += lp.costs[j, lp.keys[b]]
        left[j] = 1.0 - used
    for b in range(lp.keys.size):
        lp.key_shares[b] = 1.0
    for at in range(n):
        share = 0.0
        for j in range(n):
            share += lp.inverse[at, j] * left[j]
        lp.shares[at] = share
        if lp.others[at] >= 0:
            lp.key_shares[lp.block_of[lp.others[at]]] -= share


@bare
def find_reduced_costs(lp):  # type: ignore[no-untyped-def]
    n = lp.others.size
    for j in range(n):
        lp.spare[j] = 0.0
    for at in range(n):
        row = lp.others[at]
        if row >= 0:
            gain = lp.objectives[row] - lp.objectives[lp.keys[lp.block_of[row]]]
            for j in range(n):
                lp.spare[j] -= gain * lp.inverse[at, j]
    for row in range(lp.reduced.size):
        lp.reduced[row] = lp.objectives[row]
    objective = 0.0
    for j in range(n):
        if lp.spare[j] != 0.0:
            add(lp.reduced, lp.costs[j], lp.spare[j])
        objective -= lp.spare[j]
    for b in range(lp.keys.size):
        key = lp.reduced[lp.keys[b]]
        objective += key
        for row in range(lp.offsets[b], lp.offsets[b + 1]):
            lp.reduced[row] -= key
    lp.numbers[OBJECTIVE] = objective


@bare
def add(values, column, factor):  # type: ignore[no-untyped-def]
    for i in range(values.size):
        values[i] += factor * column[i]

"""The LP relaxation of a search under several budgets: ``csrc/solve/lp_relaxation.hpp`` describes the method.

Minimise Σ objective · x. The LP values x of the rows of each block are at least 0 and sum to 1. The costs of each
budget sum to at most 1. The basis has one key row per block and one further variable per budget (generalised upper
bounds), so the matrix to invert is ``(n_budgets, n_budgets)``.

Complexity: O(rows × budgets + budgets³) per pivot.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qabwnas.search.numba.compiled import bare, inner

SOLVED, INFEASIBLE, ABOVE_CUTOFF = 0, 1, 2
_TOLERANCE = 1e-9  # LP values and pivots below this count as 0
_MOST_PIVOTS = 1000
_MOST_STEPS = 1 << 27  # of one solve, so that Ctrl-C is not late; an early stop makes the bound weaker, not wrong
_NO_VARIABLE = -(2**62)
_OBJECTIVE, _LEAST_COST_SUM, _MULTIPLIER_SUM, _ROUNDING = range(4)  # places in LpRelaxation.numbers

Ints = NDArray[np.int64]
Bytes = NDArray[np.uint8]
Doubles = NDArray[np.float64]


class LpRelaxation(NamedTuple):
    """The problem, the basis, and the results of a solve."""

    offsets: Ints  # (n_blocks + 1,): where the rows of each block begin
    block_of: Ints  # (n_rows,)
    objectives: Doubles  # (n_rows,): fractions of the objective's range, at least 0
    costs: Doubles  # (n_budgets, n_rows): fractions of each budget's slack, at least 0
    allowed: Bytes  # (n_rows,): at least one per block
    is_basic: Bytes  # (n_rows,)
    keys: Ints  # (n_blocks,): the basic row whose LP value is 1 less those of the block's other rows
    others: Ints  # (n_budgets,): a further basic row, or −1 − j for the slack of budget j
    inverse: Doubles  # (n_budgets, n_budgets), of the matrix of the other variables
    key_values: Doubles  # (n_blocks,)
    other_values: Doubles  # (n_budgets,)
    reduced_costs: Doubles  # (n_rows,)
    duals: Doubles  # (n_budgets,): dual values of the budgets, the reduced costs of their slacks
    multipliers: Doubles  # (n_budgets,): over the budgets, those of the bound or of the leaving variable's row
    pivot_row: Doubles  # (n_rows,): the leaving variable's row of the tableau
    lagrangian_costs: Doubles  # (n_rows,): objective + multipliers × costs
    least_costs: Doubles  # (n_blocks,): the least Lagrangian cost of each block's allowed rows
    numbers: Doubles  # the LP objective, the sum of the least costs, the sum of the multipliers, rounding


@inner
def lp_relaxation(offsets, objectives, costs):  # type: ignore[no-untyped-def]
    """The relaxation with all rows allowed."""
    n_budgets, n_rows = costs.shape
    n_blocks = offsets.size - 1
    block_of = np.empty(n_rows, dtype=np.int64)
    for b in range(n_blocks):
        block_of[offsets[b] : offsets[b + 1]] = b
    # A sum errs by at most half a unit in the last place (2^-53) per term. No term is negative, so the error is
    # relative to the sum. This is several times that.
    rounding = (n_blocks + 1 + 4 * n_budgets + 16) * 2.0**-50
    lp = LpRelaxation(
        offsets,
        block_of,
        objectives,
        costs,
        np.ones(n_rows, dtype=np.uint8),
        np.zeros(n_rows, dtype=np.uint8),
        np.zeros(n_blocks, dtype=np.int64),
        np.zeros(n_budgets, dtype=np.int64),
        np.zeros((n_budgets, n_budgets)),
        np.zeros(n_blocks),
        np.zeros(n_budgets),
        np.zeros(n_rows),
        np.zeros(n_budgets),
        np.zeros(n_budgets),
        np.zeros(n_rows),
        np.zeros(n_rows),
        np.zeros(n_blocks),
        np.array([0.0, 0.0, 0.0, rounding]),
    )
    cold_start(lp)
    return lp


@bare
def cold_start(lp):  # type: ignore[no-untyped-def]
    """Take the basis in which the key row of each block is its row with the least objective."""
    for b in range(lp.keys.size):
        lp.keys[b] = -1
        for row in range(lp.offsets[b], lp.offsets[b + 1]):
            if lp.allowed[row] != 0 and (lp.keys[b] < 0 or lp.objectives[row] < lp.objectives[lp.keys[b]]):
                lp.keys[b] = row
    for j in range(lp.others.size):
        lp.others[j] = -1 - j
    warm_start(lp, lp.keys, lp.others)


@bare
def warm_start(lp, keys, others):  # type: ignore[no-untyped-def]
    """Take a basis that was optimal while at least the rows were allowed that are allowed now."""
    lp.is_basic[:] = 0
    for b in range(keys.size):
        lp.keys[b] = keys[b]
        lp.is_basic[keys[b]] = 1
    for at in range(others.size):
        lp.others[at] = others[at]
        if others[at] >= 0:
            lp.is_basic[others[at]] = 1


@inner
def solve(lp, cutoff):  # type: ignore[no-untyped-def]
    """Solve by the dual simplex method, until the bound passes the cutoff; return the outcome and number of pivots.

    SOLVED also if the pivots do not come to an end. The bound holds all the same.
    """
    n_budgets, n_rows = lp.costs.shape
    most_pivots = min(_MOST_PIVOTS, 8 + _MOST_STEPS // (3 * n_budgets * n_rows))
    n_pivots = 0
    if not _invert(lp):
        cold_start(lp)
        _invert(lp)
    _compute_reduced_costs(lp)
    while n_pivots < most_pivots:
        if lp.numbers[_OBJECTIVE] > cutoff:
            _bound_at_duals(lp)
            if bound(lp) > cutoff:
                return ABOVE_CUTOFF, n_pivots
        _compute_values(lp)
        is_key, at, is_above, amount = _choose_leaving(lp)
        if amount <= _TOLERANCE:
            break
        _compute_pivot_row(lp, is_key, at)
        sign = 1.0 if is_above else -1.0
        entering, ratio = _choose_entering(lp, sign)
        if entering == _NO_VARIABLE:
            if _is_surely_infeasible(lp, sign):
                return INFEASIBLE, n_pivots
            break
        n_pivots += 1
        _add(lp.reduced_costs, lp.pivot_row, -sign * ratio)
        _add(lp.duals, lp.multipliers, -sign * ratio)
        lp.numbers[_OBJECTIVE] += ratio * amount
        _exchange(lp, is_key, at, entering)
        if not _invert(lp):
            cold_start(lp)
            _invert(lp)
            _compute_reduced_costs(lp)
    _bound_at_duals(lp)
    return (ABOVE_CUTOFF if bound(lp) > cutoff else SOLVED), n_pivots


@bare
def value(lp, row):  # type: ignore[no-untyped-def]
    """The LP value of a row."""
    block = lp.block_of[row]
    if lp.keys[block] == row:
        return lp.key_values[block]
    if lp.is_basic[row] != 0:
        for at in range(lp.others.size):
            if lp.others[at] == row:
                return lp.other_values[at]
    return 0.0


@bare
def dual_value(lp, budget):  # type: ignore[no-untyped-def]
    """The price of a budget's whole slack, as a fraction of the objective's range; at least 0."""
    return max(lp.duals[budget], 0.0)


@bare
def bound(lp):  # type: ignore[no-untyped-def]
    """After a solve: no choice of allowed rows within the budgets has a smaller objective."""
    return _lowered(lp, lp.numbers[_LEAST_COST_SUM], 0.0)


@bare
def bound_with(lp, block, row):  # type: ignore[no-untyped-def]
    """The same for the choices that use a row, allowed or not."""
    return _lowered(lp, lp.numbers[_LEAST_COST_SUM] - lp.least_costs[block], lp.lagrangian_costs[row])


@bare
def _lowered(lp, without, cost):  # type: ignore[no-untyped-def]
    """Lower a bound by more than rounding can have raised it (safe dual bounds)."""
    multipliers = lp.numbers[_MULTIPLIER_SUM]
    return without + cost - multipliers - (without + cost + multipliers) * lp.numbers[_ROUNDING]


@bare
def _add(values, column, factor):  # type: ignore[no-untyped-def]
    for i in range(values.size):
        values[i] += factor * column[i]


@inner
def _invert(lp):  # type: ignore[no-untyped-def]
    """Invert the matrix of the other variables by Gauss-Jordan elimination; return whether an inverse exists.

    The column of a row is its costs less those of its block's key row.
    """
    n = lp.others.size
    work = np.zeros((n, 2 * n))
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
    lp.inverse[:, :] = work[:, n:]
    return True


@bare
def _compute_values(lp):  # type: ignore[no-untyped-def]
    n, left = lp.others.size, lp.multipliers  # what the key rows leave of each budget
    for j in range(n):
        left[j] = 1.0
        for b in range(lp.keys.size):
            left[j] -= lp.costs[j, lp.keys[b]]
    lp.key_values[:] = 1.0
    for at in range(n):
        of_other = 0.0
        for j in range(n):
            of_other += lp.inverse[at, j] * left[j]
        lp.other_values[at] = of_other
        if lp.others[at] >= 0:
            lp.key_values[lp.block_of[lp.others[at]]] -= of_other


@bare
def _compute_reduced_costs(lp):  # type: ignore[no-untyped-def]
    n = lp.others.size
    lp.duals[:] = 0.0
    for at in range(n):
        row = lp.others[at]
        if row >= 0:
            gain = lp.objectives[row] - lp.objectives[lp.keys[lp.block_of[row]]]
            for j in range(n):
                lp.duals[j] -= gain * lp.inverse[at, j]
    for row in range(lp.objectives.size):
        lp.reduced_costs[row] = lp.objectives[row]
    objective = 0.0
    for j in range(n):
        if lp.duals[j] != 0.0:
            _add(lp.reduced_costs, lp.costs[j], lp.duals[j])
        objective -= lp.duals[j]
    for b in range(lp.keys.size):
        of_key = lp.reduced_costs[lp.keys[b]]
        objective += of_key
        for row in range(lp.offsets[b], lp.offsets[b + 1]):
            lp.reduced_costs[row] -= of_key
    lp.numbers[_OBJECTIVE] = objective


@bare
def _choose_leaving(lp):  # type: ignore[no-untyped-def]
    """The variable farthest outside its bounds: is it a key, where, is it above (a forbidden row), by how much."""
    is_key, found, is_above, amount = False, 0, False, _TOLERANCE
    for at in range(lp.others.size):
        here, other = lp.other_values[at], lp.others[at]
        if -here > amount:
            is_key, found, is_above, amount = False, at, False, -here
        elif here > amount and other >= 0 and lp.allowed[other] == 0:
            is_key, found, is_above, amount = False, at, True, here
    for b in range(lp.keys.size):
        here = lp.key_values[b]
        if -here > amount:
            is_key, found, is_above, amount = True, b, False, -here
        elif here > amount and lp.allowed[lp.keys[b]] == 0:
            is_key, found, is_above, amount = True, b, True, here
    return is_key, found, is_above, amount


@bare
def _compute_pivot_row(lp, is_key, leaving):  # type: ignore[no-untyped-def]
    """The leaving variable's row of the tableau: how much each entering variable takes away from it."""
    n = lp.others.size
    for j in range(n):
        lp.multipliers[j] = 0.0 if is_key else lp.inverse[leaving, j]
    if is_key:
        for at in range(n):
            if lp.others[at] >= 0 and lp.block_of[lp.others[at]] == leaving:
                _add(lp.multipliers, lp.inverse[at], -1.0)
    lp.pivot_row[:] = 0.0
    for j in range(n):
        if lp.multipliers[j] != 0.0:
            _add(lp.pivot_row, lp.costs[j], lp.multipliers[j])
    for b in range(lp.keys.size):
        base = (1.0 if is_key and b == leaving else 0.0) - lp.pivot_row[lp.keys[b]]
        for row in range(lp.offsets[b], lp.offsets[b + 1]):
            lp.pivot_row[row] += base


@bare
def _choose_entering(lp, sign):  # type: ignore[no-untyped-def]
    """The variable whose reduced cost vanishes first, the one with the largest pivot of several; and the ratio."""
    ratio, largest, entering = np.inf, 0.0, np.int64(_NO_VARIABLE)
    for row in range(lp.pivot_row.size):
        pivot = sign * lp.pivot_row[row]
        if pivot > _TOLERANCE and lp.allowed[row] != 0 and lp.is_basic[row] == 0:
            here = max(lp.reduced_costs[row], 0.0) / pivot
            if here < ratio - 1e-12 or (here <= ratio + 1e-12 and pivot > largest):
                ratio, largest, entering = here, pivot, np.int64(row)
    for j in range(lp.multipliers.size):
        pivot = sign * lp.multipliers[j]
        is_basic = False
        for at in range(lp.others.size):
            is_basic |= lp.others[at] == -1 - j
        if pivot > _TOLERANCE and not is_basic:
            here = max(lp.duals[j], 0.0) / pivot
            if here < ratio - 1e-12 or (here <= ratio + 1e-12 and pivot > largest):
                ratio, largest, entering = here, pivot, np.int64(-1 - j)
    return entering, ratio


@bare
def _exchange(lp, is_key, leaving, entering):  # type: ignore[no-untyped-def]
    """Put the entering variable into the basis. Another basic row of a leaving key's block becomes its key."""
    left = lp.keys[leaving] if is_key else lp.others[leaving]
    if is_key:
        at = -1
        for i in range(lp.others.size):
            other = lp.others[i]
            if other >= 0 and lp.block_of[other] == leaving and (at < 0 or lp.other_values[i] > lp.other_values[at]):
                at = i
        if at < 0:  # only a row of the block can have been chosen
            lp.keys[leaving] = entering
        else:
            lp.keys[leaving] = lp.others[at]
            lp.others[at] = entering
    else:
        lp.others[leaving] = entering
    if left >= 0:
        lp.is_basic[left] = 0
    if entering >= 0:
        lp.is_basic[entering] = 1


@bare
def _compute_lagrangian_costs(lp, factor):  # type: ignore[no-untyped-def]
    """Compute each row's Lagrangian cost at ``multipliers`` (none negative), and the sum of the blocks' least."""
    for row in range(lp.objectives.size):
        lp.lagrangian_costs[row] = factor * lp.objectives[row]
    lp.numbers[_MULTIPLIER_SUM] = lp.numbers[_LEAST_COST_SUM] = 0.0
    for j in range(lp.multipliers.size):
        lp.numbers[_MULTIPLIER_SUM] += lp.multipliers[j]
        if lp.multipliers[j] > 0.0:
            _add(lp.lagrangian_costs, lp.costs[j], lp.multipliers[j])
    for b in range(lp.keys.size):
        lp.least_costs[b] = np.inf
        for row in range(lp.offsets[b], lp.offsets[b + 1]):
            if lp.allowed[row] != 0 and lp.lagrangian_costs[row] < lp.least_costs[b]:
                lp.least_costs[b] = lp.lagrangian_costs[row]
        lp.numbers[_LEAST_COST_SUM] += lp.least_costs[b]


@bare
def _bound_at_duals(lp):  # type: ignore[no-untyped-def]
    for j in range(lp.multipliers.size):
        lp.multipliers[j] = dual_value(lp, j)
    _compute_lagrangian_costs(lp, 1.0)


@bare
def _is_surely_infeasible(lp, sign):  # type: ignore[no-untyped-def]
    """Check a Farkas certificate: multipliers at which even the least costs exceed the budgets together."""
    for j in range(lp.multipliers.size):
        lp.multipliers[j] = max(-sign * lp.multipliers[j], 0.0)
    _compute_lagrangian_costs(lp, 0.0)
    return bound(lp) > 0.0

"""The linear relaxation of a search under several budgets: ``csrc/qabwnas/linear_relaxation.hpp``.

A block may be shared out among its rows: minimise Σ objective · x, where the shares x of every block's rows are at
least 0 and make 1, and the costs of every budget make at most 1. A dual simplex method with generalised upper bounds
(Dantzig, Van Slyke 1967) finds prices; bounds are computed from these anew (Geoffrion 1974), and lowered by more than
rounding can have raised them.

Complexity: O(rows × budgets + budgets³) a pivot.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qabwnas.search._numba.inner import bare, inner

SOLVED, INFEASIBLE, ABOVE = 0, 1, 2
_MOST_PIVOTS = 1000
_MOST_STEPS = 1 << 27  # of one solution; what is left undone makes a bound weaker, not wrong
_SMALL = 1e-9  # of shares and pivots: what is less counts as 0
_NOTHING = -(2**62)
_OBJECTIVE, _PRICED, _MULTIPLIER_SUM, _ROUNDING = 0, 1, 2, 3

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
    relaxation.numbers[_ROUNDING] = (n_blocks + 1 + 4 * n_budgets + 16) * 2.0**-50
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
def bound(lp):  # type: ignore[no-untyped-def]
    """After a solution: no choice of allowed rows has a smaller objective within the budgets."""
    return _lowered(lp, lp.numbers[_PRICED], 0.0)


@bare
def bound_with(lp, block, row):  # type: ignore[no-untyped-def]
    """The same of the choices that use a row, allowed or not."""
    return _lowered(lp, lp.numbers[_PRICED] - lp.cheapest[block], lp.prices[row])


@bare
def _lowered(lp, without, price):  # type: ignore[no-untyped-def]
    multipliers = lp.numbers[_MULTIPLIER_SUM]
    return without + price - multipliers - (without + price + multipliers) * lp.numbers[_ROUNDING]


@bare
def multiplier(lp, budget):  # type: ignore[no-untyped-def]
    """What a share of a budget's slack costs, in shares of the objective's range; at least 0."""
    return max(lp.spare[budget], 0.0)


@bare
def solve(lp, cutoff):  # type: ignore[no-untyped-def]
    """Solve, unless the bound passes the cutoff before; return the outcome and the number of pivots.

    SOLVED also where pivots do not come to an end; prices hold.
    """
    n_budgets, n_rows = lp.costs.shape
    most_pivots = min(_MOST_PIVOTS, 8 + _MOST_STEPS // (3 * n_budgets * n_rows))
    n_pivots = 0
    _invert_or_start_anew(lp)
    _find_reduced_costs(lp)
    while n_pivots < most_pivots:
        if lp.numbers[_OBJECTIVE] > cutoff:
            _price_at_optimum(lp)
            if bound(lp) > cutoff:
                return ABOVE, n_pivots
        _find_shares(lp)
        is_key, at, is_above, amount = _find_leaving(lp)
        if amount <= _SMALL:
            break
        _make_row(lp, is_key, at)
        sign = 1.0 if is_above else -1.0
        entering, ratio = _find_entering(lp, sign)
        if entering == _NOTHING:
            if _is_surely_infeasible(lp, sign):
                return INFEASIBLE, n_pivots
            break
        n_pivots += 1
        _add(lp.reduced, lp.row, -sign * ratio)
        _add(lp.spare, lp.weights, -sign * ratio)
        lp.numbers[_OBJECTIVE] += ratio * amount
        _exchange(lp, is_key, at, entering)
        if not _invert(lp):
            _invert_or_start_anew(lp)
            _find_reduced_costs(lp)
    _price_at_optimum(lp)
    return (ABOVE if bound(lp) > cutoff else SOLVED), n_pivots


@bare
def _add(values, column, factor):  # type: ignore[no-untyped-def]
    for i in range(values.size):
        values[i] += factor * column[i]


@bare
def _invert_or_start_anew(lp):  # type: ignore[no-untyped-def]
    if not _invert(lp):
        start_anew(lp)
        _invert(lp)


@bare
def _invert(lp):  # type: ignore[no-untyped-def]
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
def _find_shares(lp):  # type: ignore[no-untyped-def]
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
def _find_reduced_costs(lp):  # type: ignore[no-untyped-def]
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
            _add(lp.reduced, lp.costs[j], lp.spare[j])
        objective -= lp.spare[j]
    for b in range(lp.keys.size):
        key = lp.reduced[lp.keys[b]]
        objective += key
        for row in range(lp.offsets[b], lp.offsets[b + 1]):
            lp.reduced[row] -= key
    lp.numbers[_OBJECTIVE] = objective


@bare
def _find_leaving(lp):  # type: ignore[no-untyped-def]
    """The variable that is farthest outside its bounds: is it a key, where, is it above (a forbidden row), how far."""
    is_key, found, is_above, amount = False, 0, False, _SMALL
    for at in range(lp.others.size):
        share, other = lp.shares[at], lp.others[at]
        if -share > amount:
            is_key, found, is_above, amount = False, at, False, -share
        elif share > amount and other >= 0 and lp.allowed[other] == 0:
            is_key, found, is_above, amount = False, at, True, share
    for b in range(lp.keys.size):
        share = lp.key_shares[b]
        if -share > amount:
            is_key, found, is_above, amount = True, b, False, -share
        elif share > amount and lp.allowed[lp.keys[b]] == 0:
            is_key, found, is_above, amount = True, b, True, share
    return is_key, found, is_above, amount


@bare
def _make_row(lp, is_key, leaving):  # type: ignore[no-untyped-def]
    """The leaving variable's row of the tableau: how much of it each variable that enters takes away."""
    n = lp.others.size
    for j in range(n):
        lp.weights[j] = 0.0 if is_key else lp.inverse[leaving, j]
    if is_key:
        for at in range(n):
            if lp.others[at] >= 0 and lp.block_of[lp.others[at]] == leaving:
                for j in range(n):
                    lp.weights[j] -= lp.inverse[at, j]
    for row in range(lp.row.size):
        lp.row[row] = 0.0
    for j in range(n):
        if lp.weights[j] != 0.0:
            _add(lp.row, lp.costs[j], lp.weights[j])
    for b in range(lp.keys.size):
        base = (1.0 if is_key and b == leaving else 0.0) - lp.row[lp.keys[b]]
        for row in range(lp.offsets[b], lp.offsets[b + 1]):
            lp.row[row] += base


@bare
def _find_entering(lp, sign):  # type: ignore[no-untyped-def]
    """The variable whose reduced cost vanishes first, of several that with the largest pivot; and the ratio."""
    ratio, largest, entering = np.inf, 0.0, np.int64(_NOTHING)
    for row in range(lp.row.size):
        pivot = sign * lp.row[row]
        if pivot > _SMALL and lp.allowed[row] != 0 and lp.is_basic[row] == 0:
            here = max(lp.reduced[row], 0.0)
            if here > (ratio + 1e-12) * pivot or (here > (ratio - 1e-12) * pivot and pivot <= largest):
                continue
            ratio, largest, entering = here / pivot, pivot, np.int64(row)
    for j in range(lp.weights.size):
        pivot = sign * lp.weights[j]
        if pivot > _SMALL:
            is_basic = False
            for at in range(lp.others.size):
                is_basic |= lp.others[at] == -1 - j
            here = max(lp.spare[j], 0.0) / pivot
            if is_basic or here > ratio + 1e-12 or (here > ratio - 1e-12 and pivot <= largest):
                continue
            ratio, largest, entering = here, pivot, np.int64(-1 - j)
    return entering, ratio


@bare
def _exchange(lp, is_key, leaving, entering):  # type: ignore[no-untyped-def]
    """Put the entering variable into the basis; another basic row of a leaving key's block becomes its key."""
    left = lp.keys[leaving] if is_key else lp.others[leaving]
    if is_key:
        at = -1
        for i in range(lp.others.size):
            if lp.others[i] >= 0 and lp.block_of[lp.others[i]] == leaving and (at < 0 or lp.shares[i] > lp.shares[at]):
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
def _price(lp, factor):  # type: ignore[no-untyped-def]
    """Price every row at the weights, none of them negative; sum up the blocks' cheapest."""
    for row in range(lp.prices.size):
        lp.prices[row] = factor * lp.objectives[row]
    multiplier_sum = 0.0
    for j in range(lp.weights.size):
        multiplier_sum += lp.weights[j]
        if lp.weights[j] > 0.0:
            _add(lp.prices, lp.costs[j], lp.weights[j])
    priced = 0.0
    for b in range(lp.cheapest.size):
        cheapest = np.inf
        for row in range(lp.offsets[b], lp.offsets[b + 1]):
            if lp.allowed[row] != 0 and lp.prices[row] < cheapest:
                cheapest = lp.prices[row]
        lp.cheapest[b] = cheapest
        priced += cheapest
    lp.numbers[_PRICED] = priced
    lp.numbers[_MULTIPLIER_SUM] = multiplier_sum


@bare
def _price_at_optimum(lp):  # type: ignore[no-untyped-def]
    for j in range(lp.weights.size):
        lp.weights[j] = multiplier(lp, j)
    _price(lp, 1.0)


@bare
def _is_surely_infeasible(lp, sign):  # type: ignore[no-untyped-def]
    """The row in which no variable can enter weighs budgets so that even the cheapest rows overdraw them together."""
    for j in range(lp.weights.size):
        lp.weights[j] = max(-sign * lp.weights[j], 0.0)
    _price(lp, 0.0)
    return bound(lp) > 0.0

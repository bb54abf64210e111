"""The linear relaxation of a search under several budgets: ``csrc/solve/lp_relaxation.hpp``.

A block may be shared out among its rows: minimise Σ objective · x, where the shares x of every block's rows are at
least 0 and make 1, and the costs of every budget make at most 1. A dual simplex method with generalised upper bounds
(Dantzig, Van Slyke 1967) finds prices; bounds are computed from these anew (Geoffrion 1974), and lowered by more than
rounding can have raised them.

Complexity: O(rows × budgets + budgets³) a pivot.
"""

from __future__ import annotations

import numpy as np

from qabwnas.search.numba.compiled import bare
from qabwnas.search.numba.linear_basis import (
    MULTIPLIER_SUM,
    OBJECTIVE,
    PRICED,
    ROUNDING,
    add,
    find_reduced_costs,
    find_shares,
    invert,
    invert_or_start_anew,
)
from qabwnas.search.numba.linear_pivot import NOTHING, SMALL, exchange, find_entering, find_leaving, make_row

SOLVED, INFEASIBLE, ABOVE = 0, 1, 2
_MOST_PIVOTS = 1000
_MOST_STEPS = 1 << 27  # of one solution; what is left undone makes a bound weaker, not wrong


@bare
def solve(lp, cutoff):  # type: ignore[no-untyped-def]
    """Solve, unless the bound passes the cutoff before; return the outcome and the number of pivots.

    SOLVED also where pivots do not come to an end; prices hold.
    """
    n_budgets, n_rows = lp.costs.shape
    most_pivots = min(_MOST_PIVOTS, 8 + _MOST_STEPS // (3 * n_budgets * n_rows))
    n_pivots = 0
    invert_or_start_anew(lp)
    find_reduced_costs(lp)
    while n_pivots < most_pivots:
        if lp.numbers[OBJECTIVE] > cutoff:
            _price_at_optimum(lp)
            if bound(lp) > cutoff:
                return ABOVE, n_pivots
        find_shares(lp)
        is_key, at, is_above, amount = find_leaving(lp)
        if amount <= SMALL:
            break
        make_row(lp, is_key, at)
        sign = 1.0 if is_above else -1.0
        entering, ratio = find_entering(lp, sign)
        if entering == NOTHING:
            if _is_surely_infeasible(lp, sign):
                return INFEASIBLE, n_pivots
            break
        n_pivots += 1
        add(lp.reduced, lp.row, -sign * ratio)
        add(lp.spare, lp.weights, -sign * ratio)
        lp.numbers[OBJECTIVE] += ratio * amount
        exchange(lp, is_key, at, entering)
        if not invert(lp):
            invert_or_start_anew(lp)
            find_reduced_costs(lp)
    _price_at_optimum(lp)
    return (ABOVE if bound(lp) > cutoff else SOLVED), n_pivots


@bare
def bound(lp):  # type: ignore[no-untyped-def]
    """After a solution: no choice of allowed rows has a smaller objective within the budgets."""
    return _lowered(lp, lp.numbers[PRICED], 0.0)


@bare
def bound_with(lp, block, row):  # type: ignore[no-untyped-def]
    """The same of the choices that use a row, allowed or not."""
    return _lowered(lp, lp.numbers[PRICED] - lp.cheapest[block], lp.prices[row])


@bare
def _lowered(lp, without, price):  # type: ignore[no-untyped-def]
    multipliers = lp.numbers[MULTIPLIER_SUM]
    return without + price - multipliers - (without + price + multipliers) * lp.numbers[ROUNDING]


@bare
def multiplier(lp, budget):  # type: ignore[no-untyped-def]
    """What a share of a budget's slack costs, in shares of the objective's range; at least 0."""
    return max(lp.spare[budget], 0.0)


@bare
def _price(lp, factor):  # type: ignore[no-untyped-def]
    """Price every row at the weights, none of them negative; sum up the blocks' cheapest."""
    for row in range(lp.prices.size):
        lp.prices[row] = factor * lp.objectives[row]
    multiplier_sum = 0.0
    for j in range(lp.weights.size):
        multiplier_sum += lp.weights[j]
        if lp.weights[j] > 0.0:
            add(lp.prices, lp.costs[j], lp.weights[j])
    priced = 0.0
    for b in range(lp.cheapest.size):
        cheapest = np.inf
        for row in range(lp.offsets[b], lp.offsets[b + 1]):
            if lp.allowed[row] != 0 and lp.prices[row] < cheapest:
                cheapest = lp.prices[row]
        lp.cheapest[b] = cheapest
        priced += cheapest
    lp.numbers[PRICED] = priced
    lp.numbers[MULTIPLIER_SUM] = multiplier_sum


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

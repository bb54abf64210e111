"""Direct search for the k best subnets under budgets: ``csrc/solve/top.hpp``."""

from __future__ import annotations

import numpy as np

from qabwnas.search.numba.core.problem import COMPLETE, INFEASIBLE, LARGEST_TOTAL, UNLIMITED
from qabwnas.search.numba.solve.answers import Choices, HammingConstraint, in_order, n_answers, no_answers
from qabwnas.search.numba.solve.lagrangian_pricing import lagrangian_pricing, pricing_pays_off
from qabwnas.search.numba.solve.presolve import Bytes, Ints, Problem, presolve, prune_subsets
from qabwnas.search.numba.solve.tree_search import SearchLimits, make_tree_search

Result = tuple[int, Ints, Choices, int, int]


def top(
    values: Ints,
    offsets: Ints,
    is_max: Bytes,
    origin: Ints,
    budgets: Ints,
    k: int,
    min_distance: int,
    max_nodes: int,
    max_seconds: float,
) -> Result:
    # No total is beyond the largest one. The difference of a smaller budget and any total fits into 64 bits.
    budgets = np.where(budgets >= LARGEST_TOTAL, UNLIMITED, budgets)
    problem = Problem(values, offsets, is_max, origin, budgets)
    limits = SearchLimits(max_nodes, max_seconds)
    mask = presolve(problem)
    none = no_answers(0, is_max.size, offsets.size - 1)
    if mask is None:
        return _result(INFEASIBLE, none[0], none[1], UNLIMITED, limits)
    if min_distance > 1:
        return _k_best_with_distance(problem, mask, k, min_distance, limits)
    answers = no_answers(k, is_max.size, offsets.size - 1)
    status, open_bound = COMPLETE, UNLIMITED
    if not (pricing_pays_off(problem, k) and lagrangian_pricing(problem, mask, answers, limits)):
        tree = make_tree_search(problem, prune_subsets(problem, mask, k), k)
        status, open_bound = limits.search(tree, answers, HammingConstraint(none[1], 1))
    return _result(status, *in_order(answers), open_bound, limits)


def _k_best_with_distance(problem: Problem, mask: Bytes, k: int, min_distance: int, limits: SearchLimits) -> Result:
    """Find the best subnet, then again and again the best that differs enough from all before."""
    totals, choice, _ = no_answers(0, problem.is_max.size, problem.offsets.size - 1)
    tree = make_tree_search(problem, prune_subsets(problem, mask, k), k)
    status, open_bound = COMPLETE, UNLIMITED
    while len(totals) < k and status == COMPLETE:
        answers = no_answers(1, totals.shape[1], choice.shape[1])
        status, open_bound = limits.search(tree, answers, HammingConstraint(choice, min_distance))
        if n_answers(answers) == 0:
            break
        totals, choice = np.concatenate([totals, answers[0]]), np.concatenate([choice, answers[1]])
    # The subnets that were not looked at can be better than the first answer only while that is searched for.
    return _result(status, totals, choice, open_bound if len(totals) < 2 else UNLIMITED, limits)


def _result(status: int, totals: Ints, choice: Choices, open_bound: int, limits: SearchLimits) -> Result:
    if len(totals) > 0:
        return status, totals, choice, min(open_bound, int(totals[0, 0])), limits.n_nodes
    is_infeasible = status == COMPLETE or open_bound == UNLIMITED
    return INFEASIBLE if is_infeasible else status, totals, choice, 0 if is_infeasible else open_bound, limits.n_nodes

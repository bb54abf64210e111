"""Lagrangian pricing of rows before a search for several subnets: ``csrc/solve/lagrangian_pricing.hpp``.

The C++ search prices rows also for a single subnet, and takes its multipliers from the LP of a sample of rows. Here
they come from the LP of the rows that a prefilter leaves, among them all that are Pareto-minimal: these are the best
multipliers. The core, which has few rows, is not pruned.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

from qabwnas.search.numba.core.problem import COMPLETE
from qabwnas.search.numba.pareto.prefilter import prefilter
from qabwnas.search.numba.solve.answers import Answers, HammingConstraint, n_answers
from qabwnas.search.numba.solve.lagrangian import Doubles, Lagrangian
from qabwnas.search.numba.solve.lp_branch_and_bound import LpBranchAndBound
from qabwnas.search.numba.solve.presolve import Bytes, Problem, PrunedBlocks
from qabwnas.search.numba.solve.tree_search import SearchLimits, make_tree_search


def pricing_pays_off(problem: Problem, k: int) -> bool:
    """Return whether pricing is probably faster than pruning all rows to the k-skyband."""
    return k > 1 and not problem.is_max[0]


def lagrangian_pricing(problem: Problem, mask: Bytes, answers: Answers, limits: SearchLimits) -> bool:
    """Find the k best subnets of the rows in ``mask`` by core problems; return whether ``answers`` is proved."""
    return search_cores(problem, Lagrangian.of(problem, mask, _multipliers(problem, mask)), answers, limits)


def _multipliers(problem: Problem, mask: Bytes) -> Doubles:
    """Return the best Lagrange multipliers of the budgeted sums for the rows in ``mask``."""
    if problem.budgeted_sums().size == 0:
        return np.empty(0)
    filtered = np.zeros_like(mask)
    for first, last in pairwise(problem.offsets):
        rows = first + np.flatnonzero(mask[first:last].view(np.bool_))
        filtered[rows[prefilter(problem.values.take(rows, axis=1), 1)]] = 1
    return LpBranchAndBound(problem, PrunedBlocks.marked(problem, filtered)).lagrange_multipliers()


def search_cores(problem: Problem, lagrangian: Lagrangian, answers: Answers, limits: SearchLimits) -> bool:
    """Search larger and larger cores, which are the rows within some gap of the least Lagrangian cost of their block.

    The objective gets the budget up to which no other row matters, so the answers of a core are proved. Return whether
    ``answers`` is proved. If that takes too long, it is not.
    """
    k = len(answers[0])
    n_rows, max_nodes = core_size(k), 512 * k
    while limits.n_nodes < max_nodes:
        gap = lagrangian.gap_of_rows(n_rows)
        budgets = problem.budgets.copy()
        budgets[0] = min(budgets[0], lagrangian.objective_within(gap))
        core = problem._replace(budgets=budgets)
        tree = make_tree_search(core, PrunedBlocks.marked(core, lagrangian.rows_within(gap)), k)
        if limits.search(tree, answers, HammingConstraint(answers[1][:0], 1), max_nodes)[0] != COMPLETE:
            return False
        if n_answers(answers) == k or gap == math.inf:
            return True
        n_rows += n_rows // 2 if n_answers(answers) > 0 else 2 * n_rows
    return False


def core_size(k: int) -> int:
    """Return how many rows the k best subnets mostly use."""
    return 16 + int(16 * math.sqrt(k))

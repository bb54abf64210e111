"""What the tree searches share: which one suits a problem, and the limits of a call. ``csrc/solve/tree_search.hpp``."""

from __future__ import annotations

import time

from qabwnas.search.numba.core.problem import COMPLETE, LIMIT, UNLIMITED
from qabwnas.search.numba.solve.answers import Answers, HammingConstraint
from qabwnas.search.numba.solve.dp_branch_and_bound import DpBranchAndBound
from qabwnas.search.numba.solve.lp_branch_and_bound import LpBranchAndBound
from qabwnas.search.numba.solve.presolve import Problem, PrunedBlocks

TreeSearch = DpBranchAndBound | LpBranchAndBound


def make_tree_search(problem: Problem, blocks: PrunedBlocks, k: int) -> TreeSearch:
    """Return the search that suits a problem.

    LP relaxations bound several budgets together, and need a summed objective. With one budget the DP bounds are exact:
    that makes no difference for the best subnet, but for many.
    """
    if problem.is_max[0] or problem.budgeted_sums().size <= (0 if k == 1 else 1):
        return DpBranchAndBound(problem, blocks)
    return LpBranchAndBound(problem, blocks)


class SearchLimits:
    """The limits of a call, and the number of nodes of all its searches."""

    def __init__(self, max_nodes: int, max_seconds: float) -> None:
        self._max_nodes, self._ends = max_nodes, time.monotonic() + max_seconds
        self.n_nodes = 0

    def search(
        self, tree: TreeSearch, answers: Answers, constraint: HammingConstraint, max_nodes: int = UNLIMITED
    ) -> tuple[int, int]:
        """Search until the answers are proved or a limit is reached.

        ``max_nodes`` limits the nodes of all searches so far. Return the status, and a bound on the objective of the
        subnets that were not looked at.
        """
        before = self.n_nodes
        most = min(max_nodes, self._max_nodes) - before
        for n_nodes, open_bound in tree.search(answers, constraint, most):
            self.n_nodes = before + n_nodes
            if open_bound is not None and (n_nodes >= most or time.monotonic() >= self._ends):
                return LIMIT, open_bound
        return COMPLETE, UNLIMITED

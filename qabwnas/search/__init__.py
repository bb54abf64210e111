"""Search of look-up tables: Pareto pruning, exact fronts, budgets, top-k. Imports neither torch nor numba."""

from qabwnas.search.backend import select_backend
from qabwnas.search.frontier import Frontier
from qabwnas.search.problem import Problem
from qabwnas.search.scope import Scope
from qabwnas.search.search import Answer, SearchResult, search

__all__ = ["Answer", "Frontier", "Problem", "Scope", "SearchResult", "search", "select_backend"]

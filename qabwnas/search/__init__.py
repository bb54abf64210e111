"""Search of look-up tables: Pareto pruning, exact fronts, budgets, top-k. Imports neither torch nor numba."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qabwnas.search.api import Answer, SearchResult, search
from qabwnas.search.engine.backend import select_backend
from qabwnas.search.model.problem import Problem

if TYPE_CHECKING:
    from qabwnas.search.constraints.scope import Scope
    from qabwnas.search.frontier import Frontier
    from qabwnas.search.session import Session

__all__ = ["Answer", "Frontier", "Problem", "Scope", "SearchResult", "Session", "search", "select_backend"]


def __getattr__(name: str) -> object:
    # Loaded when first asked for: a search from the shell does without, and starts sooner.
    if name == "Frontier":
        from qabwnas.search.frontier import Frontier

        return Frontier
    if name == "Scope":
        from qabwnas.search.constraints.scope import Scope

        return Scope
    if name == "Session":
        from qabwnas.search.session import Session

        return Session
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

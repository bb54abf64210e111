"""Search of look-up tables: Pareto pruning, exact fronts, budgets, top-k. Imports neither torch nor numba."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from qabwnas.search.backend import select_backend
from qabwnas.search.problem import Problem
from qabwnas.search.scope import Scope
from qabwnas.search.search import Answer, SearchResult, search

if TYPE_CHECKING:
    from qabwnas.search.frontier import Frontier
    from qabwnas.search.session import Session

__all__ = ["Answer", "Frontier", "Problem", "Scope", "SearchResult", "Session", "search", "select_backend"]

_LATE = {"Frontier": "qabwnas.search.frontier", "Session": "qabwnas.search.session"}


def __getattr__(name: str) -> object:
    if name in _LATE:  # loaded when first asked for: a search from the shell needs neither, and starts sooner
        return getattr(import_module(_LATE[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

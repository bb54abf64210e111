"""Search of look-up tables: Pareto pruning, exact fronts, budgets, top-k. Imports neither torch nor numba.

The package is also the function: ``qabwnas.search(lut, budgets={"size_bytes": 1e6})`` searches, and
``help(qabwnas.search.search)`` shows the arguments. Names load on first use.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

from qabwnas.search.callable_module import make_callable

if TYPE_CHECKING:
    from qabwnas.search.api import Answer as Answer
    from qabwnas.search.api import SearchResult as SearchResult
    from qabwnas.search.api import search as search
    from qabwnas.search.batch.answers import BatchProgress as BatchProgress
    from qabwnas.search.batch.batch import answer_batch as answer_batch
    from qabwnas.search.batch.result import BatchResult as BatchResult
    from qabwnas.search.constraints.scope import Scope as Scope
    from qabwnas.search.engine.backend import Backend as Backend
    from qabwnas.search.engine.backend import select_backend as select_backend
    from qabwnas.search.explain import BudgetEffect as BudgetEffect
    from qabwnas.search.explain import Explanation as Explanation
    from qabwnas.search.explain import explain as _explain
    from qabwnas.search.front.region import FrontRegion as FrontRegion
    from qabwnas.search.frontier import Frontier as Frontier
    from qabwnas.search.session import Session as Session

    class _Explain(ModuleType):
        __call__ = staticmethod(_explain)

    explain = _Explain("explain")

HOMES = {
    "Answer": "qabwnas.search.api",
    "Backend": "qabwnas.search.engine.backend",
    "BatchProgress": "qabwnas.search.batch.answers",
    "BatchResult": "qabwnas.search.batch.result",
    "BudgetEffect": "qabwnas.search.explain",
    "Explanation": "qabwnas.search.explain",
    "FrontRegion": "qabwnas.search.front.region",
    "Frontier": "qabwnas.search.frontier",
    "Scope": "qabwnas.search.constraints.scope",
    "SearchResult": "qabwnas.search.api",
    "Session": "qabwnas.search.session",
    "answer_batch": "qabwnas.search.batch.batch",
    "search": "qabwnas.search.api",
    "select_backend": "qabwnas.search.engine.backend",
    "explain": "qabwnas.search.explain",
}
"""Public name → the module that defines it."""

_SUBMODULES = ("api", "explain", "frontier", "session")

__all__ = list(HOMES)

make_callable(__name__)


def __getattr__(name: str) -> object:
    if name in _SUBMODULES:
        return import_module(f"{__name__}.{name}")
    if name in HOMES:
        return getattr(import_module(HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)

"""Quantization-aware block-wise neural architecture search with a compiled search core.

The public names for searching: :class:`Lut`, :func:`search`, :class:`Frontier`, :class:`Session`. Training and
measuring live in :mod:`qabwnas.train` and :mod:`qabwnas.measure` and need the extra ``train``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from qabwnas.errors import BackendError, FormatError, InputError, QabwnasError, StaleError
from qabwnas.lut.lut import Lut, LutBlock, Metric, Table
from qabwnas.search import Answer, SearchResult, search

if TYPE_CHECKING:
    from qabwnas.search import Frontier, Scope, Session

__version__ = "0.1.0"

__all__ = [
    "Answer",
    "BackendError",
    "FormatError",
    "Frontier",
    "InputError",
    "Lut",
    "LutBlock",
    "Metric",
    "QabwnasError",
    "Scope",
    "SearchResult",
    "Session",
    "StaleError",
    "Table",
    "search",
]


def __getattr__(name: str) -> object:
    if name in ("Frontier", "Scope", "Session"):  # loaded when first asked for, as in qabwnas.search
        from qabwnas.search.constraints.scope import Scope
        from qabwnas.search.frontier import Frontier
        from qabwnas.search.session import Session

        return {"Frontier": Frontier, "Scope": Scope, "Session": Session}[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

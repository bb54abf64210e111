"""Quantization-aware block-wise neural architecture search with a compiled search core.

The public names for searching: :class:`Lut`, :func:`search`, :class:`Frontier`. Training and measuring live in
:mod:`qabwnas.train` and :mod:`qabwnas.measure` and need the extra ``train``.
"""

from qabwnas.errors import BackendError, FormatError, InputError, QabwnasError, StaleError
from qabwnas.lut.lut import Lut, LutBlock, Metric, Table
from qabwnas.search import Answer, Frontier, Scope, SearchResult, search

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
    "StaleError",
    "Table",
    "search",
]

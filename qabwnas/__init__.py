"""Quantization-aware block-wise neural architecture search with a compiled search core.

One import is enough for a search: ``import qabwnas``. All public names are in ``qabwnas.__all__``; everything else is
private. Names load on first use, so that ``import qabwnas`` takes no time and loads neither torch nor numba. Only
``load_network``, which loads a network of a run as a module, needs the extra ``train``.

>>> lut = qabwnas.Lut.open("LUT.h5")
>>> result = qabwnas.search(lut, minimize="loss", budgets={"size_bytes": 1_500_000})
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

from qabwnas.search import HOMES as _SEARCH_HOMES  # also binds `search`, the package, which is callable
from qabwnas.version import __version__ as __version__

if TYPE_CHECKING:
    from qabwnas.errors import BackendError as BackendError
    from qabwnas.errors import BusyError as BusyError
    from qabwnas.errors import FormatError as FormatError
    from qabwnas.errors import FrontLimitError as FrontLimitError
    from qabwnas.errors import InputError as InputError
    from qabwnas.errors import MismatchError as MismatchError
    from qabwnas.errors import MultipleInputError as MultipleInputError
    from qabwnas.errors import QabwnasError as QabwnasError
    from qabwnas.errors import QabwnasWarning as QabwnasWarning
    from qabwnas.errors import RoundingWarning as RoundingWarning
    from qabwnas.errors import StaleError as StaleError
    from qabwnas.lut.lut import Lut as Lut
    from qabwnas.lut.lut import LutBlock as LutBlock
    from qabwnas.lut.lut import Metric as Metric
    from qabwnas.lut.lut import Table as Table
    from qabwnas.pipeline.load import load_network as load_network
    from qabwnas.search import Answer as Answer
    from qabwnas.search import Backend as Backend
    from qabwnas.search import BatchProgress as BatchProgress
    from qabwnas.search import BatchResult as BatchResult
    from qabwnas.search import BudgetEffect as BudgetEffect
    from qabwnas.search import Explanation as Explanation
    from qabwnas.search import Frontier as Frontier
    from qabwnas.search import FrontRegion as FrontRegion
    from qabwnas.search import Scope as Scope
    from qabwnas.search import SearchResult as SearchResult
    from qabwnas.search import Session as Session
    from qabwnas.search import answer_batch as answer_batch
    from qabwnas.search import select_backend as select_backend
    from qabwnas.search.api import search as _search
    from qabwnas.search.explain import explain as explain
    from qabwnas.space import BitWidths as BitWidths
    from qabwnas.space import Operation as Operation
    from qabwnas.space import SearchSpace as SearchSpace

    class _Search(ModuleType):
        __call__ = staticmethod(_search)

    search = _Search("search")  # with the attributes of a module, which type checkers take as Any

_HOMES = {
    **dict.fromkeys(
        [
            "BackendError",
            "BusyError",
            "FormatError",
            "FrontLimitError",
            "InputError",
            "MismatchError",
            "MultipleInputError",
            "QabwnasError",
            "QabwnasWarning",
            "RoundingWarning",
            "StaleError",
        ],
        "qabwnas.errors",
    ),
    **dict.fromkeys(["Lut", "LutBlock", "Metric", "Table"], "qabwnas.lut.lut"),
    "load_network": "qabwnas.pipeline.load",
    **dict.fromkeys(["BitWidths", "Operation", "SearchSpace"], "qabwnas.space"),
    **_SEARCH_HOMES,
}

_SUBMODULES = ("costs", "errors", "lut", "space")

__all__ = list(_HOMES)


def __getattr__(name: str) -> object:
    if name in _SUBMODULES:  # such as qabwnas.errors.InputError
        return import_module(f"{__name__}.{name}")
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)

"""Modules that can be called: ``qabwnas.search(lut)`` calls the function, ``qabwnas.search.session`` is a submodule.

A package and a function of the same name would hide each other, and the order of imports would decide which one a user
gets. A module that is also its function works under every import.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import Any


def make_callable(name: str) -> None:
    """Make the module that is being imported under ``name`` callable."""
    module = sys.modules[name]
    module.__class__ = CallableModule
    vars(module)["__qualname__"] = name.rpartition(".")[2]


class CallableModule(ModuleType):
    """A module that, when called, calls the function of the same name in it.

    It has the signature of the function, and is copied and pickled like a function: by its name.
    """

    __qualname__: str

    @property
    def _function(self) -> Callable[..., Any]:
        function: Callable[..., Any] = getattr(self, self.__qualname__)
        return function

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._function(*args, **kwargs)

    @property
    def __signature__(self) -> inspect.Signature:
        return inspect.signature(self._function)

    def __reduce__(self) -> tuple[Callable[..., ModuleType], tuple[str]]:
        return import_module, (self.__name__,)

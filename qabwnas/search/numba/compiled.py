"""How functions of this folder are compiled.

``compiled`` is for what Python calls. ``inner`` is for what only compiled functions call, and does without wrappers for
Python. What makes no array is ``bare``, without reference counts too: otherwise every call counts every array of every
tuple that it is given up and down, which takes longer than what most calls do. It may take views of arrays, but returns
numbers alone.

Compiled functions are cached between processes (``cache.py``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import njit

from qabwnas.search.numba.cache import Cache, Store

STORE = Store()


def _cached(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    def compile_and_cache(function: Callable[..., Any]) -> Any:
        dispatcher = njit(nogil=True, **options)(function)
        dispatcher._cache = Cache(function, STORE)
        return dispatcher

    return compile_and_cache


compiled = _cached()
inner = _cached(no_cpython_wrapper=True, no_cfunc_wrapper=True)
bare = _cached(no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False)

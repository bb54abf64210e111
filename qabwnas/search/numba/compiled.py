"""How functions of this folder are compiled.

``compiled`` is for functions that Python calls. ``inner`` is for those that only compiled functions call: they have no
wrappers for Python. ``bare`` is for those that make no array, and has no reference counts either: otherwise each call
counts each array of each tuple argument up and down, which takes longer than the work of most calls. A bare function
may take views of arrays, but returns numbers only.

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

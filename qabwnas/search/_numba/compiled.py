"""How functions of this folder are compiled, and where they are kept.

``compiled`` is for what Python calls. ``inner`` is for what only compiled functions call, and does without wrappers for
Python. What makes no array is ``bare``, without reference counts too: otherwise every call counts every array of every
tuple that it is given up and down, which takes longer than what most calls do. It may take views of arrays, but returns
numbers alone.

Functions are kept in Numba's caches, in a folder named by a digest of all sources here. By itself Numba looks at the
source of a function alone: one whose callee has changed in another file would go on with the old callee, and a cache
that names a class which has moved since cannot even be read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from numba import njit
from numba.core.caching import CompileResultCacheImpl, FunctionCache


def _digest() -> str:
    sources = sorted(Path(__file__).parent.glob("*.py"))
    content = b"\0".join(source.name.encode() + b"\0" + source.read_bytes() for source in sources)
    return hashlib.sha256(content).hexdigest()[:16]


def _located(locator: Any, folder: str) -> Any:
    """Return a locator of caches, such as the folder ``__pycache__`` beside a source, one folder further in."""

    class Located(locator):  # type: ignore[misc]
        def get_cache_path(self) -> str:
            return str(Path(super().get_cache_path()) / folder)

    return Located


_FOLDER = f"qabwnas-{_digest()}"


class _CacheImpl(CompileResultCacheImpl):
    _locator_classes = [_located(one, _FOLDER) for one in CompileResultCacheImpl._locator_classes]  # noqa: RUF012


class _Cache(FunctionCache):
    _impl_class = _CacheImpl


def _kept(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    def compile_and_keep(function: Callable[..., Any]) -> Any:
        dispatcher = njit(nogil=True, **options)(function)
        dispatcher._cache = _Cache(function)  # type: ignore[no-untyped-call]
        return dispatcher

    return compile_and_keep


compiled = _kept()
inner = _kept(no_cpython_wrapper=True, no_cfunc_wrapper=True)
bare = _kept(no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False)

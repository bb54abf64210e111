"""How functions are compiled that Python never calls, only others that are compiled: without wrappers for Python."""

from __future__ import annotations

from numba import njit

inner = njit(cache=True, nogil=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)  # type: ignore[call-overload]

"""How functions are compiled that Python never calls, only others that are compiled: without wrappers for Python.

What makes no array is compiled without reference counts too (``bare``). Otherwise every call counts every array of
every tuple that it is given up and down, which takes longer than what most calls do. It may take views of arrays, but
returns numbers alone.
"""

from __future__ import annotations

from numba import njit

inner = njit(cache=True, nogil=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)  # type: ignore[call-overload]
bare = njit(cache=True, nogil=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False)  # type: ignore[call-overload]

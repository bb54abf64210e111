"""Tests of the search; every one that can is run on every backend that can be loaded."""

from qabwnas.search.engine.backend import core_is_built

# If the core was not built on purpose (QABWNAS_BUILD=skip), only the fallback is tested; CI builds with `require`.
BACKENDS = ("cpp", "numba") if core_is_built() else ("numba",)

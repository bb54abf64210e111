"""The kernels of :mod:`qabwnas.search.backend` in Numba and NumPy: the fallback, and the compiled core's twin.

Algorithms may be simpler than the core's; answers may not differ, which tests hold. What loops is compiled on first use
and cached beside the package; what sorts or broadcasts is NumPy. Ctrl-C is answered between slices of work.
"""

from qabwnas.search._numba.budget_rows import budget_rows
from qabwnas.search._numba.decimal import to_units
from qabwnas.search._numba.first_fit import first_fit
from qabwnas.search._numba.front import front
from qabwnas.search._numba.prune import prune
from qabwnas.search._numba.top import top

__all__ = ["budget_rows", "first_fit", "front", "prune", "to_units", "top"]

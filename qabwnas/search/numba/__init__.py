"""The kernels of :mod:`qabwnas.search.engine.backend` in Numba and NumPy: the fallback, and the compiled core's twin.

Algorithms may be simpler than the core's; answers may not differ, which tests hold. What loops is compiled on first use
and cached beside the package; what sorts or broadcasts is NumPy. Ctrl-C is answered between slices of work.
"""

from qabwnas.search.numba import front as _front
from qabwnas.search.numba import history as _history
from qabwnas.search.numba import prune as _prune
from qabwnas.search.numba.baselines import brute_force as _brute_force
from qabwnas.search.numba.baselines import dna_traversal as _dna_traversal
from qabwnas.search.numba.interrupts import askable, interruptible
from qabwnas.search.numba.numeric import budget_rows as _budget_rows
from qabwnas.search.numba.numeric import decimal as _decimal
from qabwnas.search.numba.query import first_fit as _first_fit
from qabwnas.search.numba.solve import top as _top

brute_force = interruptible(_brute_force.brute_force)
budget_rows = interruptible(_budget_rows.budget_rows)
choice_of = interruptible(_history.choice_of)
dna_traversal = interruptible(_dna_traversal.dna_traversal)
first_fit = interruptible(_first_fit.first_fit)
front = askable(interruptible(_front.front))
prune = askable(interruptible(_prune.prune))
to_units = interruptible(_decimal.to_units)
top = askable(interruptible(_top.top))

MAX_METRICS = 16
MAX_POINTS = 2**31 - 1

__all__ = [
    "MAX_METRICS",
    "MAX_POINTS",
    "brute_force",
    "budget_rows",
    "choice_of",
    "dna_traversal",
    "first_fit",
    "front",
    "prune",
    "to_units",
    "top",
]

"""The kernels of :mod:`qabwnas.search.engine.backend` in Numba and NumPy: the fallback of the compiled core.

Its files and functions have the names of those in ``csrc``. Algorithms may be simpler than the core's, and up to ten
times slower; answers may not differ, which tests check. Loops are compiled on first use and cached next to the package;
sorting and broadcasting is NumPy. Ctrl-C is answered between slices of work.
"""

from qabwnas.search.numba.baselines import brute_force as _brute_force
from qabwnas.search.numba.baselines import dna_traversal as _dna_traversal
from qabwnas.search.numba.core.cancel import askable, interruptible
from qabwnas.search.numba.core.problem import MAX_METRICS
from qabwnas.search.numba.front import back_pointers as _back_pointers
from qabwnas.search.numba.front import combine as _combine
from qabwnas.search.numba.front import front as _front
from qabwnas.search.numba.numeric import budget_rows as _budget_rows
from qabwnas.search.numba.numeric import decimal as _decimal
from qabwnas.search.numba.pareto import prune as _prune
from qabwnas.search.numba.query import first_fit as _first_fit
from qabwnas.search.numba.solve import top as _top

brute_force = interruptible(_brute_force.brute_force)
budget_rows = interruptible(_budget_rows.budget_rows)
choice_of = interruptible(_back_pointers.write_choice)
dna_traversal = interruptible(_dna_traversal.dna_traversal)
first_fit = interruptible(_first_fit.first_fits)
front = askable(interruptible(_front.front))
prune = askable(interruptible(_prune.prune))
to_units = interruptible(_decimal.to_units)
top = askable(interruptible(_top.top))

MAX_POINTS = _combine.MOST_POINTS

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

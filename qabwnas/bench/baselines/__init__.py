"""What the search is measured against: other ways to the best subnet under budgets, slower or without proof.

Each takes a :class:`qabwnas.search.Problem` and budgets in units, int64 ``(n_metrics,)``, inclusive,
:data:`~qabwnas.search.model.grid.UNLIMITED` where there is none, and returns a :class:`Found`, whose total is computed anew
in exact arithmetic.

| baseline | what it is | its answer |
|---|---|---|
| :func:`brute_force` | every combination, as a compiled loop | the best |
| :func:`dna_traversal` | the nested loops of DNA (Li et al. 2020), one budget; as published, or repaired | often not the best; the best |
| :func:`highs` | a mixed-integer program, solved by HiGHS through SciPy | the best, within floating tolerances |
| :func:`cbc` | the same, by CBC through PuLP | the best, within floating tolerances |
| :func:`cp_sat` | a constraint program over integers, by CP-SAT of OR-Tools | the best |
| :func:`random_search` | subnets drawn at random | whatever it meets |
| :func:`evolutionary_search` | a population, tournaments, crossover, mutation | whatever it meets |

SciPy, PuLP and OR-Tools are loaded when they are first needed (the extra ``bench``).
"""  # noqa: E501 - rows of a table

from qabwnas.bench.baselines.brute_force import brute_force, brute_force_seconds
from qabwnas.bench.baselines.cbc import cbc
from qabwnas.bench.baselines.cp_sat import cp_sat
from qabwnas.bench.baselines.dna_traversal import dna_traversal
from qabwnas.bench.baselines.evolutionary_search import evolutionary_search
from qabwnas.bench.baselines.found import Found
from qabwnas.bench.baselines.highs import highs
from qabwnas.bench.baselines.random_search import random_search
from qabwnas.bench.baselines.tight import tight_budgets

__all__ = [
    "Found",
    "brute_force",
    "brute_force_seconds",
    "cbc",
    "cp_sat",
    "dna_traversal",
    "evolutionary_search",
    "highs",
    "random_search",
    "tight_budgets",
]

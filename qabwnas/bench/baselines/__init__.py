"""Baselines: other methods that search for the best subnet within budgets. They are slower or prove nothing.

Each takes a :class:`~qabwnas.search.model.problem.Problem` and budgets in units: int64 ``(n_metrics,)``, inclusive,
with :data:`~qabwnas.search.model.grid.UNLIMITED` for no budget. Each returns a :class:`BaselineResult`, whose total
is recomputed in exact arithmetic.

| baseline | method | answer |
|---|---|---|
| :func:`brute_force` | all combinations, in a compiled loop | optimal |
| :func:`dna_traversal` | nested loops of DNA (Li et al. 2020), one budget | published: may miss; repaired: optimal |
| :func:`highs` | mixed-integer program, solved by HiGHS through SciPy | optimal within floating-point tolerances |
| :func:`cbc` | mixed-integer program, solved by CBC through PuLP | optimal within floating-point tolerances |
| :func:`cp_sat` | constraint program over integers, solved by CP-SAT of OR-Tools | optimal |
| :func:`random_search` | random subnets | no guarantee |
| :func:`evolutionary_search` | population, tournaments, crossover, mutation | no guarantee |

SciPy, PuLP and OR-Tools (the extra ``bench``) are imported on first use.
"""

from qabwnas.bench.baselines.cbc_model import cbc
from qabwnas.bench.baselines.cp_sat_model import cp_sat
from qabwnas.bench.baselines.exhaustive import brute_force, dna_traversal
from qabwnas.bench.baselines.heuristics import evolutionary_search, random_search
from qabwnas.bench.baselines.highs_model import highs
from qabwnas.bench.baselines.result import BaselineResult

__all__ = [
    "BaselineResult",
    "brute_force",
    "cbc",
    "cp_sat",
    "dna_traversal",
    "evolutionary_search",
    "highs",
    "random_search",
]

"""The search of FairNAS (Chu et al., ICCV 2021): NSGA-II (Deb et al. 2002) over score and size, by pymoo.

Budgets are answered from the final front, without another search: the network with the highest score that keeps them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from pymoo.algorithms.moo.nsga2 import NSGA2
from pymoo.core.mutation import Mutation
from pymoo.core.problem import Problem
from pymoo.operators.crossover.ux import UX
from pymoo.operators.sampling.rnd import IntegerRandomSampling
from pymoo.optimize import minimize

from qabwnas.one_shot.evolution import Evolution, Fits, ScoreAll, Winner
from qabwnas.one_shot.genes import Genes

LARGEST_SEED = 2**32 - 1


def pareto_search(
    radices: Genes,
    score_all: ScoreAll,
    size_of: Callable[[Genes], float],
    settings: Evolution,
    *,
    seed: int,
) -> dict[Genes, float]:
    """Return the networks of the final front with their scores, smallest size first.

    ``radices`` are the numbers of values of the genes; ``size_of`` is minimised, the score is maximised. Genes are
    categories: crossover takes each from either parent, and mutation draws each anew with probability
    ``settings.mutation``. The same seed gives the same front.
    """
    problem = _Networks(radices, score_all, size_of)
    algorithm = NSGA2(
        pop_size=settings.population,
        sampling=IntegerRandomSampling(),
        crossover=UX(),
        mutation=_NewValues(settings.mutation),
        eliminate_duplicates=True,
    )
    result = minimize(problem, algorithm, ("n_gen", settings.generations), seed=seed % LARGEST_SEED)
    front = {_as_genes(genes): -float(objectives[0]) for genes, objectives in zip(result.X, result.F, strict=True)}
    return dict(sorted(front.items(), key=lambda item: (size_of(item[0]), item[0])))


def best_within(front: dict[Genes, float], fits: Fits, n_scored: int) -> Winner | None:
    """Return the network of a front with the highest score that keeps the budgets; of equal scores, the smallest."""
    fitting = [genes for genes in front if fits(genes)]
    if not fitting:
        return None
    winner = max(fitting, key=lambda genes: front[genes])
    return Winner(winner, front[winner], n_scored)


class _Networks(Problem):  # type: ignore[misc]
    def __init__(self, radices: Genes, score_all: ScoreAll, size_of: Callable[[Genes], float]) -> None:
        super().__init__(n_var=len(radices), n_obj=2, xl=0, xu=np.array(radices) - 1, vtype=int)
        self._score_all = score_all
        self._size_of = size_of

    def _evaluate(self, x: Sequence[Any], out: dict[str, Any], *_: Any, **__: Any) -> None:
        population = [_as_genes(genes) for genes in x]
        scores = self._score_all(population)
        out["F"] = np.array([(-score, self._size_of(genes)) for genes, score in zip(population, scores, strict=True)])


class _NewValues(Mutation):  # type: ignore[misc]
    def __init__(self, probability: float) -> None:
        super().__init__()
        self._probability = probability

    def _do(self, problem: Any, X: Any, random_state: Any = None, **_: Any) -> Any:  # noqa: N803 - pymoo's names
        drawn = random_state.integers(problem.xl, problem.xu + 1, size=X.shape)
        return np.where(random_state.random(X.shape) < self._probability, drawn, X)


def _as_genes(values: Any) -> Genes:
    return tuple(int(value) for value in values)

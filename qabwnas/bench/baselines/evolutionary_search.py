"""Evolutionary search as the field uses it (Real et al. 2019; Guo et al. 2020): a population that is bred and selected.

Subnets that break a budget are not thrown away but rank behind all that fit, by how much they break it (Deb 2000).
"""

from __future__ import annotations

import time

import numpy as np
from numpy.typing import NDArray

from qabwnas.bench.baselines.evaluate import totals_of
from qabwnas.bench.baselines.found import Found
from qabwnas.bench.baselines.random_search import draw
from qabwnas.search.model.problem import Problem


def evolutionary_search(
    problem: Problem,
    budgets: NDArray[np.int64],
    *,
    n_subnets: int = 10_000,
    population: int = 100,
    seed: int = 0,
) -> Found:
    """Breed ``n_subnets`` subnets, the first ``population`` of them at random, and keep the best that fits.

    A generation is as large as the population: parents win tournaments of two, a child takes each block from either
    parent, and each block mutates with probability 1 / n_blocks. The best of parents and children live on. The same
    seed gives the same answer.
    """
    started = time.perf_counter()
    generator = np.random.default_rng(seed)
    living = draw(problem, min(population, n_subnets), generator)
    living = living[_ranking(problem, budgets, living)]
    n_made = len(living)
    while n_made < n_subnets:
        children = _children(problem, living, min(population, n_subnets - n_made), generator)
        n_made += len(children)
        both = np.unique(np.concatenate([living, children]), axis=0)
        living = both[_ranking(problem, budgets, both)[:population]]
    fits = (totals_of(problem, living[:1])[0] <= budgets).all()
    seconds = time.perf_counter() - started
    return Found.checked(problem, budgets, living[0] if fits else None, "feasible", evaluations=n_made, seconds=seconds)


def _ranking(problem: Problem, budgets: NDArray[np.int64], choices: NDArray[np.int32]) -> NDArray[np.int64]:
    """Return the subnets' numbers, best first: by how much they break budgets, then by objective."""
    totals = totals_of(problem, choices)
    # Doubles: the difference to no budget would not fit, and how far outside a subnet is need not be exact.
    excess = np.maximum(0.0, totals.astype(np.float64) - budgets) / np.maximum(1.0, np.abs(budgets.astype(np.float64)))
    excess[totals <= budgets] = 0
    excess[(totals > budgets) & (excess == 0)] = np.finfo(np.float64).tiny
    return np.lexsort((totals[:, 0], excess.sum(axis=1)))


def _children(problem: Problem, ranked: NDArray[np.int32], n: int, generator: np.random.Generator) -> NDArray[np.int32]:
    n_blocks = ranked.shape[1]
    # Of two drawn numbers the smaller is the better ranked: it wins the tournament.
    mothers, fathers = (ranked[generator.integers(0, len(ranked), size=(n, 2)).min(axis=1)] for _ in range(2))
    children = np.where(generator.random((n, n_blocks)) < 0.5, mothers, fathers)
    mutates = generator.random((n, n_blocks)) < 1 / n_blocks
    return np.where(mutates, draw(problem, n, generator), children)

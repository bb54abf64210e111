"""Random search and evolutionary search: no guarantee, but common in the field."""

from __future__ import annotations

import time

import numpy as np
from numpy.typing import NDArray

from qabwnas.bench.baselines.result import BaselineResult, totals_of
from qabwnas.search.model.problem import Problem

_AT_ONCE = 4096


def random_search(
    problem: Problem, budgets: NDArray[np.int64], *, n_subnets: int = 10_000, seed: int = 0
) -> BaselineResult:
    """Draw subnets uniformly at random and keep the best one that fits: the minimum that a search method must beat.

    The same seed gives the same answer. Of equal objectives, the one drawn first is kept.
    """
    started = time.perf_counter()
    generator = np.random.default_rng(seed)
    best, least = None, 0
    for first in range(0, n_subnets, _AT_ONCE):
        choices = draw(problem, min(_AT_ONCE, n_subnets - first), generator)
        totals = totals_of(problem, choices)
        fitting = np.flatnonzero((totals <= budgets).all(axis=1))
        if fitting.size:
            n = fitting[np.argmin(totals[fitting, 0])]
            if best is None or totals[n, 0] < least:
                best, least = choices[n], int(totals[n, 0])
    seconds = time.perf_counter() - started
    return BaselineResult.checked(problem, budgets, best, "feasible", evaluations=n_subnets, seconds=seconds)


def draw(problem: Problem, n: int, generator: np.random.Generator) -> NDArray[np.int32]:
    """Return ``n`` random choices, int32 ``(n, n_blocks)``."""
    sizes = np.diff(problem.offsets)
    return generator.integers(0, sizes, size=(n, sizes.size), dtype=np.int32)


def evolutionary_search(
    problem: Problem,
    budgets: NDArray[np.int64],
    *,
    n_subnets: int = 10_000,
    population: int = 100,
    seed: int = 0,
) -> BaselineResult:
    """Evolve ``n_subnets`` subnets, the first ``population`` at random, and keep the best one that fits.

    As in Real et al. (2019) and Guo et al. (2020). Each generation has as many children as the population. Parents are
    the winners of tournaments of two; a child takes each block from either parent, and each block mutates with
    probability 1 / n_blocks. The best of parents and children survive. Subnets that break a budget are kept, but rank
    after all that fit, by how much they break it (Deb 2000). The same seed gives the same answer.
    """
    started = time.perf_counter()
    generator = np.random.default_rng(seed)
    survivors = draw(problem, min(population, n_subnets), generator)
    survivors = survivors[_ranking(problem, budgets, survivors)]
    n_evaluated = len(survivors)
    while n_evaluated < n_subnets:
        children = _children(problem, survivors, min(population, n_subnets - n_evaluated), generator)
        n_evaluated += len(children)
        both = np.unique(np.concatenate([survivors, children]), axis=0)
        survivors = both[_ranking(problem, budgets, both)[:population]]
    fits = (totals_of(problem, survivors[:1])[0] <= budgets).all()
    seconds = time.perf_counter() - started
    return BaselineResult.checked(
        problem, budgets, survivors[0] if fits else None, "feasible", evaluations=n_evaluated, seconds=seconds
    )


def _ranking(problem: Problem, budgets: NDArray[np.int64], choices: NDArray[np.int32]) -> NDArray[np.int64]:
    """Return the indices of the subnets, best first: by excess over budgets, then by objective."""
    totals = totals_of(problem, choices)
    # Doubles: the difference to UNLIMITED would overflow, and the excess need not be exact.
    excess = np.maximum(0.0, totals.astype(np.float64) - budgets) / np.maximum(1.0, np.abs(budgets.astype(np.float64)))
    excess[totals <= budgets] = 0
    excess[(totals > budgets) & (excess == 0)] = np.finfo(np.float64).tiny
    return np.lexsort((totals[:, 0], excess.sum(axis=1)))


def _children(problem: Problem, ranked: NDArray[np.int32], n: int, generator: np.random.Generator) -> NDArray[np.int32]:
    n_blocks = ranked.shape[1]
    # The smaller of two indices has the better rank: it wins the tournament.
    mothers, fathers = (ranked[generator.integers(0, len(ranked), size=(n, 2)).min(axis=1)] for _ in range(2))
    children = np.where(generator.random((n, n_blocks)) < 0.5, mothers, fathers)
    mutates = generator.random((n, n_blocks)) < 1 / n_blocks
    return np.where(mutates, draw(problem, n, generator), children)

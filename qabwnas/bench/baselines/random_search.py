"""Subnets drawn at random: the least that a search method has to beat."""

from __future__ import annotations

import time

import numpy as np
from numpy.typing import NDArray

from qabwnas.bench.baselines.evaluate import totals_of
from qabwnas.bench.baselines.found import Found
from qabwnas.search.model.problem import Problem

_AT_ONCE = 4096


def random_search(problem: Problem, budgets: NDArray[np.int64], *, n_subnets: int = 10_000, seed: int = 0) -> Found:
    """Draw subnets, every candidate of a block as likely as another, and keep the best that fits.

    The same seed gives the same answer. Of equal objectives the first that was drawn is kept.
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
    return Found.checked(problem, budgets, best, "feasible", evaluations=n_subnets, seconds=seconds)


def draw(problem: Problem, n: int, generator: np.random.Generator) -> NDArray[np.int32]:
    """Return ``n`` choices, int32 ``(n, n_blocks)``."""
    sizes = np.diff(problem.offsets)
    return generator.integers(0, sizes, size=(n, sizes.size), dtype=np.int32)

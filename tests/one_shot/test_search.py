"""The searches of SPOS and FairNAS against brute force, on 324 networks with an artificial score."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qabwnas.one_shot.evolution import Evolution, evolve
from qabwnas.one_shot.genes import Genes
from qabwnas.one_shot.nsga2 import best_within, pareto_search

RADICES = (3, 3, 2, 3, 2, 3)
ALL = list(itertools.product(*map(range, RADICES)))


class Scored:
    """An artificial score that notes what it was called with."""

    def __init__(self, score: Callable[[Genes], float]) -> None:
        self.score = score
        self.seen: list[Genes] = []

    def __call__(self, population: Sequence[Genes]) -> list[float]:
        self.seen += population
        return [self.score(genes) for genes in population]


def additive(seed: int) -> tuple[Callable[[Genes], float], Callable[[Genes], int]]:
    """Return a score and a size that are sums over genes, with an interaction of neighbours in the score."""
    generator = np.random.default_rng(seed)
    gains = generator.random((len(RADICES), max(RADICES)))
    costs = generator.integers(1, 100, (len(RADICES), max(RADICES)))
    pairs = 0.2 * generator.random((len(RADICES) - 1, max(RADICES), max(RADICES)))

    def score(genes: Genes) -> float:
        single = sum(gains[i, gene] for i, gene in enumerate(genes))
        return float(single + sum(pairs[i, a, b] for i, (a, b) in enumerate(itertools.pairwise(genes))))

    return score, lambda genes: int(sum(costs[i, gene] for i, gene in enumerate(genes)))


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 2**32), st.floats(0.05, 1))
def test_evolution_that_may_score_all_networks_finds_the_best_of_any_score(seed: int, share: float) -> None:
    generator = np.random.default_rng(seed)
    scores = dict(zip(ALL, generator.random(len(ALL)).tolist(), strict=True))
    fitting = {genes for genes in ALL if generator.random() < share} | {ALL[0]}
    scored = Scored(scores.__getitem__)
    evolution = Evolution(population=40, generations=len(ALL) // 40 + 1)
    winner = evolve(RADICES, fitting.__contains__, scored, evolution, seed=seed, known=ALL[0])
    best = max(fitting, key=scores.__getitem__)
    assert (winner.genes, winner.score, winner.n_scored) == (best, scores[best], len(fitting))
    assert sorted(scored.seen) == sorted(fitting)  # each once, and none that breaks a budget


@pytest.mark.parametrize("seed", range(5))
def test_evolution_finds_the_best_with_a_quarter_of_the_networks(seed: int) -> None:
    score, size = additive(seed)
    budget = sorted(map(size, ALL))[len(ALL) // 2]
    scored = Scored(score)
    winner = evolve(RADICES, lambda genes: size(genes) <= budget, scored, Evolution(16, 5, 5), seed=seed, known=ALL[0])
    assert winner.score == max(score(genes) for genes in ALL if size(genes) <= budget)
    assert len(scored.seen) == len(set(scored.seen)) == winner.n_scored <= 16 * 5
    scored = Scored(score)
    assert winner == evolve(
        RADICES, lambda genes: size(genes) <= budget, scored, Evolution(16, 5, 5), seed=seed, known=ALL[0]
    )


def test_evolution_starts_from_a_known_network_where_random_draws_find_none() -> None:
    radices, known = (10,) * 8, (7, 3, 1, 9, 0, 2, 5, 5)
    winner = evolve(radices, known.__eq__, Scored(lambda _: 0.5), Evolution(2, 3, 2), seed=0, known=known)
    assert (winner.genes, winner.n_scored) == (known, 1)


def pareto_front(score: Callable[[Genes], float], size: Callable[[Genes], int]) -> set[Genes]:
    points = {genes: (score(genes), size(genes)) for genes in ALL}
    return {
        genes
        for genes, (s, z) in points.items()
        if not any((t >= s and y <= z) and (t, y) != (s, z) for t, y in points.values())
    }


@pytest.mark.parametrize("seed", range(3))
def test_nsga2_finds_the_front_and_the_best_network_of_every_budget(seed: int) -> None:
    score, size = additive(seed)
    expected = pareto_front(score, size)
    front = pareto_search(RADICES, Scored(score), size, Evolution(60, 25), seed=seed)
    assert set(front) == expected
    assert list(front) == sorted(front, key=size)
    for budget in sorted(map(size, ALL))[:: len(ALL) // 5]:
        fitting = {genes for genes in ALL if size(genes) <= budget}
        winner = best_within(front, fitting.__contains__, 9)
        assert winner is not None
        assert winner.score == max(map(score, fitting))
    assert best_within(front, lambda _: False, 9) is None


def test_nsga2_gives_the_same_front_for_the_same_seed() -> None:
    score, size = additive(0)
    fronts = [pareto_search(RADICES, Scored(score), size, Evolution(8, 3), seed=5) for _ in range(2)]
    assert fronts[0] == fronts[1]
    assert fronts[0] != pareto_search(RADICES, Scored(score), size, Evolution(8, 3), seed=6)

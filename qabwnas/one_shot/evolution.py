"""The evolutionary search of SPOS (Guo et al., ECCV 2020, Section 3.4 and Algorithm 1).

Only networks that keep the budgets are scored. A generation has half of its networks from mutation and half from
crossover of the best ones so far, and random ones if these are too few; no network is scored twice. The answer is the
best of all that were scored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qabwnas.one_shot.genes import Genes

ScoreAll = Callable[[Sequence[Genes]], Sequence[float]]
"""Gives the score of every network, higher is better. Networks may be scored in parallel."""
Fits = Callable[[Genes], bool]
DRAWS_PER_NETWORK = 10
"""How often a child is drawn, per child that is wanted, before random networks take its place; SPOS's own code: 10."""
RANDOM_DRAWS_PER_NETWORK = 1000


@dataclass(frozen=True)
class Evolution:
    """How a search evolves; the defaults are those of SPOS.

    Attributes:
        population: networks per generation.
        generations: how many there are, the first random one included.
        parents: how many of the best networks so far have children.
        mutation: the probability that a gene of a mutated network is drawn anew.
    """

    population: int = 50
    generations: int = 20
    parents: int = 10
    mutation: float = 0.1


@dataclass(frozen=True)
class Winner:
    """The best network that a search found, its score, and how many networks were scored for it."""

    genes: Genes
    score: float
    n_scored: int


def evolve(radices: Genes, fits: Fits, score_all: ScoreAll, settings: Evolution, *, seed: int, known: Genes) -> Winner:
    """Return the best network that keeps the budgets, among those that the search scored.

    ``radices`` are the numbers of values of the genes. ``known`` keeps the budgets; the first generation is this
    network if random draws find none that does. Of equal scores, the first one in lexicographic order of genes wins.
    The same seed gives the same answer. At most ``population × generations`` networks are scored, fewer if no others
    keep the budgets.
    """
    generator = np.random.default_rng(seed)
    scores: dict[Genes, float] = {}
    seen: set[Genes] = set()

    def take(draws: Iterator[Genes], n: int, n_draws: int) -> list[Genes]:
        """Return up to ``n`` networks that are new and keep the budgets."""
        taken: list[Genes] = []
        for _ in range(n_draws):
            if len(taken) == n:
                break
            genes = next(draws)
            if genes not in seen:
                seen.add(genes)
                if fits(genes):
                    taken.append(genes)
        return taken

    def random_networks() -> Iterator[Genes]:
        while True:
            yield _as_genes(generator.integers(0, radices))

    def best() -> list[Genes]:
        return sorted(scores, key=lambda genes: (-scores[genes], genes))[: settings.parents]

    def mutated() -> Iterator[Genes]:
        parents = best()
        while True:
            parent = parents[generator.integers(len(parents))]
            changes = generator.random(len(radices)) < settings.mutation
            yield _as_genes(np.where(changes, generator.integers(0, radices), parent))

    def crossed() -> Iterator[Genes]:
        parents = best()
        while True:
            mother, father = (parents[index] for index in generator.integers(len(parents), size=2))
            yield _as_genes(np.where(generator.random(len(radices)) < 0.5, mother, father))

    size = settings.population
    population = take(random_networks(), size, size * RANDOM_DRAWS_PER_NETWORK) or [known]
    for generation in range(settings.generations):
        if generation:
            population = take(mutated(), size // 2, size * DRAWS_PER_NETWORK)
            population += take(crossed(), size - size // 2, size * DRAWS_PER_NETWORK)
            missing = size - len(population)
            population += take(random_networks(), missing, missing * RANDOM_DRAWS_PER_NETWORK)
        if not population:
            break
        scores |= zip(population, score_all(population), strict=True)
    winner = best()[0]
    return Winner(winner, scores[winner], len(scores))


def _as_genes(values: NDArray[np.integer]) -> Genes:
    return tuple(values.tolist())

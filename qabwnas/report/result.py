"""What a report says of the networks of a run."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import mean, stdev


@dataclass(frozen=True)
class Result:
    """One network, without and with quantisation.

    Attributes:
        name: of the teacher, or the budgets that the network was found under.
        blocks: the operations of every block's layers, as text.
        widths: the bit widths of every block, as text; empty where nothing is quantised.
        size_bytes: of the deployed network, stem and head included.
        nsr: the sum of the blocks' noise-to-signal power ratios, measured before any retraining.
        scores_before: the score on the test split before quantisation, 0 … 1, one for each retraining.
        scores_after: the score after it, in the same order; empty where nothing is quantised.
    """

    name: str
    blocks: list[str]
    widths: list[str]
    size_bytes: float
    nsr: float
    scores_before: list[float]
    scores_after: list[float]


@dataclass(frozen=True)
class NothingFits:
    """Budgets that no network of the space keeps, and what would have to be granted."""

    name: str
    needed: str


@dataclass(frozen=True)
class Results:
    """All networks of a run, and on what they were scored."""

    task: str
    score: str
    n_test: int
    seed: int
    rows: list[Result | NothingFits]


def mean_and_deviation(scores: list[float]) -> tuple[float, float]:
    """Return the mean and the standard deviation of one score or more; the deviation of a single one is 0."""
    return mean(scores), stdev(scores) if len(scores) > 1 else 0.0


def standard_error(share: float, n: int) -> float:
    """Return the standard error of a share that was counted on ``n`` images: that of a binomial distribution."""
    return math.sqrt(share * (1 - share) / n)

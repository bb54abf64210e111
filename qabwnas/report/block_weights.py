"""Weights of blocks, fitted so that the weighted sum of their NSRs predicts the final scores of networks.

The plain sum of NSRs counts an error the same in every block. Here 1 − score is fitted by an intercept and
non-negative weights (Lawson and Hanson 1974). The objective stays a sum over blocks, so the search stays exact. Only
the ratios of the weights matter to a search; they are scaled to a mean of 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from qabwnas.errors import InputError
from qabwnas.report.kendall import agreement

Matrix = NDArray[np.float64]
DECIMALS = 3


@dataclass(frozen=True)
class BlockWeights:
    """Fitted weights, and how well they order networks.

    Attributes:
        weights: one per block, with three decimals, 0 or more; their mean is 1 up to rounding.
        n_networks: how many distinct networks they were fitted to.
        tau_before: Kendall's tau-b between the plain sum of NSRs and the score; 1 if lower NSR always has the higher
            score.
        tau_fitted: the same with the weighted sum, on the networks of the fit.
        tau_after: the same on networks that the fit did not see; see :func:`fit_block_weights`.
    """

    weights: tuple[Decimal, ...]
    n_networks: int
    tau_before: float
    tau_fitted: float
    tau_after: float


def least_networks(n_blocks: int) -> int:
    """Return how many distinct networks a fit needs: two per parameter, that is per weight and for the intercept."""
    return 2 * n_blocks + 2


def check_enough(n_networks: int, n_blocks: int) -> None:
    """Raise InputError if there are fewer distinct networks than :func:`least_networks`."""
    least = least_networks(n_blocks)
    if n_networks < least:
        raise InputError(
            f"{n_networks} distinct networks are too few to fit {n_blocks} weights: {least} are needed, "
            "two for each weight and the intercept"
        )


def fit_block_weights(nsrs: Matrix, scores: Sequence[float]) -> BlockWeights:
    """Fit weights to networks, given the NSR of every block, ``(n_networks, n_blocks)``, and the scores, 0 … 1.

    ``tau_after`` is leave-pair-out cross-validation: each pair of networks is ordered by weights that were fitted
    without both. Leaving out one network at a time would compare sums of different fits, which lowers tau (Airola et
    al. 2011). Networks with equal NSRs count once, with their mean score. O(n_networks²) fits.

    Raises:
        InputError: there are fewer networks than :func:`least_networks`, all scores are equal, or no block's NSR
            grows as scores fall.
    """
    nsrs, scored = _distinct(nsrs, scores)
    n, n_blocks = nsrs.shape
    check_enough(n, n_blocks)
    if np.ptp(scored) == 0:
        raise InputError(f"all {n} networks have the same score: there is nothing to fit")
    fitted = _solve(nsrs, scored)
    if not fitted.any():
        raise InputError(f"of {n} networks those with lower NSRs do not score higher: no weights fit")
    weights = tuple(Decimal(f"{weight:.{DECIMALS}f}") for weight in fitted * n_blocks / fitted.sum())
    return BlockWeights(
        weights,
        n,
        tau_before=agreement(nsrs.sum(axis=1).tolist(), scored.tolist()),
        tau_fitted=agreement((nsrs @ np.array(weights, dtype=np.float64)).tolist(), scored.tolist()),
        tau_after=_held_out_tau(nsrs, scored),
    )


def _distinct(nsrs: Matrix, scores: Sequence[float]) -> tuple[Matrix, Matrix]:
    rows, group = np.unique(np.asarray(nsrs, dtype=np.float64), axis=0, return_inverse=True)
    group = group.reshape(-1)
    return rows, np.bincount(group, weights=scores) / np.bincount(group)


def _solve(nsrs: Matrix, scores: Matrix) -> Matrix:
    """Return the non-negative weights of the least-squares fit of −score; centring removes the intercept."""
    from scipy.optimize import nnls  # slow to import

    weights, _ = nnls(nsrs - nsrs.mean(axis=0), scores.mean() - scores)
    return np.asarray(weights, dtype=np.float64)


def _held_out_tau(nsrs: Matrix, scores: Matrix) -> float:
    """Return tau-b over pairs, given by signs: those of the scores, and those of fits without the pair."""
    first, second = np.triu_indices(len(scores), k=1)
    expected = np.sign(scores[first] - scores[second])
    predicted = np.zeros(len(first))
    for pair, (i, j) in enumerate(zip(first, second, strict=True)):
        others = np.delete(np.arange(len(scores)), [i, j])
        predicted[pair] = np.sign((nsrs[j] - nsrs[i]) @ _solve(nsrs[others], scores[others]))
    untied = np.count_nonzero(predicted) * np.count_nonzero(expected)
    return float(predicted @ expected) / float(np.sqrt(untied)) if untied else float("nan")

"""How much each block's NSR should count, so that their sum predicts what networks score in the end.

The sum of the blocks' NSRs counts an error the same wherever it happens. Here 1 − score is fitted by an intercept and
non-negative weights (Lawson and Hanson 1974): the search stays a sum over blocks, and exact. Only the weights' ratios
matter to a search; they are given with the mean 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from qabwnas.errors import InputError
from qabwnas.report.kendall import agreement, pair_signs, pairs, tau_of_signs

Matrix = NDArray[np.float64]
DECIMALS = 3


@dataclass(frozen=True)
class BlockWeights:
    """Fitted weights, and what they are worth.

    Attributes:
        weights: one a block, of three decimals, 0 or more, with the mean 1 up to rounding.
        n_networks: the distinct networks that they were fitted to.
        tau_before: Kendall's tau-b between the plain sum of NSRs and the score: 1 where less noise always scores more.
        tau_fitted: the same with the weights, on the networks that they were fitted to.
        tau_after: the same on networks that they were not fitted to: see :func:`fit_block_weights`.
    """

    weights: tuple[Decimal, ...]
    n_networks: int
    tau_before: float
    tau_fitted: float
    tau_after: float


def least_networks(n_blocks: int) -> int:
    """Return how many distinct networks a fit needs: twice as many as there are weights and intercept."""
    return 2 * n_blocks + 2


def check_enough(n_networks: int, n_blocks: int) -> None:
    """Raise InputError where distinct networks are fewer than :func:`least_networks`."""
    least = least_networks(n_blocks)
    if n_networks < least:
        raise InputError(
            f"{n_networks} distinct networks are too few to fit {n_blocks} weights: {least} are needed, "
            "two for each weight and the intercept"
        )


def fit_block_weights(nsrs: Matrix, scores: Sequence[float]) -> BlockWeights:
    """Fit weights to networks with the given NSR of every block, ``(n_networks, n_blocks)``, and score, 0 … 1.

    ``tau_after`` leaves pairs out: each pair of networks is ordered by weights that were fitted without both. Leaving
    out one network at a time would compare sums of different fits, which pushes tau down (Airola et al. 2011).
    Networks of equal NSRs count once, with their mean score. O(n_networks²) fits.

    Raises:
        InputError: there are fewer networks than :func:`least_networks`, all score the same, or no block's NSR grows
            as scores fall.
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
    """Return the non-negative weights of the least-squares fit of −score; centring takes the intercept out."""
    from scipy.optimize import nnls  # comes with scikit-learn; only who fits should pay for loading it

    weights, _ = nnls(nsrs - nsrs.mean(axis=0), scores.mean() - scores)
    return np.asarray(weights, dtype=np.float64)


def _held_out_tau(nsrs: Matrix, scores: Matrix) -> float:
    predicted = []
    for i, j in zip(*pairs(len(scores)), strict=True):
        others = np.delete(np.arange(len(scores)), [i, j])
        predicted.append(np.sign((nsrs[j] - nsrs[i]) @ _solve(nsrs[others], scores[others])))
    return tau_of_signs(np.array(predicted, dtype=np.int64), pair_signs(scores))

"""Weights are recovered where they exist, what they are worth is measured on what they have not seen."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from numpy.typing import NDArray

from qabwnas.errors import InputError
from qabwnas.report.block_weights import fit_block_weights, least_networks
from qabwnas.report.kendall import kendall_tau

pytest.importorskip("scipy")


def networks(n: int, n_blocks: int, seed: int = 0) -> NDArray[np.float64]:
    return np.random.default_rng(seed).uniform(0.05, 1.0, (n, n_blocks))


def brute_force(nsrs: NDArray[np.float64], scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Non-negative least squares by trying every set of blocks that may have a weight."""
    n, n_blocks = nsrs.shape
    best, least = np.zeros(n_blocks), float(((scores - scores.mean()) ** 2).sum())
    for chosen in range(1, 2**n_blocks):
        blocks = [b for b in range(n_blocks) if chosen >> b & 1]
        design = np.column_stack([np.ones(n), nsrs[:, blocks]])
        solution = np.linalg.lstsq(design, 1 - scores, rcond=None)[0]
        error = float(((design @ solution - 1 + scores) ** 2).sum())
        if (solution[1:] >= 0).all() and error < least - 1e-12:
            best, least = np.zeros(n_blocks), error
            best[blocks] = solution[1:]
    return best


def test_weights_that_made_the_scores_are_found() -> None:
    nsrs = networks(14, 3)
    fit = fit_block_weights(nsrs, (0.9 - 0.1 * (nsrs @ [2.0, 0.25, 0.75])).tolist())
    assert fit.weights == (Decimal("2.000"), Decimal("0.250"), Decimal("0.750"))
    assert (fit.tau_fitted, fit.tau_after, fit.n_networks) == (1, 1, 14)
    assert fit.tau_before < 1


@pytest.mark.parametrize("seed", range(5))
def test_the_fit_is_the_best_non_negative_one(seed: int) -> None:
    nsrs = networks(12, 3, seed)
    noise = np.random.default_rng(seed + 100).normal(0, 0.05, 12)
    scores = 0.8 - 0.1 * (nsrs @ [1.0, -0.5, 1.5]) + noise
    expected = brute_force(nsrs, scores)
    fit = fit_block_weights(nsrs, scores.tolist())
    assert [float(w) for w in fit.weights] == pytest.approx((expected * 3 / expected.sum()).tolist(), abs=6e-4)
    assert fit.tau_before == pytest.approx(kendall_tau(-nsrs.sum(1), scores))
    assert min(fit.weights) >= 0


def test_held_out_pairs_see_through_a_fit_to_noise() -> None:
    """Scores that have nothing to do with NSRs are fitted somewhat, and not predicted at all."""
    fits = []
    for seed in range(40):
        generator = np.random.default_rng(seed)
        try:
            fits.append(fit_block_weights(networks(10, 4, seed), generator.normal(0.5, 0.1, 10).tolist()))
        except InputError as error:
            assert "do not score higher" in str(error)  # noqa: PT017
    assert len(fits) > 20
    assert np.mean([fit.tau_fitted for fit in fits]) > 0.2
    assert abs(np.mean([fit.tau_after for fit in fits])) < 0.2


def test_equal_networks_count_once() -> None:
    nsrs = networks(least_networks(2), 2)
    scores = 0.9 - 0.1 * nsrs.sum(1)
    twice = fit_block_weights(np.concatenate([nsrs, nsrs]), [*scores + 0.01, *scores - 0.01])
    assert twice == fit_block_weights(nsrs, scores.tolist())
    with pytest.raises(InputError, match="5 distinct networks are too few to fit 2 weights: 6 are needed"):
        fit_block_weights(np.concatenate([nsrs[:5], nsrs[:5]]), [*scores[:5], *scores[:5]])


def test_what_cannot_be_fitted_is_refused() -> None:
    nsrs = networks(8, 2)
    with pytest.raises(InputError, match="all 8 networks have the same score"):
        fit_block_weights(nsrs, [0.5] * 8)
    with pytest.raises(InputError, match="those with lower NSRs do not score higher"):
        fit_block_weights(nsrs, (nsrs.sum(1) / 2).tolist())

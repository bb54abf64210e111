"""Kendall's rank correlation: how well one quantity orders what another one orders."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike


def kendall_tau(x: ArrayLike, y: ArrayLike) -> float:
    """Return tau-b of two sequences of equal length; NaN if one of them is constant or they have fewer than two values.

    O(n log n) (Knight, JASA 1966).
    """
    from scipy.stats import kendalltau  # slow to import

    return float(kendalltau(x, y).statistic) if np.size(x) > 1 else float("nan")


def agreement(losses: Sequence[float], scores: Sequence[float]) -> float:
    """Return tau-b between low losses and high scores: 1 if the lower loss always has the higher score."""
    return kendall_tau(-np.asarray(losses), scores)

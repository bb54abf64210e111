"""Kendall's tau against scipy's, and by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qabwnas.report.kendall import agreement, kendall_tau, pair_signs, pairs

VALUES = st.integers(2, 12).flatmap(lambda n: st.tuples(*[st.lists(st.integers(0, 5), min_size=n, max_size=n)] * 2))


@settings(deadline=None)
@given(VALUES)
def test_tau_is_that_of_scipy(values: tuple[list[int], list[int]]) -> None:
    stats = pytest.importorskip("scipy.stats")
    x, y = values
    if len(set(x)) == 1 or len(set(y)) == 1:
        assert math.isnan(kendall_tau(x, y))
    else:
        assert kendall_tau(x, y) == pytest.approx(stats.kendalltau(x, y).statistic)


def test_tau_by_hand() -> None:
    assert kendall_tau([1, 2, 3], [1, 2, 3]) == 1
    assert kendall_tau([1, 2, 3], [3, 2, 1]) == -1
    assert kendall_tau([1, 2, 3, 4], [1, 3, 2, 4]) == pytest.approx(4 / 6)
    assert kendall_tau([1, 1, 2], [1, 2, 3]) == pytest.approx(2 / (2 * 3) ** 0.5)
    assert agreement([0.1, 0.2, 0.3], [0.9, 0.8, 0.7]) == 1


def test_pairs_are_in_one_order() -> None:
    i, j = pairs(4)
    values = np.array([3.0, 1.0, 3.0, 7.0])
    assert pair_signs(values).tolist() == [1, 0, -1, -1, -1, -1]
    assert np.sign(values[i] - values[j]).tolist() == pair_signs(values).tolist()

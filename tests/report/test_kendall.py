"""Kendall's tau-b against its definition by pairs, and by hand."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qabwnas.report.kendall import agreement, kendall_tau

pytest.importorskip("scipy")

VALUES = st.integers(2, 12).flatmap(lambda n: st.tuples(*[st.lists(st.integers(0, 5), min_size=n, max_size=n)] * 2))


def tau_by_pairs(x: list[int], y: list[int]) -> float:
    """Return concordant minus discordant pairs, over the geometric mean of the pairs that x and y do not tie."""
    pairs = [(i, j) for j in range(len(x)) for i in range(j)]
    signs = [((x[i] > x[j]) - (x[i] < x[j]), (y[i] > y[j]) - (y[i] < y[j])) for i, j in pairs]
    untied = sum(abs(a) for a, _ in signs) * sum(abs(b) for _, b in signs)
    return sum(a * b for a, b in signs) / math.sqrt(untied) if untied else math.nan


@settings(deadline=None)
@given(VALUES)
def test_tau_is_that_of_its_definition(values: tuple[list[int], list[int]]) -> None:
    assert kendall_tau(*values) == pytest.approx(tau_by_pairs(*values), nan_ok=True)


def test_tau_by_hand() -> None:
    assert kendall_tau([1, 2, 3], [1, 2, 3]) == pytest.approx(1)
    assert kendall_tau([1, 2, 3], [3, 2, 1]) == pytest.approx(-1)
    assert kendall_tau([1, 2, 3, 4], [1, 3, 2, 4]) == pytest.approx(4 / 6)
    assert kendall_tau([1, 1, 2], [1, 2, 3]) == pytest.approx(2 / (2 * 3) ** 0.5)
    assert agreement([0.1, 0.2, 0.3], [0.9, 0.8, 0.7]) == pytest.approx(1)


@pytest.mark.parametrize("values", [[], [1.0], [2.0, 2.0]])
def test_tau_of_nothing_to_order_is_nan(values: list[float]) -> None:
    assert math.isnan(kendall_tau(values, values))
    assert math.isnan(agreement(values, values))

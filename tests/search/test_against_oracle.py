"""Every backend gives the oracle's fronts and answers, down to the chosen candidates."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import qabwnas
from qabwnas.lut.lut import Lut
from qabwnas.search.engine.backend import COMPLETE, INFEASIBLE, LIMIT, select_backend
from qabwnas.search.model.problem import Problem
from tests import oracle
from tests.search import BACKENDS
from tests.strategies import luts

EXAMPLES = settings(max_examples=150, deadline=None)


def fractions(totals: dict[str, Decimal], names: list[str]) -> tuple[Fraction, ...]:
    return tuple(Fraction(totals[name]) for name in names)


@pytest.mark.parametrize("backend", BACKENDS)
@EXAMPLES
@given(lut=luts(max_metrics=12))
def test_fronts(backend: str, lut: Lut) -> None:
    names = list(lut.metric_names)
    frontier = qabwnas.Frontier.build(lut, names, backend=backend)
    found = [(fractions(frontier.totals(i), names), tuple(frontier.choice(i).values())) for i in range(len(frontier))]
    assert found == oracle.front(lut, names)
    assert frontier.backend == backend


@st.composite
def budgets_near_totals(draw: st.DrawFn, lut: Lut) -> dict[str, Decimal]:
    """Budgets that equal some subnet's totals, or miss them by a little; often too tight together."""
    budgets = {}
    for name in draw(st.lists(st.sampled_from(lut.metric_names), unique=True)):
        totals = sorted({vector[0] for vector, _ in oracle.subnets(lut, [name])})
        total = draw(st.sampled_from([totals[0], *totals]))
        exact = Decimal(total.numerator) / Decimal(total.denominator)
        budgets[name] = exact + draw(st.sampled_from([Decimal(0), Decimal("-1e-13"), Decimal("1e-13"), Decimal(1)]))
    return budgets


@pytest.mark.parametrize("backend", BACKENDS)
@EXAMPLES
@given(lut=luts(max_metrics=12), data=st.data())
def test_searches(backend: str, lut: Lut, data: st.DataObject) -> None:
    minimize = data.draw(st.sampled_from(lut.metric_names))
    budgets = data.draw(budgets_near_totals(lut))
    top = data.draw(st.sampled_from([1, 1, 2, 5, 20]))
    result = qabwnas.search(lut, minimize=minimize, budgets=budgets, top=top, backend=backend)
    names = [minimize, *(name for name in lut.metric_names if name in budgets and name != minimize)]
    expected = oracle.best(lut, minimize, {name: Fraction(value) for name, value in budgets.items()}, top)
    found = [(fractions(answer.totals, names), tuple(answer.choice.values())) for answer in result.answers]
    assert found == expected
    assert result.status == ("optimal" if expected else "infeasible")
    assert result.backend == backend


@pytest.mark.parametrize("backend", BACKENDS)
@EXAMPLES
@given(lut=luts(max_metrics=12, max_subnets=150), data=st.data())
def test_answers_apart_and_at_limits(backend: str, lut: Lut, data: st.DataObject) -> None:
    """What kernels find at a distance is the oracle's; what they find within few nodes is feasible, and bounded."""
    kernels = select_backend(backend)
    names = list(lut.metric_names)
    problem = Problem.of(lut, names, kernels)
    budgets = data.draw(budgets_near_totals(lut))
    k, distance = data.draw(st.sampled_from([1, 2, 5, 20])), data.draw(st.integers(1, 6))
    max_nodes = data.draw(st.sampled_from([2**62, 2**62, 1, 3, 10]))
    status, totals, choice, bound, _ = kernels.top(
        problem.values,
        problem.offsets,
        problem.is_max,
        problem.origin,
        problem.budget_units(budgets),
        k,
        distance,
        max_nodes,
    )
    bounds = {name: Fraction(value) for name, value in budgets.items()} | {
        name: Fraction(10**30) for name in names if name not in budgets
    }
    # The problem has all metrics in the LUT's order, so that is the order in which ties are broken.
    expected = oracle.best(lut, names[0], bounds, k, distance=distance)
    found = [
        (fractions(problem.decimals(vector), names), tuple(rows))
        for vector, rows in zip(totals, choice.tolist(), strict=True)
    ]
    if status == LIMIT:
        assert max_nodes < 2**62
        feasible = oracle.best(lut, names[0], bounds, 10**6)
        assert set(found) <= set(feasible)
        assert len(found) <= k
        assert all(oracle.differences(a[1], b[1]) >= distance for a, b in combinations(found, 2))
        assert not feasible or Fraction(problem.grids[0].decimal(bound)) <= feasible[0][0][0]
        return
    assert found == expected
    assert status == (COMPLETE if expected else INFEASIBLE)
    assert not expected or Fraction(problem.grids[0].decimal(bound)) == expected[0][0][0]


@pytest.mark.parametrize("backend", BACKENDS)
@EXAMPLES
@given(lut=luts(min_metrics=2), data=st.data())
def test_queries_of_a_front(backend: str, lut: Lut, data: st.DataObject) -> None:
    names = list(lut.metric_names)
    frontier = qabwnas.Frontier.build(lut, names, backend=backend)
    budgets = data.draw(budgets_near_totals(lut).filter(bool))
    rounded = {name: float(value) for name, value in budgets.items()}
    index, on_two_threads = (int(frontier.query(rounded, threads=n, backend=backend)[0]) for n in (1, 2))
    bounds = {name: oracle.shortest(value) for name, value in rounded.items()}
    fitting = [
        i
        for i in range(len(frontier))
        if all(Fraction(frontier.totals(i)[name]) <= bound for name, bound in bounds.items())
    ]
    assert index == on_two_threads == (fitting[0] if fitting else -1)


@pytest.mark.parametrize("backend", BACKENDS)
@EXAMPLES
@given(lut=luts(max_metrics=12), k=st.sampled_from([1, 1, 2, 3, 10, 20]))
def test_pruning_keeps_the_skyband(backend: str, lut: Lut, k: int) -> None:
    """A row goes if and only if k others are at most it everywhere and come before it (sums first, then row)."""
    kernels = select_backend(backend)
    problem = Problem.of(lut, lut.metric_names, kernels)
    for first, last in pairwise(problem.offsets):
        values = np.ascontiguousarray(problem.values[:, first:last])
        sums = [tuple(values[problem.is_max == 0, row]) for row in range(values.shape[1])]

        def removes(r: int, s: int, values: np.ndarray = values, sums: list[tuple[int, ...]] = sums) -> bool:
            return bool((values[:, r] <= values[:, s]).all()) and (sums[r], r) < (sums[s], s)

        rows = range(values.shape[1])
        expected = [s for s in rows if sum(removes(r, s) for r in rows) < k]
        assert kernels.prune(values, problem.is_max, k).tolist() == expected

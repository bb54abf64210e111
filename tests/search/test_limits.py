"""Searches with a minimum distance, under limits and by each method: every claim is proved."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import qabwnas
from qabwnas.errors import FrontLimitError, InputError
from qabwnas.lut.lut import Lut
from qabwnas.search.engine import strategy as methods
from qabwnas.search.engine.backend import LIMIT, Backend
from tests import oracle
from tests.search import BACKENDS
from tests.search.test_against_oracle import budgets_near_totals, fractions
from tests.strategies import lut_from_columns, luts, luts_of_spaces, scopes


@pytest.mark.parametrize("backend", BACKENDS)
@settings(max_examples=150, deadline=None)
@given(lut=luts(), data=st.data())
def test_at_a_limit_nothing_wrong_is_claimed(backend: str, lut: Lut, data: st.DataObject) -> None:
    minimize = data.draw(st.sampled_from(lut.metric_names))
    budgets = data.draw(budgets_near_totals(lut))
    options = {"top": data.draw(st.integers(1, 3)), "min_distance": data.draw(st.integers(1, 3))}
    nodes = data.draw(st.integers(1, 40))
    result = qabwnas.search(lut, minimize=minimize, budgets=budgets, node_limit=nodes, backend=backend, **options)  # type: ignore[arg-type]
    bounds = {name: Fraction(value) for name, value in budgets.items()}
    expected = oracle.best(lut, minimize, bounds, len(oracle.subnets(lut, [minimize])))
    names = [minimize, *(name for name in lut.metric_names if name in budgets and name != minimize)]
    found = [(fractions(answer.totals, names), tuple(answer.choice.values())) for answer in result.answers]
    if result.status in ("optimal", "infeasible"):
        assert found == oracle.best(lut, minimize, bounds, options["top"], distance=options["min_distance"])
        assert result.status == ("optimal" if expected else "infeasible")
    else:
        assert result.status == ("feasible" if found else "unknown")
        assert set(found) <= set(expected)
        assert sorted(found) == found
    if result.status == "infeasible":
        assert (result.bound, result.gap) == (None, None)
        return
    assert result.bound is not None
    if expected:
        assert Fraction(result.bound) <= expected[0][0][0]
    if result.answers:
        objective = result.answers[0].objective
        if result.gap is None:
            assert objective == 0 > result.bound
        else:
            assert Fraction(result.gap) * abs(Fraction(objective)) >= Fraction(objective) - Fraction(result.bound)
    if result.status == "optimal":
        assert (result.bound, result.gap) == (result.answers[0].objective, 0)


@pytest.mark.parametrize("backend", BACKENDS)
@settings(max_examples=60, deadline=None)
@given(lut=luts_of_spaces(), data=st.data())
def test_limits_hold_over_all_bit_widths_together(backend: str, lut: Lut, data: st.DataObject) -> None:
    scope, limited = data.draw(scopes(lut).filter(lambda pair: pair[1].homogeneous))
    name = lut.metric_names[0]
    expected = oracle.best(lut, name, {}, 1, limited=limited)
    if not expected:
        return
    result = qabwnas.search(lut, minimize=name, scope=scope, node_limit=data.draw(st.integers(1, 20)), backend=backend)
    assert result.bound is not None
    assert Fraction(result.bound) <= expected[0][0][0]
    if result.status == "optimal":
        assert tuple(result.answers[0].choice.values()) == expected[0][1]


def hard() -> Lut:
    generator = np.random.default_rng(0)
    columns = {f"m{m}": [generator.integers(0, 10**9, 20).tolist() for _ in range(20)] for m in range(3)}
    return lut_from_columns(columns)


def test_a_time_limit_that_is_over_stops_a_search() -> None:
    generator = np.random.default_rng(0)
    columns = {f"m{m}": [generator.integers(0, 10**9, 30).tolist() for _ in range(30)] for m in range(12)}
    budgets = {f"m{m}": 1.35e10 for m in range(1, 12)}
    result = qabwnas.search(lut_from_columns(columns), minimize="m0", budgets=budgets, time_limit=0.2)
    assert result.status in ("feasible", "unknown")
    assert result.seconds >= 0.1  # and not before its time; setting up counts


@pytest.fixture
def nothing_within_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every direct search with a node limit stops at once; kernels count nodes as they like."""
    whole = Backend.top

    def stopped(*arguments: Any) -> tuple[int, Any, Any, int, int]:
        status, totals, choice, bound, n_nodes = whole(*arguments)
        return (
            (status, totals, choice, bound, n_nodes) if arguments[8] == 2**62 else (LIMIT, totals[:0], choice[:0], 7, 1)
        )

    monkeypatch.setattr(Backend, "top", stopped)


@pytest.mark.usefixtures("nothing_within_limits")
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_front_takes_its_turn(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    lut = hard()
    arguments: dict[str, Any] = {"minimize": "m0", "budgets": {"m1": 5 * 10**9}, "backend": backend}
    direct = qabwnas.search(lut, **arguments, method="direct")
    assert direct.method == "direct"
    for turns, method in ((((5, 1), (9, 1 << 30)), "front"), (((5, 1), (9, 2)), "direct")):
        monkeypatch.setattr(methods, "_TURNS", turns)
        result = qabwnas.search(lut, **arguments)
        assert result.method == method
        assert (result.status, result.answers, result.bound) == ("optimal", direct.answers, direct.bound)
    nothing = qabwnas.search(lut, minimize="m0", node_limit=5, backend=backend)
    assert (nothing.status, nothing.method, nothing.bound, nothing.gap) == ("unknown", "direct", 7, None)
    monkeypatch.setattr(methods, "DEFAULT_MAX_MEMORY", 1)
    with pytest.raises(FrontLimitError, match="the front within the budgets takes more than .* bytes"):
        qabwnas.search(lut, **arguments, method="front")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"min_distance": 0}, "min_distance: 0 is not a whole number of 1 or more"),
        ({"node_limit": True}, "node_limit: True is not a whole number"),
        ({"time_limit": 0}, "time_limit: 0 is not a number of seconds above 0"),
        ({"time_limit": float("nan")}, "time_limit: nan is not"),
        ({"time_limit": "3"}, "time_limit: '3' is not"),
        ({"method": "fast"}, "method: 'fast' is not one of auto, front, direct"),
        ({"method": "front", "top": 2}, "method: a front gives one answer and observes no limits"),
        ({"method": "front", "time_limit": 1.5}, "method: a front gives one answer and observes no limits"),
    ],
)
def test_unusable_options_are_refused(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        qabwnas.search(lut_from_columns({"loss": [[1.0]]}), **arguments)  # type: ignore[arg-type]


def test_gaps_are_rounded_up_and_relative_to_the_objective() -> None:
    from qabwnas.search.api import _gap

    assert _gap(3, 2) == Decimal("0.333334")
    assert _gap(-2, -3) == Decimal("0.5")
    assert _gap(0, 0) == 0
    assert _gap(0, -1) is None
    assert _gap(1, -(10**27)) == Decimal(10) ** 27 + 1  # in units of 10**−12

"""What an answer rests on, against the oracle."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import qabwnas
from qabwnas.errors import InputError
from qabwnas.lut.lut import Lut
from qabwnas.search.engine.backend import LIMIT, Backend
from qabwnas.search.explain import Explanation, explain
from tests import oracle
from tests.search import BACKENDS
from tests.search.test_against_oracle import budgets_near_totals
from tests.strategies import lut_from_columns, luts, luts_of_spaces, scopes


@pytest.mark.parametrize("backend", BACKENDS)
@settings(max_examples=200, deadline=None)
@given(lut=luts(min_metrics=2) | luts_of_spaces(), data=st.data())
def test_explanations(backend: str, lut: Lut, data: st.DataObject) -> None:
    scope, limited = data.draw(scopes(lut)) if lut.space is not None else (None, oracle.FREE)
    minimize = data.draw(st.sampled_from(lut.metric_names))
    budgets = data.draw(budgets_near_totals(lut))
    assume(oracle.subnets(lut, [minimize], limited))
    bounds = {name: Fraction(value) for name, value in budgets.items()}
    explanation = explain(lut, minimize=minimize, budgets=budgets, scope=scope, backend=backend)
    result = qabwnas.search(lut, minimize=minimize, budgets=budgets, scope=scope, backend=backend)
    assert explanation.minimized == result.minimized
    assert explanation.smallest == result.smallest
    if result.status == "infeasible":
        assert (explanation.objective, explanation.effects) == (None, ())
        return
    (answer,) = result.answers
    assert explanation.objective == answer.objective
    assert [effect.metric for effect in explanation.effects] == list(budgets)
    for effect in explanation.effects:
        assert effect.budget == budgets[effect.metric]
        assert Fraction(effect.slack) == Fraction(effect.budget) - Fraction(answer.totals[effect.metric]) >= 0
        expected = oracle.next_budget(lut, minimize, bounds, effect.metric, limited)
        assert effect.binds == (expected is not None)
        if expected is None:
            assert (effect.next_budget, effect.growth, effect.next_objective, effect.gain) == (None,) * 4
        else:
            found = (effect.next_budget, effect.growth, effect.next_objective, effect.gain)
            budget, objective = expected
            growth, gain = budget - bounds[effect.metric], Fraction(answer.objective) - objective
            assert [Fraction(value) for value in found if value is not None] == [budget, growth, objective, gain]
            assert min(growth, gain) > 0


def test_an_example() -> None:
    lut = lut_from_columns({"loss": [[0.5, 0.25, 0.1]], "size": [[1.0, 2.0, 4.0]], "ms": [[0.1, 0.2, 0.3]]})
    by_size, by_time = explain(lut, budgets={"size": "2.25", "ms": 1}).effects
    assert by_size.binds
    assert (by_size.slack, by_size.next_budget, by_size.growth) == (Decimal("0.25"), 4, Decimal("1.75"))
    assert (by_size.next_objective, by_size.gain) == (Decimal("0.1"), Decimal("0.15"))
    assert not by_time.binds
    assert by_time.slack == Decimal("0.8")
    assert explain(lut, budgets={"size": 0}).smallest == {"size": 1}
    with pytest.raises(InputError, match="metric 'sice' is not in the LUT"):
        explain(lut, budgets={"sice": 1})


@pytest.mark.parametrize("n_proved", [0, 1, 2])
def test_what_is_not_proved_within_the_limits_is_left_out(monkeypatch: pytest.MonkeyPatch, n_proved: int) -> None:
    lut = lut_from_columns({"loss": [[3.0, 2.0, 1.0]] * 3, "size": [[1.0, 2.0, 4.0]] * 3})
    whole, n_searches = Backend.top, iter(range(9))

    def stopped(*arguments: Any) -> tuple[int, Any, Any, int, int]:
        status, *found = whole(*arguments)
        return (status if next(n_searches) < n_proved else LIMIT, *found)

    assert explain(lut, budgets={"size": 7}, time_limit=60) == explain(lut, budgets={"size": 7})
    with pytest.raises(InputError, match="time_limit: 0 is not a number of seconds above 0"):
        explain(lut, time_limit=0)
    monkeypatch.setattr(Backend, "top", stopped)
    objective = Decimal(6) if n_proved else None
    assert explain(lut, budgets={"size": 7}, node_limit=50) == Explanation("loss", objective, (), {})

"""Budgets on sums plus maxima: equal to all subnets on small LUTs, and to every value of the maximum on deep ones."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import qabwnas
from qabwnas.errors import InputError
from qabwnas.lut.lut import Lut, Metric
from qabwnas.search.engine import coupled
from qabwnas.search.engine.backend import select_backend
from qabwnas.search.model.problem import Problem
from tests import oracle
from tests.search import BACKENDS
from tests.strategies import lut_from_columns

NAMES = ["loss", "flash", "code", "peak", "stack"]
SUMS = [["flash", "peak"], ["flash", "code", "peak"], ["peak", "stack"], ["code", "peak", "stack"], ["flash", "stack"]]


@st.composite
def tables(draw: st.DrawFn) -> Lut:
    sizes = draw(st.lists(st.integers(1, 4), min_size=1, max_size=4))
    scales = {name: draw(st.sampled_from([1, 10, 1000])) for name in NAMES}
    columns = {name: [[draw(st.integers(-3, 12)) / scales[name] for _ in range(n)] for n in sizes] for name in NAMES}
    fixed = {name: draw(st.none() | st.integers(-2, 9).map(float)) for name in NAMES}
    maxima = ("peak", "stack")
    metrics = [Metric(name, "", "max" if name in maxima else "sum", fixed[name]) for name in NAMES]
    return lut_from_columns(columns, metrics)


@pytest.mark.parametrize("backend", BACKENDS)
@settings(max_examples=40, deadline=None)
@given(lut=tables(), data=st.data())
def test_answers_are_those_of_all_subnets(backend: str, lut: Lut, data: st.DataObject) -> None:
    everything = oracle.subnets(lut, NAMES)
    totals = [dict(zip(NAMES, vector, strict=True)) for vector, _ in everything]
    budgets: dict[str, Any] = {}
    kept = totals
    for sums in data.draw(st.lists(st.sampled_from(SUMS), min_size=1, max_size=3, unique_by=tuple)):
        bound = data.draw(st.sampled_from(sorted(sum(each[name] for name in sums) for each in totals)))
        budgets["+".join(sums)] = Decimal(bound.numerator) / bound.denominator
        kept = [each for each in kept if sum(each[name] for name in sums) <= bound]
    objective = data.draw(st.sampled_from(NAMES))
    top = data.draw(st.sampled_from([1, 2, 5, 300]))
    result = qabwnas.search(lut, minimize=objective, budgets=budgets, top=top, backend=backend)
    expected = sorted(each[objective] for each in kept)[:top]
    assert [Fraction(answer.objective) for answer in result.answers] == expected
    assert len({tuple(answer.choice.values()) for answer in result.answers}) == len(expected)
    for answer in result.answers:
        assert {name: Fraction(total) for name, total in answer.totals.items()} in kept
    front = qabwnas.search(lut, minimize=objective, budgets=budgets, method="front", backend=backend)
    assert front.answers == result.answers[:1]
    assert result.bound == (result[0].objective if expected else None)


@pytest.mark.parametrize("backend", BACKENDS)
@settings(max_examples=40, deadline=None)
@given(lut=tables(), data=st.data())
def test_effects_and_smallest_sums(backend: str, lut: Lut, data: st.DataObject) -> None:
    """What a larger budget would improve, and the smallest budget that some subnet keeps, next to another budget."""
    totals = [dict(zip(NAMES, vector, strict=True)) for vector, _ in oracle.subnets(lut, NAMES)]
    sums, other = data.draw(st.sampled_from(SUMS)), data.draw(st.sampled_from(["loss", "flash", "flash+stack"]))
    if other.split("+") == sums:
        other = "code"

    def total(each: Any, names: Any) -> Fraction:
        return sum((each[name] for name in names), Fraction(0))

    def number(value: Fraction) -> Decimal:
        return Decimal(value.numerator) / value.denominator

    limit = data.draw(st.sampled_from(sorted(total(each, other.split("+")) for each in totals)))
    under = [each for each in totals if total(each, other.split("+")) <= limit]
    bound = data.draw(st.sampled_from(sorted(total(each, sums) for each in under)))
    objective, key = data.draw(st.sampled_from(NAMES)), "+".join(sums)
    budgets: dict[str, Any] = {key: number(bound), other: number(limit)}
    found = qabwnas.explain(lut, minimize=objective, budgets=budgets, backend=backend)
    best = min(each[objective] for each in under if total(each, sums) <= bound)
    assert Fraction(found.objective or 0) == best
    effect = next(effect for effect in found.effects if effect.metric == key)
    better = [each for each in under if each[objective] < best]
    assert effect.binds == bool(better)
    if better:
        assert effect.next_budget is not None
        assert Fraction(effect.next_budget) == min(total(each, sums) for each in better)
        there = min(each[objective] for each in under if total(each, sums) <= Fraction(effect.next_budget))
        assert Fraction(effect.next_objective or 0) == there
        assert (effect.growth, effect.gain) == (effect.next_budget - effect.budget, number(best - there))
    least = min(total(each, sums) for each in under)
    impossible = qabwnas.search(lut, minimize=objective, budgets={**budgets, key: number(least - 1)}, backend=backend)
    assert impossible.status == "infeasible"
    assert Fraction(impossible.smallest[key] or 0) == least


def deep(n_blocks: int) -> Lut:
    generator = np.random.default_rng(n_blocks)
    columns: dict[str, list[list[float]]] = {"loss": [], "flash_bytes": [], "peak_bytes": []}
    for _ in range(n_blocks):
        size, peak = generator.integers(1, 60, 8), generator.integers(1, 16, 8) * 40
        columns["flash_bytes"].append(size.astype(float).tolist())
        columns["peak_bytes"].append(peak.astype(float).tolist())
        columns["loss"].append(np.round(9 / size + 40 / peak + generator.random(8) / 4, 4).tolist())
    metrics = [Metric("loss"), Metric("flash_bytes", "bytes", fixed=11), Metric("peak_bytes", "bytes", "max")]
    return lut_from_columns(columns, metrics)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("n_blocks", [22, 54])
def test_deep_networks(backend: str, n_blocks: int, monkeypatch: pytest.MonkeyPatch) -> None:
    lut = deep(n_blocks)
    smallest = qabwnas.search(lut, minimize="flash_bytes", backend=backend)[0].totals["flash_bytes"]
    searched: list[int] = []
    best, kernels = coupled.best, select_backend(backend)
    problem = Problem.of(lut, ["loss", "flash_bytes", "peak_bytes"], kernels)
    monkeypatch.setattr(coupled, "best", lambda *args, **options: (searched.append(1), best(*args, **options))[1])
    for budget in (smallest + 100, smallest * 3 + 200):
        of_peaks = [
            best(problem, problem.budget_units({"peak_bytes": peak, "flash_bytes": budget - peak}), 1, kernels)
            for peak in range(40, 641, 40)
        ]
        expected = [problem.grids[0].decimal(found.bound) for found in of_peaks if len(found.totals)]
        result = qabwnas.search(lut, budgets={"flash_bytes+peak_bytes": budget}, backend=backend)
        assert [answer.objective for answer in result.answers] == ([min(expected)] if expected else [])
    assert len(searched) < 2 * len(of_peaks)  # far fewer than two for each value of the maximum and budget


def test_limits_and_what_is_refused() -> None:
    lut = deep(22)
    budgets = {"flash_bytes+peak_bytes": 900}
    best = qabwnas.search(lut, budgets=budgets)
    stopped = qabwnas.search(lut, budgets=budgets, node_limit=1)
    assert stopped.status in ("feasible", "unknown")
    assert stopped.bound is not None
    assert stopped.bound <= best[0].objective
    with pytest.raises(InputError, match="min_distance: not with a budget on a sum that includes a maximum"):
        qabwnas.search(lut, budgets=budgets, top=2, min_distance=2)

"""Every kind of budget gives the subnets that the slow way gives: all subnets, filtered and sorted with fractions."""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import qabwnas
from qabwnas.errors import InputError
from qabwnas.lut.lut import Lut, LutBlock, Metric, Table
from qabwnas.search import Scope
from qabwnas.search.constraints.budgets import reduced_budgets
from qabwnas.search.engine.backend import select_backend
from qabwnas.search.model import streaming
from qabwnas.space import BitWidths
from tests import oracle
from tests.search import BACKENDS
from tests.strategies import lut_from_columns, luts

EXAMPLES = settings(max_examples=15, deadline=None)

Bound = tuple[tuple[str, ...], str, Fraction]
"""Metrics whose totals are added, ``<=`` or ``>=``, and the bound."""


def decimal(value: Fraction) -> Decimal:
    return Decimal(value.numerator) / Decimal(value.denominator)


def totals_of(lut: Lut) -> list[tuple[dict[str, Fraction], tuple[int, ...]]]:
    names = list(lut.metric_names)
    return [(dict(zip(names, vector, strict=True)), choice) for vector, choice in oracle.subnets(lut, names)]


def fits(totals: dict[str, Fraction], bounds: list[Bound]) -> bool:
    for names, operator, bound in bounds:
        total = sum((totals[name] for name in names), Fraction(0))
        if not (total <= bound if operator == "<=" else total >= bound):
            return False
    return True


@st.composite
def asked(draw: st.DrawFn, lut: Lut) -> tuple[dict[str, Any], list[Bound]]:
    """Budgets as a user gives them, and what they mean."""
    budgets: dict[str, Any] = {}
    bounds: list[Bound] = []
    names = st.sampled_from(lut.metric_names)
    for _ in range(draw(st.integers(1, 3))):
        many = draw(st.booleans())
        subject = tuple(draw(st.lists(names, min_size=1, max_size=3 if many else 1, unique=True)))
        if any(set(subject) == set(other) for other, _, _ in bounds):
            continue
        has_maximum = any(lut.metric(name).aggregation == "max" for name in subject)
        kinds = ["<="] if len(subject) > 1 and has_maximum else ["<=", ">=", "==", "range", "text"]
        kind = draw(st.sampled_from(kinds))
        sums = sorted({sum((totals[name] for name in subject), Fraction(0)) for totals, _ in totals_of(lut)})
        low, high = sorted(draw(st.lists(st.sampled_from(sums), min_size=2, max_size=2)))
        key = "+".join(subject)
        if kind in ("<=", ">=", "=="):
            budgets[key if kind == "<=" else key + kind] = decimal(low)
            bounds += [(subject, operator, low) for operator in ("<=", ">=") if kind in (operator, "==")]
        else:
            pair = decimal(low), decimal(high)
            budgets[key] = pair if kind == "range" else f"{pair[0]:f}:{pair[1]:f}"
            bounds += [(subject, ">=", low), (subject, "<=", high)]
    return budgets, bounds


def small(lut: Lut) -> bool:
    """Whether totals of different metrics can be added within 62 bits."""
    return all(metric.fixed is None or abs(metric.fixed) < 1e9 for metric in lut.metrics) and all(
        np.abs(block.column(name)).max() < 1e9 and (np.abs(block.column(name) * 1e6) % 1 == 0).all()
        for block in lut.blocks
        for name in lut.metric_names
    )


@pytest.mark.parametrize("in_chunks", [False, True])
@pytest.mark.parametrize("backend", BACKENDS)
@EXAMPLES
@given(lut=luts(min_metrics=2, max_metrics=4, max_subnets=100).filter(small), data=st.data())
def test_answers(backend: str, in_chunks: bool, lut: Lut, data: st.DataObject) -> None:
    """Answers fit, no subnet that fits is better, and ``top`` counts all that fit: on every way to search."""
    budgets, bounds = data.draw(asked(lut))
    assume(len(reduced_budgets(lut, budgets)) < select_backend(backend).max_metrics)
    objective = data.draw(st.sampled_from(lut.metric_names))
    maximized = lut.metric(objective).aggregation == "sum" and data.draw(st.booleans())
    names: dict[str, Any] = {"maximize" if maximized else "minimize": objective}
    expected = sorted(
        -totals[objective] if maximized else totals[objective] for totals, _ in totals_of(lut) if fits(totals, bounds)
    )
    top = data.draw(st.sampled_from([1, 3, 200]))
    with pytest.MonkeyPatch.context() as patch:
        if in_chunks:
            patch.setattr(streaming, "LARGEST_WHOLE", 0)
        result = qabwnas.search(lut, budgets=budgets, top=top, backend=backend, **names)
    session = qabwnas.Session(lut, backend=backend)
    assert session.search(budgets=budgets, top=top, **names).answers == result.answers
    assert result.status == ("optimal" if expected else "infeasible")
    found = [Fraction(answer.objective) for answer in result.answers]
    assert [-value if maximized else value for value in found] == expected[:top]
    by_choice = {choice: totals for totals, choice in totals_of(lut)}
    assert len({tuple(answer.choice.values()) for answer in result.answers}) == len(found)
    for answer in result.answers:
        totals = by_choice[tuple(answer.choice.values())]
        assert {name: Fraction(total) for name, total in answer.totals.items()} == totals
        assert fits(totals, bounds)
        assert answer.objective == answer.totals[objective]


@pytest.mark.parametrize("backend", BACKENDS)
@EXAMPLES
@given(lut=luts(min_metrics=2, max_metrics=3, max_subnets=60).filter(small), data=st.data())
def test_largest_totals_and_effects(backend: str, lut: Lut, data: st.DataObject) -> None:
    """A lower bound that is just above what the other budget allows; and what a smaller bound would improve."""
    objective, other = lut.metric_names[:2]
    sums = [name for name in (objective, other) if lut.metric(name).aggregation == "sum"]
    if other not in sums:
        return
    everything = totals_of(lut)
    bound = data.draw(st.sampled_from(sorted({totals[other] for totals, _ in everything})))
    explanation = qabwnas.explain(lut, minimize=objective, budgets={f"{other}>=": decimal(bound)}, backend=backend)
    best = min(totals[objective] for totals, _ in everything if totals[other] >= bound)
    better = [totals for totals, _ in everything if totals[objective] < best]
    (effect,) = explanation.effects
    assert effect.binds == bool(better)
    if better:
        assert Fraction(effect.next_budget or 0) == max(totals[other] for totals in better)
    beyond = max(totals[other] for totals, _ in everything)
    result = qabwnas.search(
        lut, minimize=objective, budgets={f"{other}>=": decimal(beyond) + Decimal("0.5")}, backend=backend
    )
    assert result.status == "infeasible"
    assert {name: Fraction(total or 0) for name, total in result.largest.items()} == {other: beyond}


@pytest.mark.parametrize("backend", BACKENDS)
@EXAMPLES
@given(lut=luts(min_metrics=2, max_metrics=3, max_subnets=60).filter(small))
def test_fronts_that_maximise(backend: str, lut: Lut) -> None:
    first, last = lut.metric_names[0], lut.metric_names[-1]
    if lut.metric(last).aggregation == "max":
        return
    vectors = {(totals[first], -totals[last]) for totals, _ in totals_of(lut)}
    stored = sorted(v for v in vectors if not any(w != v and w[0] <= v[0] and w[1] <= v[1] for w in vectors))
    expected = [(v[0], -v[1]) for v in stored]
    declared = replace(lut, metrics=(*lut.metrics[:-1], replace(lut.metrics[-1], higher_is_better=True)))
    for source, name in ((lut, f"-{last}"), (declared, last), (declared, f"-{last}")):
        front = qabwnas.Frontier.build(source, [first, name], backend=backend)
        assert [tuple(Fraction(total) for total in front.totals(i).values()) for i in range(len(front))] == expected
        assert front.metric_names == (first, last)
        assert front.values(last).tolist() == [float(v[1]) for v in expected]
        by_last = front.with_objective(last)
        assert [Fraction(point.totals[last]) for point in by_last] == sorted((v[1] for v in expected), reverse=True)


def lut_of_widths(n_blocks: int) -> Lut:
    rng = np.random.default_rng(7)
    blocks = [
        LutBlock(
            f"b{b}",
            tuple(
                Table({"loss": rng.integers(0, 50, 2).astype(float), "size": rng.integers(0, 50, 2).astype(float)}, w)
                for w in (BitWidths(4, 4), BitWidths(8, 8), BitWidths(6, 6))[: 3 if b else 2]
            ),
        )
        for b in range(n_blocks)
    ]
    return Lut((Metric("loss"), Metric("size")), tuple(blocks))


@pytest.mark.parametrize("in_chunks", [False, True])
@pytest.mark.parametrize("backend", BACKENDS)
def test_sets_of_blocks_with_equal_widths(backend: str, in_chunks: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    lut = lut_of_widths(5)
    scope = Scope(bits=["b0,b2=homogeneous", "b1 , b3=homogeneous"])
    if in_chunks:
        monkeypatch.setattr(streaming, "LARGEST_WHOLE", 0)

    def widths(choice: tuple[int, ...], b: int) -> object:
        return lut.blocks[b].locate(choice[b])[0].widths

    allowed = [
        (totals["loss"], totals["size"], choice)
        for totals, choice in totals_of(lut)
        if widths(choice, 0) == widths(choice, 2) and widths(choice, 1) == widths(choice, 3)
    ]
    result = qabwnas.search(lut, minimize="loss", budgets={"size": 120}, top=50, scope=scope, backend=backend)
    found = [(Fraction(a.totals["loss"]), Fraction(a.totals["size"]), tuple(a.choice.values())) for a in result.answers]
    assert found == sorted(each for each in allowed if each[1] <= 120)[:50]
    front = qabwnas.Frontier.build(lut, ["loss", "size"], scope=scope, backend=backend)
    pairs = {each[:2] for each in allowed}
    expected = sorted(p for p in pairs if not any(q != p and q[0] <= p[0] and q[1] <= p[1] for q in pairs))
    assert [tuple(map(Fraction, front.totals(i).values())) for i in range(len(front))] == expected


@pytest.mark.parametrize("in_chunks", [False, True])
@pytest.mark.parametrize("backend", BACKENDS)
def test_unmeasured_candidates_are_left_out(backend: str, in_chunks: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if in_chunks:
        monkeypatch.setattr(streaming, "LARGEST_WHOLE", 0)
    known = {"ms": np.array([False, True, True])}
    columns = {"loss": np.array([0.0, 1.0, 2.0]), "ms": np.array([0.0, 5.0, 3.0])}
    blocks = tuple(LutBlock(name, (Table(columns, measured=known),)) for name in "ab")
    lut = Lut((Metric("loss"), Metric("ms")), blocks)
    with pytest.raises(InputError, match="1 of 3 candidates were not measured"):
        qabwnas.search(lut, budgets={"ms": 8}, backend=backend)
    scope = Scope(skip_unmeasured=True)
    found = qabwnas.search(lut, budgets={"ms": 8}, top=9, scope=scope, backend=backend).answers
    assert [tuple(answer.choice.values()) for answer in found] == [(1, 2), (2, 1), (2, 2)]
    assert qabwnas.search(lut, scope=scope, backend=backend).answers[0].choice == {"a": 0, "b": 0}  # ms is not needed
    front = qabwnas.Frontier.build(lut, ["loss", "ms"], scope=scope, backend=backend)
    assert [tuple(front.choice(i).values()) for i in range(len(front))] == [(1, 1), (1, 2), (2, 2)]


def shares() -> Lut:
    columns = {"loss": [[1.0, 0.0], [1.0, 0.0]], "size": [[0.1, 0.2], [0.3, 0.7]], "peak": [[4.0, 6.0], [5.0, 3.0]]}
    metrics = [Metric("loss"), Metric("size", fixed=0.1), Metric("peak", aggregation="max")]
    return lut_from_columns(columns, metrics)


@pytest.mark.parametrize(
    ("budgets", "choices"),
    [
        ({"size": "100%"}, {(0, 0), (0, 1), (1, 0), (1, 1)}),
        ({"size": "60%"}, {(0, 0), (1, 0)}),  # of 1.0, and 0.2 + 0.3 + 0.1 is exactly 0.6
        ({"size": "59.9%"}, {(0, 0)}),
        ({"size": "100% of block0=1,block1=#0"}, {(0, 0), (1, 0)}),
        ({"size>=": "90%"}, {(0, 1), (1, 1)}),
        ({"peak": "50% of block0=1,block1=0", "loss": 9}, set()),
    ],
)
def test_shares(budgets: dict[str, Any], choices: set[tuple[int, ...]]) -> None:
    found = qabwnas.search(shares(), budgets=budgets, top=9).answers
    assert {tuple(answer.choice.values()) for answer in found} == choices


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"budgets": {"siz": 3}}, "metric 'siz' is not in the LUT, which has loss, size, peak; did you mean 'size'?"),
        ({"maximize": "peek"}, "did you mean 'peak'"),
        ({"maximize": "peak"}, "'peak' is a maximum over blocks; only sums"),
        ({"maximize": "size", "minimize": "loss"}, "give one objective"),
        ({"budgets": {"size": (5, 3)}}, "no total lies from 5 to 3"),
        ({"budgets": {"size": (1, 2, 3)}}, "or a range LOW:HIGH"),
        ({"budgets": {"size": ":"}}, "or a range LOW:HIGH"),
        ({"budgets": {"size": "x%"}}, "'x%' is not a number"),
        ({"budgets": {"size>=": (1, 2)}}, "is a range, which takes no >="),
        ({"budgets": {"size+size": 3}}, "'size' is named twice"),
        ({"budgets": {"size+peak>=": 3}}, "includes a maximum is not supported"),
        ({"budgets": {"size<=": 3, "size": 4}}, "another bound of that kind"),
        ({"budgets": {"size": "5% of block0=1"}}, "names no candidate of block 'block1'"),
        ({"budgets": {"size": "5% of block0=9,block1=0"}}, "candidate 9 is not in 0 … 1"),
        ({"budgets": {"size": "5% of teacher"}}, "there is no reference"),
        ({"scope": Scope(bits=["block0,block1=homogeneous"])}, "does not say the bit widths"),
    ],
)
def test_bad_requests(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as error:
        qabwnas.search(shares(), **arguments)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_sets_of_blocks_must_not_overlap() -> None:
    lut = lut_of_widths(3)
    for bits, message in [
        (["b0,b1=homogeneous", "b1,b2=homogeneous"], "block 'b1' is already"),
        (["b0=homogeneous"], "two or more blocks"),
        (["b0,b9=homogeneous"], "block 'b9' is not in the LUT"),
    ]:
        with pytest.raises(InputError, match=message):
            qabwnas.search(lut, scope=Scope(bits=bits))


def with_accuracy(**options: Any) -> Lut:
    columns = {"loss": [[1.0, 2.0], [3.0, 1.0]], "accuracy": [[0.2, 0.5], [0.3, 0.1]]}
    return lut_from_columns(columns, [Metric("loss"), Metric("accuracy", higher_is_better=True, **options)])


def test_a_metric_of_which_higher_is_better_is_maximised_however_it_is_named() -> None:
    for sense in ("minimize", "maximize"):
        result = qabwnas.search(with_accuracy(), **{sense: "accuracy"})  # type: ignore[arg-type]
        assert (result.sense, result.minimized) == ("maximize", "accuracy")
        assert (result[0].objective, result[0].totals["accuracy"]) == (Decimal("0.8"), Decimal("0.8"))
        assert result[0].choice == {"block0": 1, "block1": 0}


@pytest.mark.parametrize(
    ("budgets", "message"),
    [
        ({"accuracy": 0.9}, "higher 'accuracy' is better: say accuracy>=VALUE, or accuracy<=VALUE"),
        ({"accuracy+loss": 0.9}, "higher 'accuracy' is better"),
    ],
)
def test_a_bound_where_higher_is_better_says_which(budgets: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        qabwnas.search(with_accuracy(), budgets=budgets)
    assert qabwnas.search(with_accuracy(), budgets={"accuracy<=": "0.4"})[0].choice == {"block0": 0, "block1": 1}


def test_references_that_the_lut_knows() -> None:
    lut = replace(shares(), provenance={"references": {"teacher": {"block0": 1, "block1": 0}}})
    named = qabwnas.search(lut, budgets={"size": "100% of teacher"}, top=9).answers
    written = qabwnas.search(lut, budgets={"size": "100% of block0=1,block1=0"}, top=9).answers
    assert named == written
    for budgets, message in [
        ({"size": "5% of techer"}, "there is no reference 'techer': the LUT has teacher; did you mean 'teacher'?"),
        ({"size": "5% of 7"}, "there is no reference '7'"),
    ]:
        with pytest.raises(InputError, match=re.escape(message)):
            qabwnas.search(lut, budgets=budgets)
    with pytest.raises(InputError, match="there is no reference 'teacher': the LUT has none"):
        qabwnas.search(shares(), budgets={"size": "5% of teacher"})

"""Scopes: every search, front and batch within one gives what the oracle does; what cannot be is said in one line."""

from __future__ import annotations

import csv
import tempfile
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import qabwnas
from qabwnas.errors import FormatError, InputError
from qabwnas.lut.lut import Lut, LutBlock, Metric, Table
from qabwnas.search import Scope
from qabwnas.search.batch.batch import answer_batch
from qabwnas.space import BitWidths
from tests import oracle
from tests.search import BACKENDS
from tests.search.test_against_oracle import fractions
from tests.spaces import TINY
from tests.strategies import lut_from_columns, luts_of_spaces, scopes

EXAMPLES = settings(max_examples=150, deadline=None)


@st.composite
def budgets_within(draw: st.DrawFn, lut: Lut) -> dict[str, Decimal]:
    """Budgets that equal some plain subnet's totals."""
    budgets = {}
    for name in draw(st.lists(st.sampled_from(lut.metric_names), unique=True)):
        total = draw(st.sampled_from(sorted({vector[0] for vector, _ in oracle.subnets(lut, [name])})))
        budgets[name] = Decimal(total.numerator) / Decimal(total.denominator)
    return budgets


def searched(lut: Lut, minimize: str, budgets: dict[str, Decimal], **options: object) -> tuple[str, list[object]]:
    result = qabwnas.search(lut, minimize=minimize, budgets=budgets, **options)  # type: ignore[arg-type]
    names = [name for name in lut.metric_names if name in budgets]
    return result.status, [
        (Fraction(answer.objective), fractions(answer.totals, names), tuple(answer.choice.values()))
        for answer in result.answers
    ]


@pytest.mark.parametrize("backend", BACKENDS)
@EXAMPLES
@given(lut=luts_of_spaces(), data=st.data())
def test_searches_within_scopes(backend: str, lut: Lut, data: st.DataObject) -> None:
    scope, limited = data.draw(scopes(lut))
    minimize = data.draw(st.sampled_from(lut.metric_names))
    budgets = data.draw(budgets_within(lut))
    top = data.draw(st.sampled_from([1, 2, 5]))
    distance = data.draw(st.integers(1, 4))
    bounds = {name: Fraction(value) for name, value in budgets.items()}
    plain = {choice: vector for vector, choice in oracle.subnets(lut, [lut.metric_names[0], *lut.metric_names])}
    expected = [
        (
            vector[0],
            tuple(plain[choice][1 + lut.metric_names.index(n)] for n in lut.metric_names if n in budgets),
            choice,
        )
        for vector, choice in oracle.best(lut, minimize, bounds, top, distance, limited)
    ]
    options = {"top": top, "min_distance": distance, "scope": scope, "backend": backend}
    if not oracle.subnets(lut, [minimize], limited):
        with pytest.raises(InputError, match="leaves? no candidate of block|no bit widths remain that all blocks"):
            searched(lut, minimize, budgets, **options)
        return
    assert searched(lut, minimize, budgets, **options) == ("optimal" if expected else "infeasible", expected)
    if top == 1 and distance == 1:
        assert searched(lut, minimize, budgets, **options, method="front")[1] == expected


@pytest.mark.parametrize("backend", BACKENDS)
@EXAMPLES
@given(lut=luts_of_spaces(), data=st.data())
def test_fronts_and_batches_within_scopes(backend: str, lut: Lut, data: st.DataObject) -> None:
    scope, limited = data.draw(scopes(lut))
    names = list(data.draw(st.permutations(lut.metric_names)))
    if not oracle.subnets(lut, names, limited):
        with pytest.raises(InputError, match="no candidate|no bit widths"):
            qabwnas.Frontier.build(lut, names, scope=scope, backend=backend)
        return
    front = qabwnas.Frontier.build(lut, names, scope=scope, backend=backend)
    assert front.metric_names[0] == (f"weighted {names[0]}" if scope.is_weighted else names[0])
    expected = oracle.front(lut, names, limited)
    found = [
        (fractions(front.totals(i), list(front.metric_names)), tuple(front.choice(i).values()))
        for i in range(len(front))
    ]
    assert found == expected
    with tempfile.TemporaryDirectory() as folder:
        stored = Path(folder) / "front.h5"
        front.save(stored)
        assert front.scope == qabwnas.Frontier.open(stored).scope == (None if scope == Scope() else scope)
        budgets = data.draw(budgets_within(lut).filter(bool))
        (Path(folder) / "budgets.csv").write_text(
            f"{','.join(budgets)}\n{','.join(f'{value:f}' for value in budgets.values())}\n"
        )
        bounds = {name: Fraction(value) for name, value in budgets.items()}
        best = oracle.best(lut, names[0], bounds, 1, limited=limited)
        for method in ("direct", "front"):
            answers = Path(folder) / f"{method}.csv"
            answer_batch(
                lut,
                Path(folder) / "budgets.csv",
                answers,
                minimize=names[0],
                scope=scope,
                method=method,
                backend=backend,
            )
            with answers.open(newline="") as stream:
                (row,) = csv.DictReader(stream)
            assert row["status"] == ("optimal" if best else "infeasible")
            assert [tuple(int(row[name]) for name in lut.block_names) for _ in best] == [choice for _, choice in best]
            assert [Fraction(row[front.metric_names[0]]) for _ in best] == [vector[0] for vector, _ in best]


def of_tiny(n_widths: int = 2) -> Lut:
    """A LUT of the space ``tiny``: blocks of 9 and 6 codes, at up to two bit widths."""
    blocks = []
    for block in TINY.blocks:
        tables = [
            Table({"loss": np.arange(block.n_candidates) + 0.5 * t}, widths)
            for t, widths in enumerate(TINY.bit_widths[:n_widths])
        ]
        blocks.append(LutBlock(block.name, tuple(tables)))
    return Lut((Metric("loss"),), tuple(blocks), TINY)


def candidates_left(**parts: list[str]) -> list[list[str]]:
    """What a scope leaves of ``tiny``, in words."""
    lut = of_tiny()
    selection = Scope(**parts).selection(lut)  # type: ignore[arg-type]
    return [
        [lut.describe(name, candidate) for candidate in candidates.tolist()]
        for name, candidates in zip(lut.block_names, selection.candidates, strict=True)
    ]


def test_pins_and_bans_mean_what_they_say() -> None:
    first, second = candidates_left(bits=["w8a6", "first=4"], pin=["first/1=k3e1"], forbid=["second=skip"])
    assert first == ["k3e1 k3e1 w4a4", "k5e2 k3e1 w4a4", "skip k3e1 w4a4"]
    assert second == [f"k3e{a} k3e{b} w8a6" for a in (2, 3) for b in (2, 3)]
    first, second = candidates_left(pin=["first=k5e2", "second=#7"], forbid=["first=#4"])
    assert first == ["k5e2 k5e2 w8a6"]
    assert second == ["k3e2 k3e3 w8a6"]


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"weights": [1, 2]}, r"weights: .1, 2. is not a mapping of block to number"),
        ({"weights": {"third": 1}}, "block 'third' is not in the LUT, which has first, second"),
        ({"weights": {"first": -1}}, "weight 'first': -1 is negative"),
        ({"weights": {"first": "much"}}, "weight 'first': 'much' is not a number"),
        (
            {"weights": {"first": "1e30", "second": "1e-5"}},
            "weighted totals of 'loss' do not fit 62 bits .block 'first'",
        ),
        ({"bits": "8"}, "bits: '8' is not a list"),
        ({"bits": ["5"]}, "bits '5': there is no table of w5a5 in any block"),
        ({"bits": ["4,x"]}, "bits '4,x': bit widths 'x' are neither of the form"),
        ({"bits": ["third=4"]}, "block 'third' is not in the LUT"),
        ({"bits": ["first=8"]}, "bits 'first=8': there is no table of w8a8 in block 'first'"),
        ({"bits": ["first=4", "second=w8a6", "homogeneous"]}, "no bit widths remain that all blocks have"),
        ({"pin": ["first=k3e1", "first/0=k5e2"]}, "pin 'first/0=k5e2' leaves no candidate of block 'first'"),
        ({"pin": ["k3e1"]}, "pin 'k3e1' leaves no candidate of block 'second'"),
        ({"pin": ["first/2=k3e1"]}, "pin 'first/2=k3e1': block 'first' has layers 0 to 1"),
        ({"pin": ["third=k3e1"]}, "pin 'third=k3e1': 'third' is neither a block of the LUT"),
        ({"pin": ["#3"]}, "pin '#3': a candidate's number needs a block: BLOCK=#3"),
        ({"pin": ["first=#18"]}, "pin 'first=#18': first has candidates #0 to #17"),
        ({"pin": ["first=conv"]}, "pin 'first=conv': operation 'conv' is neither 'skip' nor of the form"),
        ({"forbid": ["second/0=skip"]}, "forbid 'second/0=skip': there is no 'skip' in block 'second', layer 0"),
        ({"forbid": ["k9e9"]}, "forbid 'k9e9': there is no 'k9e9' in any block"),
        ({"forbid": ["k3e1", "k5e2", "first=skip"]}, "forbid 'first=skip' leaves no candidate of block 'first'"),
    ],
)
def test_what_a_scope_cannot_be(parts: dict[str, list[str]], message: str) -> None:
    with pytest.raises(InputError, match=message):
        qabwnas.search(of_tiny(), scope=Scope(**parts))  # type: ignore[arg-type]


def test_bit_widths_must_be_known() -> None:
    lut = lut_from_columns({"loss": [[1.0, 2.0]]})
    for text in ("8", "block0=8", "homogeneous"):
        with pytest.raises(InputError, match=f"bits '{text}': the LUT does not say the bit widths of block 'block0'"):
            qabwnas.search(lut, scope=Scope(bits=[text]))
    assert Scope(bits=[4, 8]) == Scope(bits=["4", "8"])


def test_tables_without_a_space_are_named_by_their_descriptions() -> None:
    table = Table({"loss": np.array([1.0, 2.0, 3.0])}, BitWidths(8, 8), descriptions=["conv k=3", "conv k=5", "skip"])
    lut = Lut((Metric("loss"),), (LutBlock("a=b/0", (table,)), LutBlock("c", (table,))))
    result = qabwnas.search(lut, scope=Scope(pin=["a=b/0=conv k=5"], forbid=["conv k=3"]))
    assert result.answers[0].choice == {"a=b/0": 1, "c": 1}
    for text, message in (
        ("c/0=skip", "forbid 'c/0=skip': the LUT has no space, and so no layers"),
        ("c=conv", "forbid 'c=conv': there is no 'conv' in block 'c'"),
        ("d=skip", "forbid 'd=skip': there is no 'd=skip' in any block"),
    ):
        with pytest.raises(InputError, match=message):
            qabwnas.search(lut, scope=Scope(forbid=[text]))
    with pytest.raises(InputError, match="pin 'block0=x': the LUT describes no candidates of block 'block0'"):
        qabwnas.search(lut_from_columns({"loss": [[1.0]]}), scope=Scope(pin=["block0=x"]))


def test_what_is_left_out_needs_no_measurement() -> None:
    column = np.array([1.0, np.nan])
    table = Table({"loss": column}, measured={"loss": np.array([True, False])})
    lut = Lut((Metric("loss"),), (LutBlock("only", (table,)),))
    assert qabwnas.search(lut, scope=Scope(forbid=["only=#1"])).answers[0].choice == {"only": 0}
    with pytest.raises(InputError, match="1 of 1 candidates were not measured, the first of them candidate 1"):
        qabwnas.search(lut, scope=Scope(pin=["only=#1"]))


@pytest.mark.parametrize("weight", ["0.001", "1000000", "1e-40", "0.333333333333333333333", "123456789012.5"])
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_grid_that_weights_outgrow_is_rounded_half_to_even(backend: str, weight: str) -> None:
    """Products are the nearest whole units of the finest grid on which totals fit."""
    generator = np.random.default_rng(5)
    columns = [generator.random(9) - 0.3, generator.random(4)]
    lut = lut_from_columns({"loss": [column.tolist() for column in columns]}, [Metric("loss", fixed=0.7)])
    result = qabwnas.search(lut, top=36, scope=Scope(weights={"block1": weight}), backend=backend)
    plain = 18
    largest = max(abs(columns[0])) + max(abs(columns[1])) * float(weight) + 0.7
    while largest * 10.0**plain > 2**62:
        plain -= 1
    unit = Fraction(1, 10 ** max(plain, 0))
    for answer in result.answers:
        first, second = (oracle.shortest(columns[b][c]) for b, c in enumerate(answer.choice.values()))
        exact = first + second * Fraction(weight) + oracle.shortest(0.7)
        rounded_first = abs(second) * Fraction(weight) * Fraction(1, 10**17)
        assert abs(Fraction(answer.objective) - exact) <= 2 * unit + rounded_first
    assert [answer.objective for answer in result.answers] == sorted(answer.objective for answer in result.answers)


def test_a_front_of_a_scope_is_asked_by_its_own_names(tmp_path: Path) -> None:
    lut = lut_from_columns({"loss": [[1.0, 2.0], [3.0, 1.0]], "size": [[2.0, 1.0], [1.0, 2.0]]})
    scope = Scope(weights={"block0": "0.5"})
    front = qabwnas.Frontier.build(lut, ["loss", "loss", "size"], scope=scope)
    assert front.metric_names == ("weighted loss", "loss", "size")
    assert front.query({"loss": 2.0, "size": 4.0}).tolist() == [0]
    assert front.totals(0) == {"weighted loss": Decimal("1.5"), "loss": 2, "size": 4}
    with pytest.raises(InputError, match="metric 'loss' is not in the front, which has weighted loss, size"):
        qabwnas.Frontier.build(lut, ["loss", "size"], scope=scope).query({"loss": 2.0})
    (tmp_path / "budgets.csv").write_text("loss\n2\n")
    with pytest.raises(InputError, match="a front has the scope that it was built with"):
        answer_batch(front, tmp_path / "budgets.csv", tmp_path / "answers.csv", scope=scope)


def test_a_scope_that_no_reader_understands(tmp_path: Path) -> None:
    front = qabwnas.Frontier.build(of_tiny(), ["loss"], scope=Scope(bits=["4"], weights={"first": "2.50"}))
    for text in ("[", "[]", '{"bit":[]}', '{"bits":"4"}', '{"weights":{"first":"-1"}}', '{"weights":{"first":[]}}'):
        path = tmp_path / "front.h5"
        front.save(path)
        with h5py.File(path, "a") as file:
            assert file.attrs["scope"] == b'{"bits":["4"],"weights":{"first":"2.50"}}'
            file.attrs["scope"] = np.bytes_(text)
        with pytest.raises(FormatError, match=r"front.h5.*the attribute 'scope': "):
            qabwnas.Frontier.open(path)

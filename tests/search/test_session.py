"""Sessions answer as fresh searches do, and call no kernel for what has not changed."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import qabwnas
from qabwnas.errors import InputError
from qabwnas.lut.arrays import LazyArrays, in_memory
from qabwnas.lut.lut import Lut, LutBlock, Metric, Table
from qabwnas.search import Scope
from qabwnas.search.api import SearchResult
from qabwnas.search.engine.backend import Backend
from qabwnas.search.explain import explain
from qabwnas.search.session import Session
from tests.search import BACKENDS
from tests.search.test_against_oracle import budgets_near_totals
from tests.strategies import VALUES, lut_from_columns, luts, luts_of_spaces, scopes


def outcome(call: Callable[..., Any], *arguments: Any, **options: Any) -> object:
    """What a call gives, its time left out, or what it says is wrong."""
    try:
        result = call(*arguments, **options)
    except InputError as error:
        return str(error)
    if isinstance(result, SearchResult):
        return replace(result, seconds=0.0)
    if isinstance(result, qabwnas.Frontier):
        return (result.metrics, result.grids, result.units.tolist(), result.candidates.tolist(), result.scope)
    return result


@st.composite
def changed(draw: st.DrawFn, session: Session) -> Session:
    """The session with another block or column."""
    lut = session.lut
    block = draw(st.sampled_from(lut.blocks))
    values = VALUES[draw(st.sampled_from(sorted(VALUES)))]

    def column(n: int) -> np.ndarray:
        return np.array(draw(st.lists(values, min_size=n, max_size=n)), dtype=np.float64)

    if draw(st.booleans()):
        return session.with_column(draw(st.sampled_from(lut.metric_names)), {block.name: column(block.n_candidates)})
    tables = [
        Table({name: column(table.n_rows) for name in lut.metric_names}, table.widths)
        for table in block.tables[: draw(st.integers(1, len(block.tables)))]
    ]
    return session.with_block(block.name, tables)


@pytest.mark.filterwarnings("ignore::qabwnas.errors.RoundingWarning")
@pytest.mark.parametrize("backend", BACKENDS)
@settings(max_examples=60, deadline=None)
@given(lut=luts(min_metrics=2, max_subnets=100) | luts_of_spaces(), data=st.data())
def test_answers_equal_those_of_fresh_searches(backend: str, lut: Lut, data: st.DataObject) -> None:
    session = Session(lut, backend=backend)
    for _ in range(data.draw(st.integers(1, 4))):
        for _ in range(data.draw(st.integers(1, 3))):
            scope = data.draw(st.none() | scopes(lut).map(lambda pair: pair[0])) if lut.space is not None else None
            minimize = data.draw(st.sampled_from(lut.metric_names))
            budgets = data.draw(budgets_near_totals(session.lut))
            options: dict[str, Any] = {"minimize": minimize, "budgets": budgets, "scope": scope}
            some = options | {"top": data.draw(st.integers(1, 4)), "min_distance": data.draw(st.integers(1, 2))}
            fresh = outcome(qabwnas.search, session.lut, backend=backend, **some)
            assert outcome(session.search, **some) == fresh
            reasons = outcome(explain, session.lut, backend=backend, **options)
            assert outcome(session.explain, **options) == reasons
            names = data.draw(st.permutations(lut.metric_names))
            built = outcome(qabwnas.Frontier.build, session.lut, names, scope=scope, backend=backend)
            assert outcome(session.front, names, scope=scope) == built
        session = data.draw(changed(session))


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each kernel was called."""
    counted: Counter[str] = Counter()

    def counting(name: str) -> None:
        whole = getattr(Backend, name)

        def kernel(*arguments: Any, **options: Any) -> Any:
            counted[name] += 1
            return whole(*arguments, **options)

        monkeypatch.setattr(Backend, name, kernel)

    for name in ("prune", "front", "top", "to_units"):
        counting(name)
    return counted


def random_lut() -> Lut:
    """Three blocks, two of them of two bit widths; columns of more digits than doubles scale exactly."""
    generator = np.random.default_rng(3)
    blocks = []
    for b in range(3):
        tables = [
            Table({name: generator.random(40) for name in ("loss", "ms", "size")}, widths)
            for widths in map(qabwnas.space.BitWidths.parse, ("4", "8"))
        ]
        blocks.append(LutBlock(f"b{b}", tuple(tables)))
    return Lut((Metric("loss"), Metric("ms"), Metric("size")), tuple(blocks))


def since(calls: Counter[str]) -> dict[str, int]:
    counted = {name: n for name, n in calls.items() if n}
    calls.clear()
    return counted


def test_only_what_depends_on_a_change_is_computed_again(calls: Counter[str]) -> None:
    session = Session(random_lut())
    session.search(budgets={"ms": 1.0})
    assert since(calls) == {"to_units": 9, "prune": 3, "top": 1}  # size is only reported
    session.search(budgets={"ms": 1.5})
    assert since(calls) == {"top": 1}
    session.search(budgets={"ms": 1.5}, top=2)
    assert since(calls) == {"prune": 3, "top": 1}
    session.explain(budgets={"ms": 1.5})
    assert since(calls) == {"top": 3}
    session.search(budgets={"ms": 1.0}, scope=Scope(bits=["8"]))
    assert since(calls) == {"prune": 3, "top": 1}
    session.front(["loss", "ms"])
    assert since(calls) == {"front": 1}
    session.front(["loss", "ms"])
    session.front(["loss", "size"])
    assert since(calls) == {"prune": 3, "front": 1}

    generator = np.random.default_rng(4)
    other = session.with_column("ms", {"b1": generator.random(80)})
    other.search(budgets={"ms": 1.0})
    assert since(calls) == {"to_units": 1, "prune": 1, "top": 1}
    other.front(["loss", "size"])
    assert since(calls) == {}
    session.search(budgets={"ms": 1.1})
    assert since(calls) == {"top": 1}
    tables = [Table({name: generator.random(30) for name in ("loss", "ms", "size")})]
    third = other.with_block("b2", tables)
    third.search(budgets={"ms": 1.0})
    assert since(calls) == {"to_units": 3, "prune": 1, "top": 1}
    third.front(["loss", "size"])
    assert since(calls) == {"prune": 1, "front": 1}


def test_weights_need_their_own_pruning(calls: Counter[str]) -> None:
    session = Session(random_lut())
    session.search(scope=Scope(weights={"b0": 2}))
    since(calls)
    session.search(scope=Scope(weights={"b0": 3}))
    assert since(calls) == {"prune": 3, "top": 1}
    session.search(scope=Scope(bits=["homogeneous"]))
    assert since(calls) == {"prune": 6, "top": 2}


def test_what_cannot_take_a_place() -> None:
    lut = lut_from_columns({"loss": [[1.0, 2.0], [3.0]]})
    session = Session(lut)
    for columns, message in (
        ({"block0": [1.0]}, "metric 'loss', block 'block0': expected 2 finite numbers"),
        ({"block0": [1.0, float("nan")]}, "metric 'loss', block 'block0': expected 2 finite numbers"),
        ({"block0": ["a", "b"]}, "metric 'loss', block 'block0': .* is not an array of numbers"),
        ({"block9": [1.0]}, "block 'block9' is not in the LUT"),
    ):
        with pytest.raises(InputError, match=message):
            session.with_column("loss", columns)
    with pytest.raises(InputError, match="metric 'los' is not in the LUT"):
        session.with_column("los", {})
    with pytest.raises(InputError, match="block0: no candidates"):
        session.with_block("block0", [])
    for tables in (5, "ab", [5], session.lut.blocks[0].tables[0]):
        with pytest.raises(InputError, match="block0: tables: .* is not a"):
            session.with_block("block0", tables)  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"columns: \[1\] is not a mapping of block to values"):
        session.with_column("loss", [1])  # type: ignore[arg-type]
    assert session.with_column("loss", {"block0": [4.0, 1.5]}).search().answers[0].choice == {"block0": 1, "block1": 0}
    assert session.search().answers[0].choice == {"block0": 0, "block1": 0}


def test_a_replaced_column_of_a_stored_lut_leaves_the_others_in_the_file(tmp_path: Path) -> None:
    lut_from_columns({"loss": [[1.0, 2.0]], "ms": [[5.0, 6.0]]}).save(tmp_path / "lut.h5")
    session = Session(Lut.open(tmp_path / "lut.h5"))
    for step in range(1200):  # deeper than Python's stack, were each one to stand before the last
        session = session.with_column("loss", {"block0": [2.0 + step, 1.0]})
    [table] = session.lut.blocks[0].tables
    assert isinstance(table.columns, LazyArrays)
    assert set(in_memory(table.columns)) == {"loss"}
    assert (len(table.columns), sorted(table.columns), table.n_rows) == (2, ["loss", "ms"], 2)
    assert session.lut.blocks[0].column_rows("loss", 1, 2).tolist() == [1.0]
    assert session.search().answers[0].totals == {"loss": 1, "ms": 6}
    assert copy.deepcopy(table).columns["ms"].tolist() == [5.0, 6.0]
    for wrong in ([1.0, np.nan], [1.0], ["a", "b"]):
        with pytest.raises(InputError, match="metric 'loss', block 'block0': "):
            session.with_column("loss", {"block0": wrong})


def test_a_measured_column_fills_a_hole() -> None:
    table = Table({"loss": np.array([1.0, np.nan])}, measured={"loss": np.array([True, False])})
    session = Session(Lut((Metric("loss"),), (LutBlock("only", (table,)),)))
    with pytest.raises(InputError, match="1 of 2 candidates were not measured"):
        session.search()
    assert session.with_column("loss", {"only": [1.0, 0.5]}).search().answers[0].choice == {"only": 1}

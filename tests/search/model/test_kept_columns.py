"""Columns that are kept with a LUT: answers are those of a fresh LUT, and nothing outlives the LUT or is pickled."""

from __future__ import annotations

import copy
import gc
import pickle
import warnings
import weakref
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import qabwnas
from qabwnas.errors import InputError, RoundingWarning
from qabwnas.lut.lut import Lut, LutBlock, Metric, Table
from qabwnas.search.engine.backend import select_backend
from qabwnas.search.model import kept_columns, problem
from qabwnas.search.model.kept_columns import KeptColumns
from qabwnas.search.model.problem import Problem
from tests.search import BACKENDS
from tests.search.test_against_oracle import budgets_near_totals
from tests.strategies import VALUES, lut_from_columns, luts, luts_of_spaces, scopes

IGNORED = pytest.mark.filterwarnings("ignore::qabwnas.errors.RoundingWarning")


def fresh(lut: Lut) -> Lut:
    """The same LUT in a new object, which has no kept columns yet."""
    return Lut(lut.metrics, lut.blocks, lut.space, lut.provenance)


def message_or(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except InputError as error:
        return str(error)


def answered(search: Callable[..., Any], *lut: Lut, **options: Any) -> Any:
    """All of a result but its time, with the digits of every number; or the error."""
    result = message_or(lambda: search(*lut, **options))
    if isinstance(result, str):
        return result
    answers = [(repr(answer), answer.descriptions) for answer in result]
    return repr(replace(result, seconds=0.0)), vars(replace(result, seconds=0.0)), answers


@IGNORED
@pytest.mark.parametrize("backend", BACKENDS)
@settings(max_examples=60, deadline=None)
@given(lut=luts(max_subnets=100) | luts_of_spaces(), data=st.data())
def test_repeated_calls_give_the_first_answer(backend: str, lut: Lut, data: st.DataObject) -> None:
    session = qabwnas.Session(fresh(lut), backend=backend)
    for _ in range(data.draw(st.integers(1, 3))):
        scope = data.draw(st.none() | scopes(lut).map(lambda pair: pair[0])) if lut.space is not None else None
        options: dict[str, Any] = {
            "minimize": data.draw(st.sampled_from(lut.metric_names)),
            "budgets": data.draw(budgets_near_totals(lut)),
            "top": data.draw(st.integers(1, 3)),
            "scope": scope,
        }
        first = answered(qabwnas.search, fresh(lut), backend=backend, **options)
        assert answered(qabwnas.search, lut, backend=backend, **options) == first
        assert answered(qabwnas.search, lut, backend=backend, **options) == first
        assert answered(session.search, **options) == first


@IGNORED
@pytest.mark.parametrize("backend", BACKENDS)
@settings(max_examples=60, deadline=None)
@given(lut=luts(max_subnets=100), data=st.data())
def test_a_replaced_column_has_the_answers_of_its_values(backend: str, lut: Lut, data: st.DataObject) -> None:
    session = qabwnas.Session(lut, backend=backend)
    for _ in range(data.draw(st.integers(1, 4))):
        options = {"minimize": data.draw(st.sampled_from(lut.metric_names))}
        if data.draw(st.booleans()):  # so that some columns are replaced before they are converted
            answered(qabwnas.search, session.lut, backend=backend, **options)
        block = data.draw(st.sampled_from(session.lut.blocks))
        values = VALUES[data.draw(st.sampled_from(sorted(VALUES)))]
        column = data.draw(st.lists(values, min_size=block.n_candidates, max_size=block.n_candidates))
        before, kept = session.lut, answered(qabwnas.search, session.lut, backend=backend, **options)
        session = session.with_column(data.draw(st.sampled_from(lut.metric_names)), {block.name: column})
        expected = answered(qabwnas.search, fresh(session.lut), backend=backend, **options)
        assert answered(qabwnas.search, session.lut, backend=backend, **options) == expected
        assert answered(session.search, **options) == expected
        assert answered(qabwnas.search, before, backend=backend, **options) == kept


@IGNORED
@given(lut=luts())
def test_columns_equal_those_converted_block_by_block(lut: Lut) -> None:
    kernels = select_backend(BACKENDS[0])
    for metric in lut.metrics:
        column = message_or(lambda metric=metric: KeptColumns.of(lut).column(lut, metric, kernels))
        grid = message_or(lambda metric=metric: KeptColumns().grid(lut, metric))
        if isinstance(grid, str):
            assert column == grid
            continue
        assert column.grid == grid
        parts = [grid.units(block.column(metric.name), kernels) for block in lut.blocks]
        assert column.units.tolist() == np.concatenate(parts).tolist()
        assert not column.units.flags.writeable


def large_lut() -> Lut:
    generator = np.random.default_rng(0)
    names = ("loss", "size", "ms", "macs")
    return lut_from_columns({name: [generator.integers(0, 99, 50).tolist() for _ in range(3)] for name in names})


def test_kept_is_at_most_what_the_lut_holds() -> None:
    lut = large_lut()
    n_bytes = sum(column.nbytes for block in lut.blocks for t in block.tables for column in t.columns.values())
    for minimize in lut.metric_names:
        for budgets in ({}, {"size": 100}, {"size": 100, "ms": 90, "macs": 80}, {"loss>=": 5}, {"size+ms": 80}):
            qabwnas.search(lut, minimize=minimize, budgets=budgets)
    columns = KeptColumns.of(lut)._columns
    assert sum(column.units.nbytes for column in columns.values()) <= n_bytes
    assert problem._LAST[lut].values.nbytes <= n_bytes


def test_copies_and_pickled_luts_keep_nothing() -> None:
    lut = large_lut()
    n_bytes = len(pickle.dumps(lut))
    qabwnas.search(lut, budgets={"size": 100})
    assert len(pickle.dumps(lut)) == n_bytes
    for other in (pickle.loads(pickle.dumps(lut)), copy.deepcopy(lut), replace(lut)):
        assert other not in kept_columns._KEPT
        assert other not in problem._LAST


def test_nothing_outlives_the_lut() -> None:
    lut = large_lut()
    qabwnas.search(lut, budgets={"size": 100})
    kept, last, alive = weakref.ref(KeptColumns.of(lut)), weakref.ref(problem._LAST[lut]), weakref.ref(lut)
    del lut
    gc.collect()
    assert (alive(), kept(), last()) == (None, None, None)


def test_every_call_says_what_is_rounded() -> None:
    lut = lut_from_columns({"loss": [[1e15, 2e-9], [0.0, 0.0]], "ms": [[1.0, 2.0], [3.0, 4.0]]})
    for _ in range(2):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            qabwnas.search(lut, minimize="ms")  # the loss is only reported
        with pytest.warns(RoundingWarning, match="metric 'loss'"):
            qabwnas.search(lut)


def test_the_last_problem_is_used_again_unless_something_differs() -> None:
    lut, kernels = large_lut(), select_backend(BACKENDS[0])
    first = Problem.of(lut, ["loss", "size"], kernels)
    assert Problem.of(lut, ["loss", "size"], kernels) is first
    assert Problem.of(lut, ["size", "loss"], kernels).metric_names == ("size", "loss")
    assert Problem.of(lut, ["loss"], kernels).values.shape == (1, 150)
    scoped = Problem.of(lut, ["loss"], kernels, qabwnas.Scope(forbid=["block0=#0"]))
    assert scoped.values.shape == (1, 149)
    assert Problem.of(lut, ["loss"], kernels).values.shape == (1, 150)


def test_a_metric_that_is_weighted_and_has_a_budget_is_read_twice() -> None:
    """The first call compares one new column in two places."""
    for _ in range(5):
        lut = lut_from_columns({"loss": [[3.0, 2.5], [1.0, 7.5]]})
        options: dict[str, Any] = {"scope": qabwnas.Scope(weights={"block0": 2}), "budgets": {"loss": 4}}
        for _ in range(2):
            assert [answer.totals for answer in qabwnas.search(lut, top=9, **options)] == [{"loss": 3.5}, {"loss": 4}]


def test_a_metric_with_holes_is_refused_each_time() -> None:
    table = Table({"loss": [1.0, 2.0], "ms": [1.0, np.nan]}, measured={"ms": np.array([True, False])})
    lut = Lut((Metric("loss"), Metric("ms")), (LutBlock("b", (table,)),))
    for _ in range(2):
        assert qabwnas.search(lut).answers[0].totals == {"loss": 1, "ms": 1}
        assert qabwnas.search(lut, top=2).answers[1].totals == {"loss": 2}
        with pytest.raises(InputError, match="1 of 2 candidates were not measured"):
            qabwnas.search(lut, budgets={"ms": 5})


def test_a_column_that_another_thread_has_just_kept_leaves_no_row_unwritten(monkeypatch: pytest.MonkeyPatch) -> None:
    lut = lut_from_columns({"loss": [[1.0, 2.0]], "size": [[3.0, 4.0]]})
    kept, (loss, size), kernels = KeptColumns.of(lut), lut.metrics, select_backend()
    compared = KeptColumns._compared

    def interrupted(*arguments: Any) -> Any:
        kept.column(lut, size, kernels)  # as by the other thread
        return compared(*arguments)

    monkeypatch.setattr(KeptColumns, "_compared", interrupted)
    columns, values = kept.compared(lut, [loss, size], kernels)
    assert values is None
    assert [column.units.tolist() for column in columns] == [[1, 2], [3, 4]]

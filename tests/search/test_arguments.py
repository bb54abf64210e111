"""Every public way to search refuses what it does not know, and takes numbers of numpy as it takes Python's."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

import qabwnas
from qabwnas.errors import InputError
from qabwnas.search.batch.batch import answer_batch
from qabwnas.search.constraints.scope import Scope
from qabwnas.search.engine.backend import select_backend
from qabwnas.search.explain import explain
from qabwnas.search.model.problem import Problem
from tests.search import BACKENDS
from tests.strategies import lut_from_columns

LUT = lut_from_columns(
    {"loss": [[0.5, 0.25], [0.5, 0.125]], "size_bytes": [[10.0, 20.0], [10.0, 40.0]], "ms": [[0.1, 0.2], [0.1, 0.4]]}
)
SESSION = qabwnas.Session(LUT)
FRONT = qabwnas.Frontier.build(LUT, ["loss", "size_bytes"])


def build(**options: Any) -> qabwnas.Frontier:
    return qabwnas.Frontier.build(LUT, ["loss", "size_bytes"], **options)


def search(**options: Any) -> qabwnas.SearchResult:
    return qabwnas.search(LUT, **options)


PUBLIC = [
    qabwnas.search,
    explain,
    answer_batch,
    qabwnas.Session,
    SESSION.search,
    SESSION.explain,
    SESSION.front,
    SESSION.with_block,
    SESSION.with_column,
    qabwnas.Frontier.build,
    FRONT.query,
    FRONT.values,
    FRONT.save,
    Scope,
    qabwnas.Lut,
    qabwnas.Lut.open,
    qabwnas.Lut.from_csv,
    qabwnas.Lut.from_dataframe,
    qabwnas.Lut.from_arrays,
    qabwnas.LutBlock,
    qabwnas.Table,
    qabwnas.Metric,
]


@pytest.mark.parametrize("call", PUBLIC, ids=lambda call: call.__qualname__)
def test_no_public_call_takes_options_that_it_does_not_name(call: Callable[..., Any]) -> None:
    kinds = [parameter.kind for parameter in inspect.signature(call).parameters.values()]
    assert inspect.Parameter.VAR_KEYWORD not in kinds
    assert inspect.Parameter.VAR_POSITIONAL not in kinds


@pytest.mark.parametrize("option", ["budget", "minimise", "objective", "limit"])
@pytest.mark.parametrize("call", [search, SESSION.search, SESSION.explain, build], ids=lambda call: call.__qualname__)
def test_a_misspelt_option_is_named(call: Callable[..., Any], option: str) -> None:
    with pytest.raises(TypeError, match=f"unexpected keyword argument '{option}'"):
        call(**{option: {"size_bytes": 30}})


@pytest.mark.parametrize("call", [search, SESSION.search, SESSION.explain], ids=lambda call: call.__qualname__)
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"budgets": [60]}, r"budgets: \[60\] is not a mapping of metric to number"),
        ({"budgets": "size_bytes=60"}, "budgets: 'size_bytes=60' is not a mapping"),
        ({"budgets": {"size": 60}}, "metric 'size' is not in the LUT, which has loss, size_bytes, ms"),
        ({"budgets": {"size_bytes": "1.5ms"}}, "budget 'size_bytes': '1.5ms': the unit 'ms' is not one of B, bytes"),
        ({"budgets": {"size_bytes": True}}, "budget 'size_bytes': True is not a number"),
        ({"budgets": {"size_bytes": [60]}}, r"budget 'size_bytes': \[60\] is not a number"),
        ({"budgets": {"size_bytes": float("nan")}}, "budget 'size_bytes': nan is not a finite number"),
        ({"minimize": ["loss", "ms"]}, r"minimize: \['loss', 'ms'\] is not the name of one metric"),
        ({"minimize": "accuracy"}, "metric 'accuracy' is not in the LUT"),
        ({"scope": {"bits": [8]}}, r"scope: \{'bits': \[8\]\} is not a Scope"),
        ({"scope": Scope(weights={"block9": 2})}, "block 'block9' is not in the LUT"),
    ],
)
def test_wrong_questions_are_refused(call: Callable[..., Any], options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=f"^{message}"):
        call(**options)


@pytest.mark.parametrize("call", [search, SESSION.search], ids=lambda call: call.__qualname__)
@pytest.mark.parametrize("name", ["top", "min_distance", "node_limit"])
@pytest.mark.parametrize("wrong", ["5", 2.5, 2.0, True, np.bool_(True), 0, -1, [1]])
def test_wrong_counts_are_refused(call: Callable[..., Any], name: str, wrong: Any) -> None:
    with pytest.raises(InputError, match=f"^{name}: .* is not a whole number of 1 or more$"):
        call(**{name: wrong})


@pytest.mark.parametrize("call", [search, SESSION.search], ids=lambda call: call.__qualname__)
@pytest.mark.parametrize("method", ["dirct", None, ["auto"]])
def test_wrong_methods_are_refused(call: Callable[..., Any], method: Any) -> None:
    with pytest.raises(InputError, match="^method: .* is not one of auto, front, direct$"):
        call(method=method)


@pytest.mark.parametrize("wrong", [5, None, LUT.blocks])
def test_what_is_no_lut_is_refused(wrong: Any) -> None:
    for call in (
        qabwnas.search,
        explain,
        qabwnas.Session,
        lambda lut: qabwnas.Frontier.build(lut, ["loss"]),
        lambda lut: Problem.of(lut, ["loss"], select_backend()),
    ):
        with pytest.raises(InputError, match=r"^lut: .* is not a Lut; Lut.open and Lut.from_csv read one$"):
            call(wrong)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"within": [60]}, r"within: \[60\] is not a mapping of metric to \(least, largest\)"),
        ({"within": {"size_bytes": 60}}, r"within 'size_bytes': 60 is not a pair \(least, largest\)"),
        ({"within": {"size_bytes": "60"}}, "within 'size_bytes': '60' is not a pair"),
        ({"within": {"size_bytes": (1, 2, 3)}}, "within 'size_bytes': .* is not a pair"),
        ({"within": {"size_bytes": (None, True)}}, "within 'size_bytes': True is not a number"),
        ({"within": {"size": (None, 60)}}, "within: 'size' is not one of the front's metrics"),
        ({"epsilon": "a lot"}, "epsilon: 'a lot' is not a number"),
        ({"epsilon": False}, "epsilon: False is not a number"),
        ({"max_memory": 1e9}, "max_memory: 1000000000.0 is not a whole number"),
        ({"scope": ["8"]}, r"scope: \['8'\] is not a Scope"),
    ],
)
def test_wrong_fronts_are_refused(options: dict[str, Any], message: str) -> None:
    for call in (build, lambda **options: SESSION.front(["loss", "size_bytes"], **options)):
        with pytest.raises(InputError, match=f"^{message}"):
            call(**options)


@pytest.mark.parametrize("wrong", ["loss", None, [], {"loss", "ms"}, [["loss"]], 5, np.array([["loss"]])])
def test_a_front_is_over_a_list_of_metrics(wrong: Any) -> None:
    for call in (lambda names: qabwnas.Frontier.build(LUT, names), SESSION.front):
        with pytest.raises(InputError, match="^minimize: .* is not a list of metrics$"):
            call(wrong)


def test_a_front_takes_names_from_an_array() -> None:
    front = qabwnas.Frontier.build(LUT, np.array(["loss", "ms"]))  # type: ignore[arg-type]
    assert front.metric_names == ("loss", "ms")


NUMBERS = [60, 60.0, "60", Decimal(60), np.int64(60), np.int32(60), np.uint8(60), np.float32(60), np.float64(60)]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("number", [*NUMBERS, np.array(60), np.array([60])[0]])
def test_budgets_are_numbers_of_any_kind(number: Any, backend: str) -> None:
    """The best loss with 60 bytes is 0.375, and with a byte less 0.625."""
    budgets = {"size_bytes": number}
    session = qabwnas.Session(LUT, backend=backend)
    for result in (search(budgets=budgets, backend=backend), session.search(budgets=budgets)):
        assert result.answers[0].objective == Decimal("0.375")
    assert session.explain(budgets=budgets).effects[0].budget == 60
    front = build(within={"size_bytes": (None, number)}, backend=backend)
    assert front.totals(0)["size_bytes"] == 60


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("two", [np.int64(2), np.int32(2), np.uint8(2), np.array(2)])
def test_counts_are_whole_numbers_of_any_kind(two: Any, backend: str) -> None:
    found = search(top=two, backend=backend).answers
    assert found == search(top=2, backend=backend).answers
    assert len(found) == 2
    assert search(top=two, min_distance=two, backend=backend).answers == search(top=2, min_distance=2).answers
    assert search(node_limit=np.int64(10**6), time_limit=np.float32(60), backend=backend).status == "optimal"
    assert build(max_memory=np.int64(10**9), epsilon=np.float32(0), backend=backend).units.tolist() == (
        FRONT.units.tolist()
    )
    assert FRONT.query({"size_bytes": 60}, threads=two, backend=backend).tolist() == [0]


@pytest.mark.parametrize("backend", BACKENDS)
def test_counts_may_be_larger_than_kernels_count(backend: str) -> None:
    assert len(search(top=2**70, node_limit=2**70, backend=backend).answers) == 4
    assert len(search(top=4, min_distance=2**70, backend=backend).answers) == 1
    assert len(build(max_memory=2**70, backend=backend)) == len(FRONT)


def test_a_float32_budget_is_the_decimal_that_it_prints() -> None:
    """0.3 in float32 is 0.30000001192…, which must not admit more than 0.3 does, nor less."""
    for tenths in range(2, 9):
        single = np.float32(tenths / 10)
        exact = {"ms": Decimal(tenths) / 10}
        assert search(budgets={"ms": single}).answers == search(budgets=exact).answers
        front = qabwnas.Frontier.build(LUT, ["loss", "ms"])
        assert front.query({"ms": np.array([single])}).tolist() == front.query({"ms": tenths / 10}).tolist()


def test_weights_are_numbers_of_any_kind() -> None:
    exact = search(scope=Scope({"block0": "0.1"})).answers
    for weight in (0.1, np.float32(0.1), np.float64(0.1), Decimal("0.1"), np.array(0.1)):
        assert search(scope=Scope({"block0": weight})).answers == exact
    assert search(scope=Scope({"block0": np.int64(2)})).answers == search(scope=Scope({"block0": 2})).answers
    with pytest.raises(InputError, match=r"bits: \{'block0': 8\} is not a list"):
        Scope(bits={"block0": 8})  # type: ignore[arg-type]


@pytest.mark.parametrize("backend", BACKENDS)
def test_queries_take_arrays_of_any_numbers(backend: str) -> None:
    right = FRONT.query({"size_bytes": [5.0, 30.0, 60.0, 1e30]}).tolist()
    assert right == [-1, 2, 0, 0]
    for budgets in (
        [5, 30, 60, 2**62],
        np.array([5, 30, 60, 90], dtype=np.uint8),
        np.array([5, 30, 60, 90], dtype=np.float16),
        [Decimal(5), Decimal(30), np.int64(60), float("nan")],
        [Decimal(5), 30, 60, Decimal("Infinity")],
        [Decimal("-Infinity"), 30, 60, Decimal("sNaN")],
    ):
        assert FRONT.query({"size_bytes": budgets}, backend=backend).tolist() == right


@pytest.mark.parametrize("backend", BACKENDS)
def test_whole_budgets_above_two_to_the_53_are_exact(backend: str) -> None:
    large = 2**53 + 4  # a double; one less is none, and would be rounded up to it
    lut = lut_from_columns({"loss": [[1.0, 2.0]], "macs": [[float(large), 1.0]]})
    front = qabwnas.Frontier.build(lut, ["loss", "macs"], backend=backend)
    assert front.query({"macs": [large - 1, large, large + 1]}, backend=backend).tolist() == [1, 0, 0]
    assert front.query({"macs": np.uint64(large - 1)}, backend=backend).tolist() == [1]


@pytest.mark.parametrize(
    ("budgets", "message"),
    [
        ([60], r"budgets: \[60\] is not a mapping of metric to numbers"),
        ({}, "budgets: none are given"),
        ({"size": 60}, "metric 'size' is not in the front"),
        ({"size_bytes": "sixty"}, "budget 'size_bytes': 'sixty' is not a number"),
        ({"size_bytes": "60:70"}, "budget 'size_bytes': '60:70' is a range; give one bound"),
        ({"size_bytes": ["60"]}, r"budget 'size_bytes': \['60'\] is not an array of numbers"),
        ({"size_bytes": True}, "budget 'size_bytes': True is not an array of numbers"),
        ({"size_bytes": [60, None]}, "budget 'size_bytes': None is not a number"),
        ({"size_bytes": [[1], [2, 3]]}, "budget 'size_bytes': .* is not an array of numbers"),
        ({"size_bytes": [1, 2], "loss": [1, 2, 3]}, "budgets: shape mismatch"),
    ],
)
def test_wrong_queries_are_refused(budgets: Any, message: str) -> None:
    with pytest.raises(InputError, match=f"^{message}"):
        FRONT.query(budgets)

"""What a search accepts, refuses and reports besides its answers."""

from __future__ import annotations

import os
import signal
from decimal import Decimal

import numpy as np
import pytest

import qabwnas
from qabwnas.errors import InputError
from qabwnas.lut.lut import Lut, LutBlock, Metric, Table
from qabwnas.search.engine.backend import core_is_built, select_backend
from tests.processes import PATIENCE, python, wait_for_work
from tests.search import BACKENDS
from tests.strategies import lut_from_columns


def with_hole() -> Lut:
    columns = {"loss": np.array([3.0, 2.0, 1.0]), "ms": np.array([1.0, np.nan, 3.0])}
    table = Table(columns, measured={"ms": np.array([True, False, True])})
    return Lut((Metric("loss"), Metric("ms")), (LutBlock("only", (table,)),))


def test_metrics_that_are_not_searched_are_reported() -> None:
    lut = lut_from_columns({"loss": [[2.0, 1.0]], "size": [[1.0, 2.0]], "peak": [[0.5, 0.25]]})
    (answer,) = qabwnas.search(lut, budgets={"size": 1}).answers
    assert answer.totals == {"loss": 2, "size": 1, "peak": Decimal("0.5")}


def test_a_search_that_needs_a_row_that_was_not_measured_says_so() -> None:
    with pytest.raises(InputError, match="'ms', block 'only': 1 of 3 candidates were not measured, the first .* 1"):
        qabwnas.search(with_hole(), budgets={"ms": 2})
    (answer,) = qabwnas.search(with_hole()).answers
    assert answer.totals == {"loss": 1, "ms": 3}
    best, second, _ = qabwnas.search(with_hole(), top=3).answers
    assert "ms" not in second.totals
    assert "ms" in best.totals


def test_the_default_objective() -> None:
    assert qabwnas.search(lut_from_columns({"nsr": [[1.0, 0.5]]})).answers[0].totals == {"nsr": Decimal("0.5")}
    with pytest.raises(InputError, match="neither 'loss' nor 'nsr' among size: name what to minimize"):
        qabwnas.search(lut_from_columns({"size": [[1.0]]}))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"minimize": "los"}, "metric 'los' is not in the LUT, which has loss, size"),
        ({"budgets": {"sice": 1}}, "metric 'sice' is not in the LUT"),
        ({"budgets": {"size": "many"}}, "budget 'size': 'many' is not a number"),
        ({"budgets": {"size": float("nan")}}, "budget 'size': nan is not a finite number"),
        ({"top": 0}, "top: 0 is not a whole number of 1 or more"),
        ({"top": 1.5}, "top: 1.5 is not a whole number"),
        ({"backend": "gpu"}, "backend: 'gpu' is not one of auto, cpp, numba"),
    ],
)
def test_wrong_calls_are_refused_in_one_line(arguments: dict[str, object], message: str) -> None:
    lut = lut_from_columns({"loss": [[2.0, 1.0]], "size": [[1.0, 2.0]]})
    with pytest.raises(InputError, match=message):
        qabwnas.search(lut, **arguments)  # type: ignore[arg-type]


def test_the_smallest_budgets_of_an_infeasible_search() -> None:
    lut = lut_from_columns({"loss": [[0.0, 0.0]], "a": [[1.0, 3.0]], "b": [[3.0, 1.0]]})
    assert qabwnas.search(lut, budgets={"a": 2, "b": 2}).smallest == {"a": 3, "b": 3}
    assert qabwnas.search(lut, budgets={"a": 0, "b": 9}).smallest == {"a": 1, "b": None}


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_row_that_the_other_budget_leaves_no_room_for(backend: str) -> None:
    """Dropping rows for one budget can leave a row of another block with far more than the slack of the other."""
    columns = {
        "loss": [[0.0, 0.25], [0.0, 1.0]],
        "a": [[0.0, 1e15], [0.0, 1.0]],
        "b": [[0.0, 0.0], [1.0, 0.0]],
    }
    lut = lut_from_columns(columns)
    result = qabwnas.search(lut, budgets={"a": 10**15, "b": 0}, top=3, backend=backend)
    assert [list(answer.choice.values()) for answer in result.answers] == [[0, 1]]


def test_the_compiled_core_was_built() -> None:
    """The one leg that may not skip it: a build that silently lost the core must not pass."""
    if os.environ.get("QABWNAS_BUILD") == "skip":
        pytest.skip("QABWNAS_BUILD=skip: the compiled core was left out on purpose")
    assert core_is_built()
    assert select_backend().name == os.environ.get("QABWNAS_BACKEND", "cpp").replace("auto", "cpp")


LONG_SEARCH = """
import numpy as np
import qabwnas
from qabwnas.lut.lut import Lut, LutBlock, Metric, Table
generator = np.random.default_rng(0)
names = [f"m{i}" for i in range(12)]
blocks = tuple(
    LutBlock(f"b{b}", (Table({n: generator.integers(0, 10**9, 30).astype(float) for n in names}),))
    for b in range(30)
)
lut = Lut(tuple(map(Metric, names)), blocks)
budgets = {n: 1.35e10 for n in names[1:]}
qabwnas.search(lut, minimize="m0", budgets=budgets, node_limit=100, backend=BACKEND)  # compiles
print("searching", flush=True)
qabwnas.search(lut, minimize="m0", budgets=budgets, backend=BACKEND)
print("finished", flush=True)
"""


@pytest.mark.parametrize("backend", BACKENDS)
def test_ctrl_c_ends_a_search_that_would_take_for_ever(backend: str) -> None:
    """How soon it ends is measured by benchmarks/bench_interrupts.py."""
    code = LONG_SEARCH.replace("BACKEND", repr(backend))
    with python(code) as search:
        assert search.stdout is not None
        assert search.stdout.readline() == "searching\n"
        wait_for_work(search)
        search.send_signal(signal.SIGINT)
        out, err = search.communicate(timeout=PATIENCE)
    assert out == ""
    assert err.strip().endswith("KeyboardInterrupt")

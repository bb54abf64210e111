"""A page on a LUT answers as ``qabwnas.search`` and ``qabwnas search`` do to what the page writes down."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

import qabwnas
from qabwnas.cli.exact_json import dumps
from qabwnas.cli.main import main
from qabwnas.cli.result_json import result_content
from qabwnas.errors import InputError
from qabwnas.explore.explored_lut import ExploredLut
from qabwnas.explore.sessions import MAX_PAGES, PageSessions
from qabwnas.explore.state import PageState, Range
from qabwnas.lut.lut import Lut, Metric
from tests.explore.states import states
from tests.strategies import lut_from_columns, luts_of_spaces, scopes


def limits_of(explored: ExploredLut) -> dict[str, tuple[Decimal, Decimal]]:
    return {metric.name: explored.limits(metric.name) for metric in explored.metrics}


def expected(lut: Lut, state: PageState) -> qabwnas.SearchResult:
    """The answer of the library, called as a user would, with budgets as texts."""
    return qabwnas.search(
        lut,
        **{state.sense: state.objective},
        budgets=state.budget_texts(),
        top=state.top,
        min_distance=state.min_distance,
        scope=qabwnas.Scope(
            weights={block: weight for block, weight in state.weights.items() if weight},
            bits=state.bits,
            pin=state.pin,
            forbid=state.forbid,
        ),
    )


@given(st.data())
@settings(max_examples=150)
def test_a_page_answers_as_a_search_does(data: st.DataObject) -> None:
    lut = data.draw(luts_of_spaces())
    scope, _ = data.draw(scopes(lut))
    explored = ExploredLut(lut, "lut.h5")
    state = data.draw(states(lut, limits_of(explored), scope))
    try:
        wanted = expected(lut, state)
    except InputError as error:
        with pytest.raises(InputError, match=f"^{re.escape(str(error))}$"):
            explored.answer(state, "page")
        return
    outcome = explored.answer(state, "page")
    found = outcome.result
    assert (found.status, found.minimized, found.answers) == (wanted.status, wanted.minimized, wanted.answers)
    assert (found.smallest, found.largest, found.bound) == (wanted.smallest, wanted.largest, wanted.bound)
    if outcome.explanation is not None:
        options = {state.sense: state.objective, "budgets": state.budgets(), "scope": state.scope()}
        assert outcome.explanation == qabwnas.explain(lut, **options)


@given(st.data())
@settings(max_examples=60)
def test_the_ends_of_a_slider_enclose_all_totals(data: st.DataObject) -> None:
    lut = data.draw(luts_of_spaces())
    explored = ExploredLut(lut, "lut.h5")
    for metric in lut.metrics:
        smallest, largest = explored.limits(metric.name)
        (least,) = qabwnas.search(lut, minimize=metric.name)
        assert smallest == least.totals[metric.name]
        assert largest >= smallest
        assert qabwnas.search(lut, minimize=metric.name, budgets={f"{metric.name}>=": largest}).status == "optimal"


STATES = [
    PageState("loss"),
    PageState("loss", ranges={"size_bytes": Range("", "1.6 kB"), "latency_ms": Range("0.2", "0.5 ms")}, top=2),
    PageState("size_bytes", "maximize", weights={"block0": "0.5"}, forbid=("block0=#1",)),
    PageState("latency_ms", ranges={"loss": Range("", "0.45")}, min_distance=2, top=3, pin=("block1=#0",)),
    PageState("loss", ranges={"size_bytes": Range("", "1 kB")}),  # nothing fits
]


@pytest.fixture
def explored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ExploredLut:
    monkeypatch.chdir(tmp_path)
    columns = {
        "loss": [[0.5, 0.25, 0.1], [0.3, 0.2]],
        "size_bytes": [[100.0, 200.0, 400.0], [1000.0, 1500.0]],
        "latency_ms": [[0.1, 0.2, 0.4], [0.2, 0.1]],
    }
    metrics = [Metric("loss"), Metric("size_bytes", "bytes", fixed=50.0), Metric("latency_ms", "ms")]
    name = "a table's $HOME.h5"  # a name that a shell would change
    lut_from_columns(columns, metrics).save(name)
    return ExploredLut(Lut.open(name), name)


@pytest.mark.parametrize("state", STATES)
def test_the_command_gives_the_same_answer(explored: ExploredLut, state: PageState) -> None:
    outcome = explored.answer(state, "page")
    program, *arguments = shlex.split(explored.command(state))
    assert program == "qabwnas"
    done = CliRunner().invoke(main, [*arguments, "--json"])
    printed = json.loads(done.stdout, parse_float=Decimal)
    ours = json.loads(dumps(result_content(outcome.result, outcome.budgets, None, ())), parse_float=Decimal)
    assert done.exit_code == (3 if outcome.result.status == "infeasible" else 0)
    assert printed | {"seconds": 0} == ours | {"seconds": 0}


@pytest.mark.parametrize("state", STATES)
def test_the_python_lines_give_the_same_answer(explored: ExploredLut, state: PageState) -> None:
    result = explored.answer(state, "page").result
    lines = explored.python(state)
    assert len(lines.splitlines()) <= 14
    done = subprocess.run([sys.executable, "-c", lines], capture_output=True, text=True, check=True)
    wanted = [result.status, *(f"{answer.totals} {answer.choice}" for answer in result)]
    assert done.stdout.splitlines() == wanted


def test_two_pages_have_two_sessions_within_a_bound(explored: ExploredLut) -> None:
    sessions = PageSessions(explored.lut)
    with sessions.of("one") as one, sessions.of("two") as two:
        assert one is not two
    with sessions.of("one") as again:
        assert again is one
    for page in range(3 * MAX_PAGES):
        with sessions.of(str(page)):
            pass
    assert len(sessions) == MAX_PAGES
    with sessions.of("one") as later:
        assert later is not one


def test_a_lower_bound_on_a_maximum_is_answered_without_an_explanation() -> None:
    lut = lut_from_columns(
        {"loss": [[1.0, 2.0]], "peak": [[5.0, 7.0]]}, [Metric("loss"), Metric("peak", aggregation="max")]
    )
    outcome = ExploredLut(lut, "lut.h5").answer(PageState("loss", ranges={"peak": Range("6", "")}), "page")
    assert outcome.result[0].choice == {"block0": 1}
    assert outcome.explanation is None
    assert "maximum" in outcome.remark


def test_a_front_beyond_memory_is_thinned(monkeypatch: pytest.MonkeyPatch) -> None:
    values = [float(2**i) for i in range(8)]
    lut = lut_from_columns({"loss": [values] * 6, "size": [values[::-1]] * 6})
    explored = ExploredLut(lut, "lut.h5")
    whole = explored.front(PageState("loss"), ["size"])
    assert whole.region.epsilon == 0
    assert explored.front(PageState("loss"), ["size"]) is whole
    monkeypatch.setattr("qabwnas.explore.explored_lut.FRONT_BYTES", 1)
    with pytest.raises(InputError, match="takes more than 1 bytes"):
        explored.front(PageState("loss", forbid=("block0=#0",)), ["size"])

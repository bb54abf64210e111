"""A page on a front answers as its queries do, and explains as a search of the LUT does."""

from __future__ import annotations

import csv
import io
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import qabwnas
from qabwnas.errors import InputError
from qabwnas.explore.explored_front import ExploredFront
from qabwnas.explore.state import PageState, Range
from qabwnas.lut.lut import Metric
from tests.explore.states import ranges
from tests.strategies import lut_from_columns, luts


@given(st.data())
@settings(max_examples=150)
def test_a_page_on_a_front_answers_as_one_on_its_lut(data: st.DataObject) -> None:
    lut = data.draw(luts(min_metrics=2, max_metrics=3, max_subnets=100))
    front = qabwnas.Frontier.build(lut, lut.metric_names)
    explored = ExploredFront(front, "front.h5")
    limits = {name: explored.limits(name) for name in front.metric_names}
    objective = data.draw(st.sampled_from(front.metric_names))
    state = PageState(objective, ranges=data.draw(ranges(lut, limits, with_low=False)))
    outcome = explored.answer(state, "page")
    wanted = qabwnas.search(lut, minimize=objective, budgets=state.budgets())
    assert outcome.result.status == wanted.status
    assert outcome.result.smallest == wanted.smallest
    assert [answer.objective for answer in outcome.result] == [answer.objective for answer in wanted]
    if outcome.explanation is not None:
        assert [
            (effect.metric, effect.next_budget, effect.growth, effect.next_objective, effect.gain)
            for effect in outcome.explanation.effects
        ] == [
            (effect.metric, effect.next_budget, effect.growth, effect.next_objective, effect.gain)
            for effect in qabwnas.explain(lut, minimize=objective, budgets=state.budgets()).effects
        ]
    budgets = state.budgets()
    point = front.with_objective(objective).query(budgets).item() if budgets else 0
    answers = () if point < 0 else (front.with_objective(objective)[point],)
    assert outcome.result.answers == answers


@pytest.fixture
def explored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ExploredFront:
    monkeypatch.chdir(tmp_path)
    columns = {"loss": [[0.5, 0.25, 0.1], [0.3, 0.2]], "size_bytes": [[100.0, 200.0, 400.0], [1000.0, 1500.0]]}
    lut = lut_from_columns(columns, [Metric("loss"), Metric("size_bytes", "bytes")])
    qabwnas.Frontier.build(lut, ["loss", "size_bytes"]).save("a front.h5")
    return ExploredFront(qabwnas.Frontier.open("a front.h5"), "a front.h5")


STATES = [
    PageState("loss"),
    PageState("loss", ranges={"size_bytes": Range("", "1.3 kB")}),
    PageState("size_bytes", ranges={"loss": Range("", "0.45"), "size_bytes": Range("", "2kB")}),
    PageState("loss", ranges={"size_bytes": Range("", "1 kB")}),  # nothing fits
]


@pytest.mark.parametrize("state", STATES)
def test_command_and_python_give_the_same_answer(explored: ExploredFront, state: PageState, tmp_path: Path) -> None:
    answers = explored.answer(state, "page").result.answers
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    program = bin_folder / "qabwnas"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m qabwnas "$@"\n')
    program.chmod(0o755)
    environment = os.environ | {"PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        ["sh", "-c", explored.command(state)], capture_output=True, text=True, check=True, env=environment
    )
    (row,) = csv.DictReader(io.StringIO(done.stdout))
    assert row["status"] == ("optimal" if answers else "infeasible")
    lines = subprocess.run([sys.executable, "-c", explored.python(state)], capture_output=True, text=True, check=True)
    if not answers:
        assert lines.stdout == "nothing fits\n"
        return
    assert {name: Decimal(row[name]) for name in answers[0].totals} == answers[0].totals
    assert {block: int(row[block]) for block in answers[0].choice} == answers[0].choice
    assert lines.stdout == f"{answers[0].totals} {answers[0].choice}\n"


def test_a_lower_bound_is_refused(explored: ExploredFront) -> None:
    with pytest.raises(InputError, match="a front answers upper bounds only"):
        explored.answer(PageState("loss", ranges={"size_bytes": Range("1", "")}), "page")


def test_maximising_is_refused(explored: ExploredFront) -> None:
    with pytest.raises(InputError, match="explore its LUT to maximize"):
        explored.answer(PageState("loss", sense="maximize"), "page")

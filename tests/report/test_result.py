"""Results read back from their JSON, and nothing else does."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from qabwnas.errors import FormatError
from qabwnas.report.result import VERSION, Result, Results
from tests.report.test_table import FOUND, NONE, POINT, TEACHER

RESULTS = Results("digits", "accuracy", 800, 7, [TEACHER, FOUND, FOUND, POINT, NONE])


def test_results_read_back() -> None:
    content = json.loads(json.dumps(RESULTS.to_json()))
    assert content["version"] == VERSION
    assert Results.from_json(content, "r") == RESULTS


def test_totals_read_back_and_are_columns() -> None:
    rows = [TEACHER, replace(FOUND, totals={"latency_ms[b]": 1.5, "latency_ms[a]": 2.5}), NONE]
    results = Results("digits", "accuracy", 800, 7, rows)
    assert results.columns == ["latency_ms[b]", "latency_ms[a]"]
    assert Results.from_json(json.loads(json.dumps(results.to_json())), "r") == results


@pytest.mark.parametrize("version", [2, 3, 4])
def test_results_of_older_versions_are_read(version: int) -> None:
    content = json.loads(json.dumps(RESULTS.to_json()))
    for row in content["rows"]:
        row.pop("differences", None)
        if version < 4:
            row.pop("totals", None)
        if version == 2 and "scores_qat" in row:
            row["scores_tuned"] = row.pop("scores_qat")
    assert Results.from_json(content | {"version": version}, "r") == RESULTS


def test_the_results_of_an_old_run_are_read() -> None:
    path = Path(__file__).parents[1] / "archives" / "run-v1" / "cached" / "results.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    results = Results.from_json(content, "r")
    assert content["version"] == 2
    assert len(results.networks) == sum("blocks" in row for row in content["rows"]) > 0


def test_the_final_scores_are_those_that_would_be_deployed() -> None:
    assert isinstance(POINT, Result)
    assert (TEACHER.final_scores, FOUND.final_scores, POINT.final_scores) == ([0.985], [0.975] * 2, [0.95, 0.96])
    assert POINT.final_score == pytest.approx(0.955)
    assert POINT.nsr == pytest.approx(1.1)


def test_found_networks_count_once() -> None:
    assert RESULTS.found == [FOUND, POINT]
    assert RESULTS.networks == [TEACHER, FOUND, FOUND, POINT]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([], "r.json: results of version None; this reads versions 2 to 5"),
        ({"version": 1}, "r.json: results of version 1; this reads versions 2 to 5"),
        ({"version": 2}, "r.json: not the results of a run: 'rows'"),
        ({"version": 2, "rows": [{"blocks": []}]}, "r.json: not the results of a run: .*missing"),
    ],
)
def test_other_content_is_refused(content: Any, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        Results.from_json(content, "r.json")

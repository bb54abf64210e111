"""Results read back from their JSON, and nothing else does."""

import json
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


def test_results_of_version_2_are_read() -> None:
    content = json.loads(json.dumps(RESULTS.to_json()))
    for row in content["rows"]:
        if "scores_qat" in row:
            row["scores_tuned"] = row.pop("scores_qat")
    assert Results.from_json(content | {"version": 2}, "r") == RESULTS


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
        ([], "r.json: results of version None; this reads versions 2 to 4"),
        ({"version": 1}, "r.json: results of version 1; this reads versions 2 to 4"),
        ({"version": 2}, "r.json: not the results of a run: 'rows'"),
        ({"version": 2, "rows": [{"blocks": []}]}, "r.json: not the results of a run: .*missing"),
    ],
)
def test_other_content_is_refused(content: Any, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        Results.from_json(content, "r.json")

"""``front`` and ``batch``: whole outputs and files, exit codes, and errors in one line."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import h5py
import pytest

import qabwnas
from tests.cli import BACKEND, run

pytestmark = pytest.mark.usefixtures("folder")


def test_front_as_file_and_text() -> None:
    result = run("front", "lut.h5", "--minimize", "loss,size_bytes", "-o", "front.h5", "--csv", "front.csv")
    assert result.exit_code == 0
    assert re.sub(r"[0-9.]+ ms\)", "T ms)", result.stdout) == (
        f"4 points ({BACKEND}, T ms), written to front.h5\nsmallest loss: 0.3\nsmallest size_bytes: 1150\n"
    )
    with Path("front.csv").open(newline="") as stream:
        assert list(csv.reader(stream)) == [
            ["loss", "size_bytes", "block0", "block1"],
            ["0.3", "1950", "2", "1"],
            ["0.4", "1450", "2", "0"],
            ["0.55", "1250", "1", "0"],
            ["0.8", "1150", "0", "0"],
        ]
    assert len(qabwnas.Frontier.open("front.h5")) == 4
    again = run("front", "lut.h5", "--minimize", "loss", "-o", "front.h5")
    assert (again.exit_code, again.stderr) == (1, "error: front.h5: is already there; --force overwrites it\n")


def test_a_front_and_a_batch_within_a_scope() -> None:
    scope = ("--weight", "block0=0.5", "--forbid", "block0=#2")
    result = run(
        "front", "lut.h5", "--minimize", "loss,size_bytes", *scope, "-o", "front.h5", "--csv", "front.csv", "--json"
    )
    assert json.loads(result.stdout)["scope"] == {"weights": {"block0": "0.5"}, "forbid": ["block0=#2"]}
    assert Path("front.csv").read_text().splitlines() == [
        "weighted loss,size_bytes,block0,block1",
        "0.325,1750,1,1",
        "0.425,1250,1,0",
        "0.55,1150,0,0",
    ]
    Path("budgets.csv").write_text("size_bytes\n1300\n")
    for source, options in (("front.h5", ()), ("lut.h5", scope), ("lut.h5", (*scope, "--method", "direct"))):
        run("batch", source, "budgets.csv", "-o", "answers.csv", "--force", *options)
        assert Path("answers.csv").read_text().splitlines() == [
            "status,weighted loss,size_bytes,block0,block1",
            "optimal,0.425,1250,1,0",
        ]
    wrong = run("batch", "front.h5", "budgets.csv", "-o", "answers.csv", "--force", *scope)
    assert wrong.stderr == "error: a front has the scope that it was built with: give the LUT\n"


def test_a_part_of_a_front_and_a_thinned_one() -> None:
    bounds = ("--within", "size_bytes=1.2kB:1.5kB", "--within", "loss=:0.5")
    result = run("front", "lut.h5", "--minimize", "loss,size_bytes", *bounds, "-o", "part.h5", "--csv", "part.csv")
    assert result.exit_code == 0, result.output
    assert Path("part.csv").read_text() == "loss,size_bytes,block0,block1\n0.4,1450,2,0\n"
    thinned = run("front", "lut.h5", "--minimize", "loss,size_bytes", "--epsilon", "0.9", "-o", "thin.h5", "--json")
    assert json.loads(thinned.stdout)["epsilon"] == 0.9
    assert json.loads(thinned.stdout)["points"] < 4
    Path("budgets.csv").write_text("size_bytes\n1400\n")
    wrong = run("batch", "part.h5", "budgets.csv", "-o", "answers.csv")
    assert (wrong.exit_code, Path("answers.csv").exists()) == (1, False)
    assert wrong.stderr.startswith("error: the front has an upper bound on 'loss'")


@pytest.mark.parametrize(
    ("option", "value", "exit_code", "message"),
    [
        ("--within", "size_bytes=3", 2, "--within 'size_bytes=3' is not of the form METRIC=LOW:HIGH"),
        ("--within", "size_bytes=:3s", 1, "size_bytes: '3s': the unit 's' is not one of"),
        ("--within", "size_bytes=:3", 1, "no subnet of the front over loss, size_bytes lies within the bounds"),
        ("--epsilon", "x", 1, "epsilon: 'x' is not a number"),
        ("--max-memory", "1B", 1, "takes more than 1 bytes: preparing the blocks alone does"),
    ],
)
def test_wrong_extents_leave_no_file(option: str, value: str, exit_code: int, message: str) -> None:
    result = run("front", "lut.h5", "--minimize", "loss,size_bytes", option, value, "-o", "front.h5")
    assert (result.exit_code, Path("front.h5").exists()) == (exit_code, False)
    assert message in result.stderr.splitlines()[-1]


@pytest.mark.parametrize("source", ["lut.h5", "front.h5"])
def test_batch_answers_in_row_order(source: str) -> None:
    run("front", "lut.h5", "--minimize", "loss,size_bytes,latency_ms", "-o", "front.h5")
    Path("budgets.csv").write_text("latency_ms,size_bytes\n0.3,\n,1149\n400us,1.3kB\n,\n")
    result = run("batch", source, "budgets.csv", "-o", "answers.csv", "--minimize", "loss")
    assert result.exit_code == 0
    method = "direct" if source == "lut.h5" else "front"
    assert result.stdout == f"4 budgets ({method}, {BACKEND}): 3 optimal, 1 infeasible, written to answers.csv\n"
    assert result.stderr == ""
    assert Path("answers.csv").read_text().splitlines() == [
        "status,loss,size_bytes,latency_ms,block0,block1",
        "optimal,0.45,1750,0.3,1,1",
        "infeasible,,,,,",
        "optimal,0.55,1250,0.4,1,0",
        "optimal,0.3,1950,0.5,2,1",
    ]


@pytest.mark.parametrize(
    ("budgets", "message"),
    [
        ("", "budgets.csv: line 1: expected the names of the budgeted metrics"),
        ("loss,loss\n", "budgets.csv: line 1: the column 'loss' occurs twice"),
        ("size\n1\n", "budgets.csv: line 1: metric 'size' is not in the LUT, which has loss, size_bytes, latency_ms"),
        ("size_bytes\n1\nmany\n", "budgets.csv: line 3: size_bytes: 'many' is not a number"),
        ("size_bytes\n1,2\n", "budgets.csv: line 2: 2 cells, expected 1"),
    ],
)
def test_wrong_batches_write_nothing(folder: Path, budgets: str, message: str) -> None:
    Path("budgets.csv").write_text(budgets)
    result = run("batch", "lut.h5", "budgets.csv", "-o", "answers.csv")
    assert (result.exit_code, result.stderr) == (1, f"error: {message}\n")
    assert sorted(path.name for path in folder.iterdir()) == ["budgets.csv", "lut.h5"]


def test_a_batch_is_searched_directly_where_asked_to(folder: Path) -> None:
    Path("budgets.csv").write_text("size_bytes\n1300\n1149\n")
    result = run("batch", "lut.h5", "budgets.csv", "-o", "answers.csv", "--method", "direct")
    assert result.stdout == f"2 budgets (direct, {BACKEND}): 1 optimal, 1 infeasible, written to answers.csv\n"
    run("front", "lut.h5", "--minimize", "loss,size_bytes", "-o", "front.h5")
    wrong = run("batch", "front.h5", "budgets.csv", "-o", "other.csv", "--method", "direct")
    assert (wrong.exit_code, wrong.stderr) == (1, "error: a front cannot be searched directly: give the LUT\n")
    wrong = run("batch", "front.h5", "budgets.csv", "-o", "other.xlsx")
    assert (wrong.exit_code, wrong.stderr) == (
        1,
        "error: other.xlsx: a table is written: the name should end in .csv or .parquet\n",
    )
    assert sorted(path.name for path in folder.iterdir()) == ["answers.csv", "budgets.csv", "front.h5", "lut.h5"]


def test_a_batch_of_a_newer_front_says_so(folder: Path) -> None:
    run("front", "lut.h5", "--minimize", "loss,size_bytes", "-o", "front.h5")
    with h5py.File(folder / "front.h5", "a") as file:
        file.attrs["schema_version"] = 9
    Path("budgets.csv").write_text("size_bytes\n1300\n")
    result = run("batch", "front.h5", "budgets.csv", "-o", "answers.csv")
    assert (result.exit_code, result.stderr) == (1, "error: front.h5: written by schema 9, this reads up to 3\n")

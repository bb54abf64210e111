"""A higher-is-better metric, from a table to the answers: true totals everywhere."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

import qabwnas
from qabwnas.lut.hdf5.store import read_header
from qabwnas.lut.lut import Lut, Metric
from tests.cli import run
from tests.strategies import lut_from_columns

TABLE = "block,candidate,loss,top1,size_bytes\na,0,0.5,0.1,3\na,1,0.25,0.3,8\nb,0,0.5,0.2,2\nb,1,0.5,0.15,1\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("table.csv").write_text(TABLE)
    result = run("lut", "import", "table.csv", "-o", "lut.h5", "--higher-is-better", "top1", "--fixed", "top1=0.1")
    assert result.exit_code == 0, result.output


def test_searches_maximise_it() -> None:
    for option in ("--minimize", "--maximize"):
        result = run("search", "lut.h5", option, "top1", "--budget", "size_bytes=10", "--explain")
        assert "top1 0.6  size_bytes 10" in result.stdout
        content = json.loads(run("search", "lut.h5", option, "top1", "--json").stdout)
        assert (content["sense"], content["minimized"], content["bound"]) == ("maximize", "top1", 0.6)
    assert "top1 0.4 " in run("search", "lut.h5", "--budget", "top1<=0.5", "--maximize", "top1").stdout
    wrong = run("search", "lut.h5", "--budget", "top1=0.5")
    assert wrong.stderr == "error: budget 'top1': higher 'top1' is better: say top1>=VALUE, or top1<=VALUE\n"


def test_fronts_have_its_true_totals() -> None:
    result = run("front", "lut.h5", "--minimize", "size_bytes,top1", "-o", "front.h5", "--csv", "front.csv")
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[1:] == ["smallest size_bytes: 4", "largest top1: 0.6"]
    with open("front.csv", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [(row["size_bytes"], row["top1"]) for row in rows] == [
        ("4", "0.35"),
        ("5", "0.4"),
        ("9", "0.55"),
        ("10", "0.6"),
    ]
    front = qabwnas.Frontier.open("front.h5")
    assert [float(point.totals["top1"]) for point in front] == [0.35, 0.4, 0.55, 0.6]
    info = run("lut", "info", "front.h5").stdout
    assert "higher  0.35  0.6" in info
    part = run(
        "front", "lut.h5", "--minimize", "size_bytes,top1", "--within", "top1=0.4:0.55", "-o", "part.h5", "--json"
    )
    assert json.loads(part.stdout)["points"] == 2
    within = json.loads(run("lut", "info", "part.h5", "--json").stdout)["metrics"][1]
    assert (within["min"], within["max"], within["within"]) == (0.4, 0.55, [0.4, 0.55])


@pytest.mark.parametrize("suffix", ["csv", "csv.gz", "parquet"])
def test_tables_keep_it(suffix: str) -> None:
    assert run("lut", "export", "lut.h5", "-o", f"out.{suffix}").exit_code == 0
    assert run("lut", "import", f"out.{suffix}", "-o", "again.h5").exit_code == 0
    metrics = Lut.open("again.h5").metrics
    assert metrics == Lut.open("lut.h5").metrics
    assert [metric.higher_is_better for metric in metrics] == [False, True, False]
    assert read_header("again.h5").schema_version == 3


def test_luts_without_one_stay_as_older_versions_read_them() -> None:
    lut_from_columns({"loss": [[1.0]]}, [Metric("loss", fixed=1.5)]).save("plain.h5")
    assert read_header("plain.h5").schema_version == 1
    run("lut", "export", "plain.h5", "-o", "plain.csv")
    assert '"schema_version": 1' in Path("plain.csv").read_text()


def test_lut_info_says_it() -> None:
    metrics = json.loads(run("lut", "info", "lut.h5", "--json").stdout)["metrics"]
    assert [metric["higher_is_better"] for metric in metrics] == [False, True, False]
    assert "better" in run("lut", "info", "lut.h5").stdout


def test_from_python() -> None:
    columns = {"a": {"top1": [0.1, 0.3]}, "b": {"top1": [0.2, 0.1]}}
    lut = Lut.from_arrays(columns, higher_is_better=["top1"])
    assert qabwnas.search(lut, minimize="top1")[0].choice == {"a": 1, "b": 0}
    assert Lut.from_csv("table.csv", higher_is_better=["top1"]).metric("top1").higher_is_better


@pytest.mark.parametrize(
    ("names", "message"),
    [("top5", "there is no metric 'top5' among loss, top1, size_bytes"), ("block", "there is no metric 'block'")],
)
def test_an_unknown_metric_is_one_line(names: str, message: str) -> None:
    result = run("lut", "import", "table.csv", "-o", "new.h5", "--higher-is-better", names)
    assert result.exit_code == 1
    assert result.stderr.startswith(f"error: table.csv: {message}")
    assert not Path("new.h5").exists()

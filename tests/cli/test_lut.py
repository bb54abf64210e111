"""``qabwnas lut``: the exact output, and errors."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from qabwnas.cli.main import main
from qabwnas.lut.hdf5.store import read_header
from qabwnas.lut.lut import Lut, Metric
from tests.lut.strategies import assert_equal

POPULATED = Path(__file__).resolve().parents[1] / "archives" / "v1" / "lut-populated.h5"
TABLE = """\
block,candidate,choice_description,loss,size_bytes,latency_ms[x]
b1,0,small,0.3,100,1.5
b1,1,large,0.1,200,
b2,0,only,0.25,50,2
"""


@pytest.fixture(autouse=True)
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("table.csv").write_text(TABLE, encoding="utf-8")


def lut(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["lut", *arguments], prog_name="qabwnas")


def test_import_and_export() -> None:
    result = lut("import", "table.csv", "-o", "lut.h5")
    assert result.exit_code == 0
    assert result.output == "lut.h5: 2 blocks, 3 candidates, metrics loss, size_bytes, latency_ms[x]\n"
    assert_equal(Lut.open("lut.h5"), Lut.from_csv("table.csv"))
    result = lut("export", "lut.h5", "-o", "again.csv")
    assert result.output == "again.csv: 2 blocks, 3 candidates, metrics loss, size_bytes, latency_ms[x]\n"
    assert Path("again.csv").read_text(encoding="utf-8") == TABLE


def test_import_with_aggregations_and_fixed_parts() -> None:
    options = ["--aggregate", "size_bytes=max", "--fixed", "size_bytes=1.5kB", "--fixed", "latency_ms[x]=250us"]
    result = lut("import", "table.csv", "-o", "lut.h5", "--aggregate", "loss=sum", *options)
    assert result.exit_code == 0, result.output
    assert Lut.open("lut.h5").metrics == (
        Metric("loss"),
        Metric("size_bytes", "bytes", "max", 1500.0),
        Metric("latency_ms[x]", "ms", "sum", 0.25),
    )


@pytest.mark.parametrize(
    ("options", "exit_code", "message"),
    [
        (["--aggregate", "loss"], 2, "Error: --aggregate 'loss' is not of the form NAME=VALUE\n"),
        (["--aggregate", "loss=mean"], 2, "Error: --aggregate loss=mean: neither sum nor max\n"),
        (["--fixed", "loss=1", "--fixed", "loss=2"], 2, "Error: --fixed 'loss' is given twice\n"),
        (["--fixed", "loss=1kB"], 1, "'1kB' has a unit, but the metric's name states none; give a plain number\n"),
        (["--fixed", "macs=1"], 1, "table.csv: there is no metric 'macs' among loss, size_bytes, latency_ms[x]\n"),
    ],
)  # fmt: skip
def test_invalid_options(options: list[str], exit_code: int, message: str) -> None:
    result = lut("import", "table.csv", "-o", "lut.h5", *options)
    assert result.exit_code == exit_code
    assert result.stderr.endswith(message)
    assert not Path("lut.h5").exists()


def test_nothing_is_overwritten_without_force() -> None:
    Path("lut.h5").write_text("mine", encoding="utf-8")
    # Before any work: the table is not even looked for.
    result = lut("import", "none.csv", "-o", "lut.h5")
    assert (result.exit_code, result.stderr) == (1, "error: lut.h5: is already there; --force overwrites it\n")
    assert Path("lut.h5").read_text(encoding="utf-8") == "mine"
    Path("lut.h5").unlink()
    assert lut("import", "table.csv", "-o", "lut.h5").exit_code == 0
    assert lut("import", "table.csv", "-o", "lut.h5", "--force").exit_code == 0
    assert lut("export", "lut.h5", "-o", "table.csv").exit_code == 1
    assert lut("export", "lut.h5", "-o", "folder/table.csv").stderr == (
        "error: folder/table.csv: there is no folder folder\n"
    )
    assert lut("export", "lut.h5", "-o", ".", "--force").stderr == "error: .: is a folder\n"


def test_validate() -> None:
    lut("import", "table.csv", "-o", "lut.h5")
    result = lut("validate", "lut.h5")
    assert (result.exit_code, result.output) == (
        0,
        "lut.h5: valid: 2 blocks, 3 candidates, metrics loss, size_bytes, latency_ms[x]\n",
    )
    content = Path("lut.h5").read_bytes()
    Path("lut.h5").write_bytes(content[: len(content) // 2])
    result = lut("validate", "lut.h5")
    assert result.exit_code == 1
    assert result.stderr.startswith("error: lut.h5: damaged or truncated: ")
    result = lut("validate", "table.csv")
    assert (result.exit_code, result.stderr) == (
        1,
        "error: table.csv: not an HDF5 file, but a table: `qabwnas lut import` makes a LUT of it\n",
    )


def test_info_of_an_import() -> None:
    lut("import", "table.csv", "-o", "lut.h5", "--aggregate", "size_bytes=max", "--fixed", "size_bytes=10")
    header = read_header("lut.h5")
    assert (
        lut("info", "lut.h5").output
        == f"""\
format   qabwnas-lut, schema 1, by qabwnas {header.writer_version}, {header.created}
space    none: an import
subnets  2

block  candidates  bits
b1     2
b2     1

metric         unit   aggregation  better  fixed  measured  min  max
loss                  sum          lower   -      3         0.1  0.3
size_bytes     bytes  max          lower   10     3         50   200
latency_ms[x]  ms     sum          lower   -      2         1.5  2
"""
    )


def test_info_of_a_populated_lut() -> None:
    header = read_header(POPULATED)
    assert (
        lut("info", str(POPULATED)).output
        == f"""\
format    qabwnas-lut, schema 1, by qabwnas 0.1.0, {header.created}
space     archive
subnets   48
settings  {{"calibration_images":200}}
teacher   0123abcd

block   candidates  bits
first   12          w4a4 w8a8
second  4           w4a4 w8a8

metric                 unit   aggregation  better  fixed  measured  min    max
nsr                           sum          lower   -      16        0.125  63.875
size_bytes             bytes  sum          lower   4096   16        0      1101
peak_activation_bytes  bytes  max          lower   512    16        0      42
latency_ms[a/b 100%]   ms     sum          lower   0.1    12        0      0.5
"""
    )


def test_info_as_json() -> None:
    info = json.loads(lut("info", "--json", str(POPULATED)).output)
    assert list(info) == [
        "format", "schema_version", "writer", "created", "subnets", "blocks", "metrics", "space", "provenance",
    ]  # fmt: skip
    assert (info["format"], info["schema_version"], info["subnets"]) == ("qabwnas-lut", 1, 48)
    assert info["blocks"][1] == {
        "name": "second",
        "candidates": 4,
        "tables": [{"bits": "w4a4", "candidates": 2}, {"bits": "w8a8", "candidates": 2}],
    }
    assert info["metrics"][3] == {
        "name": "latency_ms[a/b 100%]",
        "unit": "ms",
        "aggregation": "sum",
        "fixed": 0.1,
        "higher_is_better": False,
        "measured": 12,
        "min": 0.0,
        "max": 0.5,
    }
    assert info["space"]["name"] == "archive"
    assert info["provenance"] == {"teacher": "0123abcd", "settings": {"calibration_images": 200}}

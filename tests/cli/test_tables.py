"""Tables that commands read and write: their content, and numbers with many digits."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from qabwnas.cli.main import main
from qabwnas.lut.hdf5.store import read_header
from qabwnas.lut.lut import Lut, LutBlock, Metric, Table
from tests.lut.strategies import assert_equal

pytestmark = pytest.mark.usefixtures("folder")

LARGE = 9007199254740993  # 2^53 + 1, which no double holds
TABLE = f"""\
block,candidate,loss,size_bytes
a,0,0.5,{LARGE}
a,1,0.25,{LARGE + 1}
b,0,0.5,0
b,1,0.125,2
"""


def run(line: str, **options: object) -> subprocess.CompletedProcess[str]:
    """Run a command as a user does, who sees warnings on stderr."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONWARNINGS"}
    return subprocess.run(
        [sys.executable, "-m", "qabwnas", *line.split()],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
        **options,  # type: ignore[call-overload]
    )


def call(line: str) -> Result:
    return CliRunner().invoke(main, line.split(), prog_name="qabwnas")


def done(line: str) -> str:
    result = call(line)
    assert (result.exit_code, result.stderr) == (0, "")
    return result.stdout


@pytest.mark.parametrize("suffix", ["csv", "csv.gz", "parquet"])
def test_a_budget_holds_after_a_round_trip(suffix: str) -> None:
    """The fixture's sizes have a fixed part of 50."""
    done(f"lut export lut.h5 -o table.{suffix}")
    done(f"lut import table.{suffix} -o again.h5")
    assert_equal(Lut.open("again.h5"), Lut.open("lut.h5"))
    for path in ("lut.h5", "again.h5"):
        best = json.loads(done(f"search {path} --budget size_bytes=1250 --json"))["answers"][0]
        assert best["totals"]["size_bytes"] == 1250  # and 1200 without the fixed part
        assert call(f"search {path} --budget size_bytes=1149").exit_code == 3


def test_options_override_the_table_with_a_warning() -> None:
    done("lut export lut.h5 -o table.csv")
    result = run("lut import table.csv -o again.h5 --fixed size_bytes=70")
    assert result.returncode == 0
    assert result.stderr == ("warning: table.csv: size_bytes: the fixed part is 70.0 as given; the table says 50.0\n")
    assert Lut.open("again.h5").metric("size_bytes").fixed == 70.0


@pytest.mark.parametrize("backend", ["cpp", "numba"])
def test_integers_beyond_doubles_are_exact(monkeypatch: pytest.MonkeyPatch, backend: str) -> None:
    monkeypatch.setenv("QABWNAS_BACKEND", backend)
    Path("large.csv").write_text(TABLE, encoding="utf-8")
    done(f"lut import large.csv -o large.h5 --fixed size_bytes={LARGE}")
    assert read_header("large.h5").schema_version == 2
    totals = {}
    for budget in range(2 * LARGE - 1, 2 * LARGE + 4):
        result = call(f"search large.h5 --budget size_bytes={budget} --json")
        answers = json.loads(result.stdout, parse_int=Decimal)["answers"]
        totals[budget] = int(answers[0]["totals"]["size_bytes"]) if answers else None
    assert totals == {
        2 * LARGE - 1: None,
        2 * LARGE: 2 * LARGE,
        2 * LARGE + 1: 2 * LARGE + 1,
        2 * LARGE + 2: 2 * LARGE + 2,
        2 * LARGE + 3: 2 * LARGE + 3,
    }
    done("front large.h5 --minimize loss,size_bytes -o front.h5 --csv front.csv")
    assert Path("front.csv").read_text(encoding="utf-8").splitlines() == [
        "loss,size_bytes,a,b",
        f"0.375,{2 * LARGE + 3},1,1",
        f"0.625,{2 * LARGE + 2},0,1",
        f"0.75,{2 * LARGE + 1},1,0",
        f"1,{2 * LARGE},0,0",
    ]
    Path("budgets.csv").write_text(f"size_bytes\n{2 * LARGE + 1}\n{2 * LARGE - 1}\n", encoding="utf-8")
    for source in ("large.h5", "front.h5"):
        done(f"batch {source} budgets.csv -o answers-{source}.csv")
        assert Path(f"answers-{source}.csv").read_text(encoding="utf-8").splitlines()[1:] == [
            f"optimal,0.75,{2 * LARGE + 1},1,0",
            "infeasible,,,,",
        ]
    assert f"{LARGE}  4         0      {LARGE + 1}" in done("lut info large.h5")
    for suffix in ("csv", "parquet"):
        done(f"lut export large.h5 -o again.{suffix}")
        done(f"lut import again.{suffix} -o again-{suffix}.h5")
        assert_equal(Lut.open(f"again-{suffix}.h5"), Lut.open("large.h5"))
    done("lut merge large.h5 again-csv.h5 -o merged.h5")
    assert_equal(Lut.open("merged.h5"), Lut.open("large.h5"))


def test_rounding_is_announced_once() -> None:
    Path("long.csv").write_text(
        "block,candidate,loss\na,0,0.1234567890123456789\na,1,0.1234567890123456781\nb,0,1\n", encoding="utf-8"
    )
    result = run("lut import long.csv -o long.h5")
    assert (result.returncode, result.stderr) == (
        0,
        "warning: long.csv: line 2: loss: 0.1234567890123456789 is rounded to 0.12345678901234568, and 1 more are "
        "rounded; 15 digits, or integers up to 2^63, are exact\n",
    )
    result = run("lut import long.csv -o other.h5 --fixed loss=0.12345678901234567891")
    assert result.stderr.splitlines()[0] == (
        "warning: --fixed loss: 0.12345678901234567891 is rounded to 0.12345678901234568; 15 digits, or "
        "integers up to 2^63, are exact"
    )
    Path("mixed.csv").write_text("block,candidate,loss\na,0,1e15\na,1,2e-9\nb,0,3e-9\nb,1,0.1\n", encoding="utf-8")
    done("lut import mixed.csv -o mixed.h5")
    result = run("search mixed.h5 --budget loss=1e15")
    assert result.stderr == (
        "warning: metric 'loss': the smallest values have more than the 3 decimals that the largest leave room for; "
        "they are rounded\n"
    )


def test_shards_are_merged_with_few_open_files(tmp_path: Path) -> None:
    columns = {"loss": [0.5, 0.25]}
    metrics = (Metric("loss"),)
    Lut(metrics, (LutBlock("a", (Table(columns),)),)).save("part0.h5")
    for number in range(1, 100):
        shutil.copy("part0.h5", f"part{number}.h5")

    def few() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))

    parts = " ".join(f"part{number}.h5" for number in range(100))
    result = run(f"lut merge {parts} -o whole.h5", preexec_fn=few)
    assert (result.returncode, result.stderr) == (0, "")
    assert_equal(Lut.open(tmp_path / "whole.h5"), Lut.open(tmp_path / "part0.h5"))

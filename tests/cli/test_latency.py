"""``qabwnas latency`` and ``--margin``: several devices in one LUT; metric names have the device in brackets."""

from __future__ import annotations

import csv
import json
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from qabwnas.lut.lut import Lut, LutBlock, Metric, Table
from qabwnas.search import Frontier
from tests.cli import run
from tests.spaces import TINY

TABLE = """\
block,candidate,loss,latency_ms[t4]
b1,0,0.3,1
b1,1,0.1,2
b2,0,0.25,3
b2,1,0.5,1
"""
YAML = "expanded_conv-input:8x6x4-output:8x6x4-expand:1-kernel:3-stride:1-idskip:1: {mean: 1.5}\n"


def results(device: str, **candidates: list[float]) -> str:
    blocks = {
        name: [{"candidate": c, "median_ms": ms, "minimum_ms": ms / 2} for c, ms in enumerate(times)]
        for name, times in candidates.items()
    }
    content = {
        "format": "qabwnas-latency",
        "schema_version": 1,
        "device": device,
        "machine": "made up",
        "runtime": "none",
        "threads": 1,
        "fixed": {"median_ms": 0.5, "minimum_ms": 0.25},
        "blocks": blocks,
    }
    return json.dumps(content)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A LUT of one device and the results of another, in a folder in which the test runs."""
    monkeypatch.chdir(tmp_path)
    Path("t.csv").write_text(TABLE, encoding="utf-8")
    Path("pi4.json").write_text(results("pi 4", b1=[10, 20], b2=[10.5, 4.75]), encoding="utf-8")
    assert run("lut", "import", "t.csv", "-o", "one.h5").exit_code == 0


def test_import_and_then_everything_takes_the_name() -> None:
    result = run("latency", "import", "pi4.json", "one.h5", "-o", "two.h5")
    assert (result.exit_code, result.output) == (
        0, "two.h5: latency_ms[pi 4] of 4 of 4 candidates, fixed part 0.5 ms\n",
    )  # fmt: skip
    # Budgets with units, and both devices in one search.
    found = run("search", "two.h5", "--budget", "latency_ms[pi 4]=25500us", "--budget", "latency_ms[t4]=4ms", "--json")
    (answer,) = json.loads(found.output, parse_float=Decimal)["answers"]
    assert answer["choice"] == {"b1": 0, "b2": 0}
    assert answer["totals"] == {"loss": Decimal("0.55"), "latency_ms[t4]": 4, "latency_ms[pi 4]": 21}
    assert run("search", "two.h5", "--minimize", "latency_ms[pi 4]").output.splitlines()[1].startswith("#1  ")
    # A front and its CSV, a batch of budgets, and the table as CSV.
    front = ["--minimize", "loss,latency_ms[pi 4]", "-o", "front.h5", "--csv", "front.csv"]
    assert run("front", "two.h5", *front).exit_code == 0
    assert Frontier.open("front.h5").metrics[1] == Metric("latency_ms[pi 4]", "ms", "sum", 0.5)
    with Path("front.csv").open(encoding="utf-8", newline="") as file:
        assert "latency_ms[pi 4]" in next(csv.reader(file))
    Path("budgets.csv").write_text("latency_ms[pi 4]\n15.25ms\n100\n", encoding="utf-8")
    assert run("batch", "front.h5", "budgets.csv", "-o", "answers.csv").exit_code == 0
    assert Path("answers.csv").read_text(encoding="utf-8").splitlines()[1].startswith("optimal,0.8,15.25,")
    assert run("lut", "export", "two.h5", "-o", "two.csv").exit_code == 0
    again = Lut.from_csv("two.csv")
    assert again.metrics[2] == Metric("latency_ms[pi 4]", "ms", fixed=0.5)
    assert run("lut", "validate", "two.h5").exit_code == 0
    assert "latency_ms[pi 4]  ms" in run("lut", "info", "two.h5").output


def test_import_of_minima_and_of_a_part() -> None:
    Path("part.json").write_text(results("x", b2=[3]), encoding="utf-8")
    result = run("latency", "import", "part.json", "one.h5", "-o", "new.h5", "--statistic", "minimum")
    assert result.output == "new.h5: latency_ms[x] of 1 of 4 candidates, fixed part 0.25 ms\n"
    found = run("search", "new.h5", "--budget", "latency_ms[x]=9")
    assert found.exit_code == 1
    assert "latency_ms[x]" in found.stderr


def tiny_lut() -> None:
    blocks = [
        LutBlock(b.name, tuple(Table({"nsr": np.ones(b.n_candidates)}, w) for w in TINY.bit_widths))
        for b in TINY.blocks
    ]
    Lut((Metric("nsr"),), tuple(blocks), TINY).save("tiny.h5")


def test_import_of_a_table_of_operations() -> None:
    tiny_lut()
    Path("ops.yaml").write_text(YAML, encoding="utf-8")
    result = run("latency", "import", "ops.yaml", "tiny.h5", "--device", "note10", "-o", "new.h5")
    assert result.output == "new.h5: latency_ms[note10] of 8 of 30 candidates, no fixed part\n"


def test_estimate() -> None:
    tiny_lut()
    result = run("latency", "estimate", "tiny.h5", "made-up-edge-cpu", "-o", "new.h5")
    assert result.exit_code == 0, result.output
    assert result.output.startswith("new.h5: estimate_ms[made-up-edge-cpu] of 30 of 30 candidates, fixed part 0.0")
    found = run("search", "new.h5", "--budget", "estimate_ms[made-up-edge-cpu]=100us")
    assert found.exit_code == 0
    result = run("latency", "estimate", "one.h5", "made-up-edge-cpu", "-o", "other.h5")
    assert (result.exit_code, result.stderr[:36]) == (1, "error: an estimate needs a LUT with ")
    assert not Path("other.h5").exists()


@pytest.mark.parametrize(
    ("arguments", "exit_code", "message"),
    [
        (["pi4.json", "one.h5", "-o", "one.h5"], 1, "error: one.h5: is already there; --force overwrites it\n"),
        (["none.json", "one.h5", "-o", "n.h5"], 1, "error: none.json: No such file or directory\n"),
        (["t.csv", "one.h5", "-o", "n.h5"], 1, "error: t.csv: not JSON: Expecting value: line 1 column 1 (char 0)\n"),
        (["a.yaml", "one.h5", "-o", "n.h5"], 2, "needs --device NAME, and takes no --statistic\n"),
        (
            ["pi4.json", "one.h5", "-o", "n.h5", "--device", "x"],
            2,
            "a .json file of results already names the device\n",
        ),
    ],
)
def test_invalid_imports(arguments: list[str], exit_code: int, message: str) -> None:
    result = run("latency", "import", *arguments)
    assert result.exit_code == exit_code
    assert result.stderr.endswith(message)
    assert not Path("n.h5").exists()


def test_lut_import_of_another_format() -> None:
    Path("stage1_0_0.csv").write_text("3#32#None,1x16x80x80,0.5,10.5,0.01,1.25\n", encoding="utf-8")
    result = run("lut", "import", "stage1_0_0.csv", "--format", "spaceevo", "--device", "x", "-o", "s.h5")
    assert result.output == "s.h5: 1 blocks, 1 candidates, metrics loss, flops_M, params_M, latency_ms[x]\n"
    result = run("lut", "import", "ops.yaml", "-o", "o.h5")
    assert result.stderr.startswith(
        "error: ops.yaml: neither .csv, .tsv, .txt (or compressed) nor .parquet: give its format"
    )


def test_a_margin_is_kept_exactly_and_shown() -> None:
    # The total 4 at a margin of 5 % needs 4.2 exactly.
    for budget, fits in (("4.2", True), ("4.199999999999999", False)):
        options = ["--budget", f"latency_ms[t4]={budget}ms", "--margin", "latency_ms[t4]=5%"]
        result = run("search", "one.h5", *options)
        assert result.exit_code == 0
        assert f"margin latency_ms[t4] 5%: budget {budget}, searched " in result.output
        best = json.loads(run("search", "one.h5", *options, "--json").output, parse_float=Decimal)
        assert (best["answers"][0]["totals"]["latency_ms[t4]"] == 4) == fits
        assert best["margins"]["latency_ms[t4]"]["share"] == Decimal("0.05")
        assert best["margins"]["latency_ms[t4]"]["budget"] == Decimal(budget)
    plain = json.loads(run("search", "one.h5", "--json").output)
    assert "margins" not in plain


def test_a_margin_may_leave_nothing() -> None:
    result = run("search", "one.h5", "--budget", "latency_ms[t4]=2.09", "--margin", "latency_ms[t4]=0.05")
    assert result.exit_code == 3
    assert "margin latency_ms[t4] 5%: budget 2.09, searched 1.990476\n" in result.output
    assert result.stderr == "no subnet fits: the smallest latency_ms[t4] is 2, which needs a budget of 2.10\n"
    options = ["--budget", "latency_ms[t4]=2.10", "--margin", "latency_ms[t4]=0.05"]
    assert run("search", "one.h5", *options).exit_code == 0


@pytest.mark.parametrize(
    ("margins", "exit_code", "message"),
    [
        (["loss"], 2, "Error: --margin 'loss' is not of the form METRIC=5%\n"),
        (["loss=5%"], 2, "Error: --margin 'loss': it needs a budget that is one number: --budget loss=VALUE\n"),
        (["latency_ms[t4]=1%", "latency_ms[t4]=1%"], 2, "Error: --margin 'latency_ms[t4]' is given twice\n"),
        (["latency_ms[t4]=-1%"], 1, "error: --margin latency_ms[t4]: '-1%' is negative\n"),
        (["latency_ms[t4]=much"], 1, "error: --margin latency_ms[t4]: 'much' is not a number\n"),
    ],
)
def test_invalid_margins(margins: list[str], exit_code: int, message: str) -> None:
    options = [option for margin in margins for option in ("--margin", margin)]
    result = run("search", "one.h5", "--budget", "latency_ms[t4]=4", *options)
    assert result.exit_code == exit_code
    assert result.stderr.endswith(message)

"""What can be asked of ``search`` besides upper bounds, through the command, against all subnets of a small LUT."""

from __future__ import annotations

import itertools
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.cli import run
from tests.strategies import lut_from_columns

COLUMNS = {
    "loss": [[0.5, 0.2, 0.1], [0.4, 0.3, 0.05]],
    "size_bytes": [[10.0, 40.0, 70.0], [20.0, 30.0, 90.0]],
    "peak_bytes": [[8.0, 16.0, 8.0], [4.0, 32.0, 8.0]],
    "accuracy": [[0.1, 0.3, 0.2], [0.2, 0.1, 0.4]],
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    lut_from_columns(COLUMNS).save(tmp_path / "lut.h5")


def subnets() -> list[dict[str, Decimal]]:
    exact = {name: [[Decimal(str(v)) for v in block] for block in blocks] for name, blocks in COLUMNS.items()}
    return [
        {name: sum(block[i] for block, i in zip(blocks, choice, strict=True)) for name, blocks in exact.items()}
        for choice in itertools.product(range(3), repeat=2)
    ]


CASES: list[tuple[str, Any]] = [
    ("--budget size_bytes>=60 --budget size_bytes<=110", lambda s: 60 <= s["size_bytes"] <= 110),
    ("--budget size_bytes=60:110", lambda s: 60 <= s["size_bytes"] <= 110),
    ("--budget accuracy==0.4", lambda s: s["accuracy"] == Decimal("0.4")),
    ("--budget size_bytes=60%", lambda s: s["size_bytes"] <= 96),
    ("--budget size_bytes=150% --reference block0=0,block1=1", lambda s: s["size_bytes"] <= 60),
    ("--budget size_bytes+peak_bytes<=0.12kB", lambda s: s["size_bytes"] + s["peak_bytes"] <= 120),
]


@pytest.mark.parametrize(("line", "fits"), CASES)
def test_the_best_subnet_within_any_kind_of_budget(line: str, fits: Any) -> None:
    best = min(subnet["loss"] for subnet in subnets() if fits(subnet))
    result = run("search", "lut.h5", *line.split(), "--json")
    assert result.exit_code == 0, result.output
    (answer,) = json.loads(result.stdout, parse_float=Decimal)["answers"]
    assert Decimal(answer["totals"]["loss"]) == best
    assert fits({name: Decimal(total) for name, total in answer["totals"].items()})


def test_the_largest_total_of_a_metric() -> None:
    best = max(subnet["accuracy"] for subnet in subnets() if subnet["size_bytes"] <= 100)
    result = run("search", "lut.h5", "--maximize", "accuracy", "--budget", "size_bytes=100", "--json")
    content = json.loads(result.stdout, parse_float=Decimal)
    assert (content["sense"], Decimal(content["answers"][0]["totals"]["accuracy"])) == ("maximize", best)


def test_a_lower_bound_that_nothing_reaches_names_the_largest_total() -> None:
    result = run("search", "lut.h5", "--budget", "accuracy>=0.9")
    assert result.exit_code == 3
    assert "the largest accuracy is 0.7" in result.output


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--budget siz_bytes>=60", "did you mean 'size_bytes'?"),
        ("--budget size_bytes=9:x", "budget 'size_bytes': 'x' is not a number"),
        ("--minimize loss --maximize accuracy", "give one"),
        ("--budget size_bytes=60% --reference block0=0", "the reference names no candidate of block 'block1'"),
    ],
)
def test_wrong_budgets_are_one_line(line: str, message: str) -> None:
    result = run("search", "lut.h5", *line.split())
    assert result.exit_code in (1, 2)
    assert message in result.output.splitlines()[-1]

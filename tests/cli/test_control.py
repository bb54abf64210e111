"""A fair comparison through the command: the retrained teacher, paired differences, and budgets within bit widths."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import load_file

from qabwnas.cli.main import main
from qabwnas.pipeline.config.load import stored_config
from qabwnas.pipeline.stages.teacher import load_teacher
from tests.pipeline.tiny import TINY, TRAINING, write_config

pytestmark = pytest.mark.usefixtures("torch_threads", "in_this_process")

FAIR: dict[str, Any] = TINY | {
    "budgets": [
        {"size_bytes": "100%"},
        {"size_bytes": "100%", "bits": 8},
        {"size_bytes": "95%", "bits": "homogeneous"},
    ],
    "networks": {"training": TRAINING, "control": True, "qat": TRAINING},
}


def qabwnas(*arguments: object) -> Any:
    return CliRunner().invoke(main, list(map(str, arguments)))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fair")
    result = qabwnas("run", write_config(folder, FAIR), "-o", folder / "run")
    assert result.exit_code == 0, result.output
    (folder / "table.txt").write_text(result.stdout)
    return folder / "run"


def rows(run: Path) -> dict[str, Any]:
    results = json.loads((run / "results.json").read_text())
    return {row["name"]: row for row in results["rows"]}


def test_the_retrained_teacher_is_scored_and_every_network_compared_with_it(run: Path) -> None:
    found = rows(run)
    assert list(found)[:5] == [
        "teacher FP32",
        "teacher INT8",
        "teacher INT4",
        "teacher INT8, retrained",
        "teacher INT4, retrained",
    ]
    before, after = found["teacher INT8"], found["teacher INT8, retrained"]
    weights = load_file(run / "networks" / f"{after['network']}-seed0.safetensors")
    teacher = load_teacher(stored_config(run / "config.json"), run).state_dict()
    assert weights.keys() == teacher.keys()
    assert not all(torch.equal(weights[name], teacher[name]) for name in weights)
    assert len(after["scores_qat"]) == 1
    assert (after["size_bytes"], after["widths"], after["blocks"]) == (
        before["size_bytes"],
        before["widths"],
        before["blocks"],
    )
    for name, row in found.items():
        expected = {"teacher INT8", "teacher INT8, retrained"} - {name}
        assert set(row["differences"]) == expected
        for other, (difference, error) in row["differences"].items():
            final = [
                (each["scores_qat"] or each["scores_after"] or each["scores_before"])[0] for each in (row, found[other])
            ]
            assert difference == pytest.approx(final[0] - final[1])
            assert error >= 0
    table = (run.parent / "table.txt").read_text()
    assert table.splitlines()[0].split()[-5:] == ["vs", "INT8", "vs", "control", "blocks"]
    value, error = found["teacher INT4"]["differences"]["teacher INT8"]
    assert f"{value * 100:+.2f} ±{error * 100:.2f}" in table
    assert "vs control: above the final score of teacher INT8, retrained." in table


def test_budgets_within_bit_widths(run: Path) -> None:
    found = list(rows(run).values())[5:]
    assert [row["name"].split(", ")[1:] for row in found] == [[], ["bits 8"], ["bits homogeneous"]]
    assert set(found[1]["widths"]) == {"w8a8"}
    assert len(set(found[2]["widths"])) == 1
    assert found[1]["network"].split("-")[2:4] == ["bits", "8"]
    assert sum(found[0]["nsrs"]) <= min(sum(row["nsrs"]) for row in found[1:])


def test_an_added_network_is_compared_with_both(run: Path) -> None:
    assert qabwnas("retrain", run, "--choice", "b1=1,b2=0").exit_code == 0
    result = qabwnas("report", run, "--json")
    assert result.exit_code == 0, result.output
    added = json.loads(result.stdout)["rows"][-1]
    assert added["family"] == "added"
    assert set(added["differences"]) == {"teacher INT8", "teacher INT8, retrained"}
    other = list(rows(run).values())[5]["network"]
    against = json.loads(qabwnas("report", run, "--json", "--against", added["network"]).stdout)["rows"]
    turned = json.loads(qabwnas("report", run, "--json", "--against", other).stdout)["rows"]
    [there] = [row["differences"][added["network"]] for row in against if row["network"] == other]
    [back] = [row["differences"][other] for row in turned if row["network"] == added["network"]]
    assert there == pytest.approx([-back[0], back[1]])
    unknown = qabwnas("report", run, "--against", "teacher INT9")
    assert (unknown.exit_code, unknown.stderr.count("\n")) == (1, 1)
    assert "the report has no network 'teacher INT9'; is 'teacher INT" in unknown.stderr
    control = next(row["network"] for row in against if row["family"] == "control")
    exported = qabwnas("export", run, "--answer", control, "-o", run.parent / "x")
    assert exported.stderr == f"error: {run}: {control} is the retrained teacher, which is no network of the LUT\n"


@pytest.mark.parametrize(
    ("entry", "line"),
    [
        ({"size_bytes": "100%", "bits": 6}, "budgets[0]: bits '6'"),
        ({"nsr": 1000, "bits": 6}, "budgets[0]: bits '6'"),
        ({"size_bytes": "40%", "bits": 8}, "budgets[0].size_bytes: 40% ("),
        ({"size_bytes": "100%", "bits": "mixed"}, "budgets[0]: bits 'mixed'"),
    ],
)
def test_bits_that_no_network_has(tmp_path: Path, entry: dict[str, Any], line: str) -> None:
    path = write_config(tmp_path, TINY | {"budgets": [entry]})
    result = qabwnas("run", path, "-o", tmp_path / "run")
    assert result.exit_code == 1
    assert result.stderr.startswith(f"error: {path}: {line}")
    assert not (tmp_path / "run").exists()

"""The example of docs/own_network, as a user runs it: a task, a head and a cost metric outside of the package."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from click.testing import CliRunner, Result
from PIL import Image, ImageDraw

from qabwnas.cli.main import main
from qabwnas.costs import network_costs
from qabwnas.lut.lut import Lut
from qabwnas.pipeline.config.config import run_costs
from qabwnas.pipeline.config.load import load_config
from qabwnas.pipeline.stages.answers import load_answers
from qabwnas.pipeline.stages.teacher_network import measured_parts
from tests.cli import jobs_in_this_process

EXAMPLE = Path(__file__).resolve().parents[2] / "docs" / "own_network"
SIDE = 20

SEARCH = """
import sys
import qabwnas
lut = qabwnas.Lut.open(sys.argv[1])
result = qabwnas.search(lut, minimize="nsr", budgets={"energy_pj": 300_000})
print(result.status, lut.metric("energy_pj").unit, sorted({"torch", "mynet"} & set(sys.modules)))
"""


def draw_images(root: Path) -> None:
    """Draw bright shapes on dark ground, a folder per shape."""
    rng = np.random.default_rng(0)
    for split, n in (("train", 40), ("val", 10)):
        for shape in ("circle", "cross", "square"):
            folder = root / split / shape
            folder.mkdir(parents=True)
            for number in range(n):
                image = Image.new("RGB", (SIDE, SIDE), tuple(rng.integers(0, 80, 3).tolist()))
                x, y = rng.integers(2, 7, 2).tolist()
                draw_shape(
                    ImageDraw.Draw(image), shape, (x, y, x + 10, y + 10), tuple(rng.integers(120, 256, 3).tolist())
                )
                image.save(folder / f"{number}.png")


def draw_shape(draw: ImageDraw.ImageDraw, shape: str, box: tuple[int, int, int, int], colour: Any) -> None:
    left, top, right, bottom = box
    if shape == "circle":
        draw.ellipse(box, fill=colour)
    elif shape == "square":
        draw.rectangle(box, fill=colour)
    else:
        draw.line((left, top, right, bottom), fill=colour, width=3)
        draw.line((left, bottom, right, top), fill=colour, width=3)


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("own") / "own_network"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("__pycache__"))
    draw_images(folder / "images")
    content = yaml.safe_load((folder / "config.yaml").read_text())
    for training in (content["teacher"]["training"], content["supernet"]["training"], content["networks"]["training"]):
        training.update(steps=6, learning_rate=0.005)
    (folder / "short.yaml").write_text(yaml.safe_dump(content))
    return folder


def run(folder: Path, *options: str) -> Result:
    with jobs_in_this_process():
        return CliRunner().invoke(main, ["run", str(folder / "short.yaml"), "-o", str(folder / "RUN"), *options])


@pytest.fixture(scope="module")
def finished(example: Path) -> Result:
    result = run(example)
    assert result.exit_code == 0, result.output
    return result


def test_the_table_has_the_score_and_the_budgets_of_own_code(finished: Result) -> None:
    assert "balanced accuracy on 30 test images of mynet.tasks.Shapes; seed 0." in finished.output
    assert finished.output.count("energy_pj ≤ ") == 2


def test_totals_are_those_of_the_metric_over_the_whole_network(example: Path, finished: Result) -> None:  # noqa: ARG001
    config = load_config(example / "short.yaml")
    for found in load_answers(example / "RUN"):
        assert found.codes is not None
        operations = [block.decode(code) for block, code in zip(config.space.blocks, found.codes, strict=True)]
        costs = network_costs(config.space, operations, found.policy, measured_parts(config), run_costs(config))
        assert float(found.totals["energy_pj"]) == costs["energy_pj"] <= float(found.budgets["energy_pj"])
    lut = Lut.open(example / "RUN" / "lut.h5")
    assert lut.provenance["metrics"].keys() == {"energy_pj"}


def test_a_search_in_its_lut_needs_neither_the_code_nor_torch(example: Path, finished: Result) -> None:  # noqa: ARG001
    command = [sys.executable, "-c", SEARCH, str(example / "RUN" / "lut.h5")]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert printed == "optimal pJ []\n"


def test_a_run_is_done_until_settings_of_own_code_change(example: Path, finished: Result) -> None:
    assert run(example).output.endswith(finished.output[finished.output.index("network ") :].splitlines()[-1] + "\n")
    content = yaml.safe_load((example / "short.yaml").read_text())
    for section, change in (
        ("task", "data was made with other settings (task.smoothing: 0.1 → 0.2)"),
        ("metrics", "lut was made with other settings (metrics.energy_pj: "),
    ):
        changed = json.loads(json.dumps(content))
        if section == "task":
            changed["task"]["smoothing"] = 0.2
        else:
            changed["metrics"][0]["dram_pj_per_byte"] = 100
        (example / "changed.yaml").write_text(yaml.safe_dump(changed))
        result = CliRunner().invoke(main, ["run", str(example / "changed.yaml"), "-o", str(example / "RUN")])
        assert result.exit_code == 1
        assert change in result.output
        assert result.output.count("\n") == 1
    (example / "images").rename(example / "moved")
    moved = run(example, "--data", str(example / "moved"))
    assert moved.exit_code == 0, moved.output


@pytest.mark.slow
def test_the_walk_from_a_resnet_to_a_network_that_leaves_the_tool(tmp_path: Path) -> None:
    """Its own teacher, operation, task and images; two devices; a budget of latency; retraining, export, loading."""
    shutil.copytree(EXAMPLE, tmp_path / "copy", ignore=shutil.ignore_patterns("__pycache__"))
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    walk = subprocess.run(
        ["bash", "walk.sh"], cwd=tmp_path / "copy", env=os.environ | {"PATH": path}, capture_output=True, text=True
    )
    assert walk.returncode == 0, walk.stderr[-2000:]
    lines = walk.stdout.splitlines()
    assert {"latency_ms[here]", "estimate_ms[jetson-nano]"} <= set(lines[0].split())
    [found] = [line for line in lines if line.startswith("latency_ms[here] ≤ ")]
    bound, total = float(found.split()[2]), float(found.split()[7])
    assert total <= bound
    assert re.fullmatch(r"latency_ms-here-[0-9.]+ms-[0-9a-f]{6}: [0-9.]+% of the classes agree, .*", lines[-1]), lines[
        -1
    ]
    answer = json.loads((tmp_path / "copy" / "answer.json").read_text())
    assert answer["answers"][0]["totals"]["latency_ms[here]"]
    run = tmp_path / "copy" / "run"
    assert Lut.open(run / "lut-latency.h5").metric_names[-2:] == ("latency_ms[here]", "estimate_ms[jetson-nano]")
    assert "latency_ms[here]" not in Lut.open(run / "lut.h5").metric_names

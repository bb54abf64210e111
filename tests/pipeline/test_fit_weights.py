"""Runs with points of fronts, networks from scratch and quantisation-aware training; and block weights from them."""

from __future__ import annotations

import json
import shutil
from decimal import Decimal
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner, Result

from qabwnas.cli.main import main
from qabwnas.nets.quantise import quantise_network
from qabwnas.pipeline.config.config import Config
from qabwnas.pipeline.config.load import load_config
from qabwnas.pipeline.execution.jobs import Resources
from qabwnas.pipeline.fit_weights import fit_inherited, fit_retrained
from qabwnas.pipeline.run import STAGES, run_stages
from qabwnas.pipeline.stages.answers import load_answers
from qabwnas.pipeline.stages.data import load_task
from qabwnas.pipeline.stages.networks import calibration_images, load_network, load_qat
from qabwnas.pipeline.stages.report import load_results
from qabwnas.quant.operators import Convolution
from tests.pipeline.tiny import TINY, TRAINING, write_config

LONGER = TRAINING | {"steps": 100, "batch": 32, "learning_rate": 0.05}
NETWORKS = {"training": LONGER, "distillation": 0.5, "initial": "scratch", "qat": TRAINING}
RUN = TINY | {
    "front_points": 3,
    "networks": NETWORKS,
    "teacher": TINY["teacher"] | {"training": {"steps": 100, "batch": 64, "learning_rate": 0.1}},
    "supernet": TINY["supernet"]
    | {"training": {"steps": 80, "batch": 64, "learning_rate": 0.01, "optimizer": "adamw"}},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of points of fronts."""
    folder = tmp_path_factory.mktemp("calibrate")
    write_config(folder, RUN)
    run_stages(STAGES, load_config(folder / "config.yaml"), folder / "run")
    return folder / "run"


@pytest.fixture(scope="module")
def config(folder: Path) -> Config:
    return load_config(folder / "config.json")


def test_the_configuration_of_a_run_reads_back(folder: Path, config: Config) -> None:
    assert config == load_config(folder.parent / "config.yaml")


def test_every_network_is_there_in_float_and_at_its_bit_widths(folder: Path) -> None:
    found = [each for each in load_answers(folder) if each.codes is not None]
    assert {each.family for each in found} == {"budget", "w4a4", "w8a8", "mixed"}
    names = {path.name for path in (folder / "networks").iterdir()}
    assert names == {f"{each.network}-seed0{suffix}.safetensors" for each in found for suffix in ("", "-qat")}
    shared: dict[str, set[bytes]] = {}
    for each in found:  # networks that differ only in bit widths have the same float weights
        path = folder / "networks" / f"{each.network}-seed0.safetensors"
        shared.setdefault(str(each.codes), set()).add(path.read_bytes())
    assert len(shared) < len(found)
    assert all(len(contents) == 1 for contents in shared.values())
    rows = load_results(folder).found
    assert all(len(row.scores_before) == len(row.scores_after) == len(row.scores_qat) == 1 for row in rows)
    assert all(row.encoder_bytes < row.size_bytes for row in rows)


def test_tuned_networks_read_back_with_rounded_weights(folder: Path, config: Config) -> None:
    found = next(each for each in load_answers(folder) if each.family == "w4a4")
    network = load_network(config, folder, found, 0)
    tuned = load_qat(config, folder, network, found, 0, calibration_images(load_task(config, folder), "cpu"))
    convolutions = [part.conv for part in tuned.blocks.modules() if isinstance(part, Convolution)]
    assert all(len(row.unique()) <= 15 for conv in convolutions for row in conv.weight)
    images = torch.cat(list(calibration_images(load_task(config, folder), "cpu")))
    with torch.no_grad():
        assert not torch.equal(tuned(images), quantise_network(network, found.policy, [images])(images))


def test_weights_come_from_the_validation_split(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    task = load_task(load_config(folder / "config.json"), folder)
    score = type(task).score
    monkeypatch.setattr(
        type(task), "score", lambda self, n, split, **k: (seen.append(len(split)), score(self, n, split, **k))[1]
    )
    found = fit_inherited(folder, 8, Resources())
    assert seen == [200] * found.fit.n_networks
    assert found.block_names == ("b1", "b2")
    assert abs(sum(found.fit.weights) - 2) <= Decimal("0.002")
    assert fit_inherited(folder, 8, Resources()) == found


def qabwnas(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_a_search_takes_the_weights(folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "weights.json"
    result = qabwnas("fit-weights", folder, "--evaluate", 8, "-o", target)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.endswith(f"written to {target}\n")
    assert "Kendall's τ between low NSR and high accuracy, 8 inherited networks: " in result.stdout
    content = json.loads(target.read_text())
    assert (content["origin"]["networks"], content["origin"]["n_networks"]) == ("inherited", 8)
    b1, b2 = content["weights"]["b1"], content["weights"]["b2"]
    options = ("--budget", "size_bytes=3000", "--json")
    by_file = qabwnas("search", folder / "lut.h5", "--weight-file", target, *options)
    by_hand = qabwnas("search", folder / "lut.h5", "--weight", f"b1={b1}", "--weight", f"b2={b2}", *options)
    assert by_file.exit_code == 0, by_file.output
    assert json.loads(by_file.stdout)["answers"] == json.loads(by_hand.stdout)["answers"]
    overruled = qabwnas("search", folder / "lut.h5", "--weight-file", target, "--weight", "b2=0", *options)
    zero = qabwnas("search", folder / "lut.h5", "--weight", f"b1={b1}", "--weight", "b2=0", *options)
    assert json.loads(overruled.stdout)["answers"] == json.loads(zero.stdout)["answers"]
    assert qabwnas("fit-weights", folder, "-o", target).stderr == (
        f"error: {target}: is already there; --force overwrites it\n"
    )


def test_what_cannot_be_calibrated_is_one_line(folder: Path, tmp_path: Path) -> None:
    result = qabwnas("fit-weights", folder, "--evaluate", 5)
    assert result.exit_code == 1
    assert result.stderr == (
        "error: 5 distinct networks are too few to fit 2 weights: 6 are needed, two for each weight and the intercept\n"
    )
    assert not (folder / "weights.json").exists()
    copy = tmp_path / "run"
    shutil.copytree(folder, copy)
    next((copy / "networks").iterdir()).unlink()
    result = qabwnas("fit-weights", copy)
    assert result.stderr.startswith(f"error: {copy}: the stage networks is not done (networks/")
    assert result.stderr.endswith(" is gone); run it first\n")
    result = qabwnas("fit-weights", tmp_path)
    assert result.stderr.startswith(f"error: {tmp_path}/config.json: cannot be read")
    (tmp_path / "w.json").write_text(
        '{"format": "qabwnas-block-weights", "version": 1, "metric": "nsr", "weights": {"b9": "1.5"}}'
    )
    result = qabwnas("search", folder / "lut.h5", "--weight-file", tmp_path / "w.json")
    assert result.exit_code == 1
    assert "b9" in result.stderr


def test_retrained_networks_are_scored_as_deployed(folder: Path) -> None:
    found = fit_retrained(folder, Resources())
    assert found.networks == "retrained"
    assert found.fit.n_networks >= 6

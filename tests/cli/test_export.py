"""``qabwnas export`` from outside: what it writes, that it holds the model to its promises, and what it refuses."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import safetensors.torch
import torch
from click.testing import Result
from onnx import numpy_helper
from torch import nn

from qabwnas.deploy.check import check_scores, packed_bytes
from qabwnas.deploy.onnx_export import onnx_model
from qabwnas.errors import MismatchError
from qabwnas.pipeline import export
from qabwnas.pipeline.config.load import load_config
from qabwnas.pipeline.run import STAGES, run_stages
from qabwnas.pipeline.stages.answers import load_answers
from qabwnas.pipeline.stages.networks import load_network
from tests.cli import run as qabwnas
from tests.pipeline.tiny import TINY, TRAINING, write_config

pytestmark = pytest.mark.usefixtures("torch_threads")


def make_run(folder: Path, content: dict[str, object]) -> Path:
    write_config(folder, content)
    run_stages(STAGES, load_config(folder / "config.yaml"), folder / "run")
    return folder / "run"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_run(tmp_path_factory.mktemp("export"), TINY)


@pytest.fixture(scope="module")
def exported(run: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    folder = tmp_path_factory.mktemp("exports") / "first"
    return folder, qabwnas("export", run, "--answer", 1, "-o", folder)


def test_the_card_tells_what_was_written(exported: tuple[Path, Result], run: Path) -> None:
    folder, result = exported
    assert result.exit_code == 0, result.output
    card = json.loads((folder / "card.json").read_text(encoding="utf-8"))
    found = load_answers(run)[0]
    assert [block["bits"] for block in card["blocks"]] == found.widths
    assert [block["candidate"] for block in card["blocks"]] == found.codes
    assert card["budgets"] == found.budgets
    for name in ("model.onnx", "weights.safetensors"):
        assert card["sha256"][name] == hashlib.sha256((folder / name).read_bytes()).hexdigest()
    assert card["size"]["predicted_bytes"] == card["size"]["packed_bytes"] == int(found.totals["size_bytes"])
    assert card["size"]["file_bytes"] == (folder / "model.onnx").stat().st_size
    assert card["provenance"]["teacher"]
    scores = card["scores"]
    assert abs(scores["onnxruntime"] - scores["fake_quantised"]) <= 0.01
    assert card["outputs"]["from_fake_quantised"]["within_a_step"] >= 0.99
    assert (
        f"{scores['onnxruntime']:.2%} in ONNX Runtime, {scores['fake_quantised']:.2%} fake-quantised" in result.stdout
    )
    assert f"size: {card['size']['packed_bytes']} bytes as predicted" in result.stdout


def test_the_files_need_nothing_of_the_run(exported: tuple[Path, Result], run: Path) -> None:
    folder, _ = exported
    session = onnxruntime.InferenceSession(folder / "model.onnx", providers=["CPUExecutionProvider"])
    [logits] = session.run(None, {"input": np.zeros((3, 1, 8, 8), dtype=np.float32)})
    assert logits.shape == (3, 10)
    config = load_config(run / "config.json")
    expected = load_network(config, run, load_answers(run)[0], 0).state_dict()
    weights = safetensors.torch.load_file(folder / "weights.safetensors")
    assert weights.keys() == expected.keys()
    assert all(torch.equal(weights[name], tensor) for name, tensor in expected.items())


def test_networks_trained_at_their_bits_are_exported_too(tmp_path: Path) -> None:
    networks = {"training": TRAINING, "distillation": 0.5, "qat": TRAINING}
    run = make_run(tmp_path, TINY | {"networks": networks, "budgets": [{"size_bytes": "80%"}]})
    result = qabwnas("export", run, "--answer", 1, "-o", tmp_path / "out", "--json")
    assert result.exit_code == 0, result.output
    card = json.loads(result.stdout)
    assert card["weights"] == "trained at their bits"
    assert packed_bytes(onnx.load(tmp_path / "out" / "model.onnx")) == card["size"]["predicted_bytes"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--answer", 4], "answer 4 is not in 1 … 3"),
        (
            ["--choice", "b1=0,b2=0"],
            "choice-cba9a8 is not retrained yet; qabwnas retrain does this for the same answer",
        ),
        (["--answer", 2], "answer 2 (nsr ≤ 0.000001): no network fits"),
        (["--answer", 1, "--retraining", 2], "retraining 2 is not in 0 … 1"),
    ],
)
def test_what_is_not_there_is_named(run: Path, tmp_path: Path, options: list[object], message: str) -> None:
    result = qabwnas("export", run, *options, "-o", tmp_path / "out")
    assert result.exit_code == 1
    assert result.stderr == f"error: {run}: {message}\n"
    assert not (tmp_path / "out").exists()


def test_an_unfinished_run_is_refused(run: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(run, folder)
    shutil.rmtree(folder / "networks")
    result = qabwnas("export", folder, "--answer", 1, "-o", tmp_path / "out")
    assert result.exit_code == 1
    assert result.stderr.endswith(" is not retrained yet; qabwnas retrain does this for the same answer\n")


def test_nothing_is_overwritten_without_force(exported: tuple[Path, Result], run: Path) -> None:
    folder, _ = exported
    before = (folder / "card.json").read_bytes()
    result = qabwnas("export", run, "--answer", 3, "-o", folder)
    assert (result.exit_code, result.stderr) == (1, f"error: {folder}: is not empty; --force writes into it\n")
    assert (folder / "card.json").read_bytes() == before
    assert qabwnas("export", run, "--answer", 1, "-o", folder, "--force").exit_code == 0
    assert (folder / "card.json").read_bytes() == before


def another_head(model: onnx.ModelProto) -> None:
    [pooling] = [node for node in model.graph.node if node.op_type == "GlobalAveragePool"]
    pooling.op_type = "GlobalMaxPool"


def heavier(model: onnx.ModelProto) -> None:
    model.graph.initializer.append(numpy_helper.from_array(np.zeros(3, dtype=np.float32), "more.weight"))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (another_head, "error: the outputs in ONNX Runtime differ from the simulation: "),
        (heavier, "error: the model holds "),
    ],
)
def test_a_mismatch_is_an_error_and_writes_nothing(
    run: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    spoil: Callable[[onnx.ModelProto], None],
    message: str,
) -> None:
    def spoilt(network: nn.Module, shape: tuple[int, ...]) -> onnx.ModelProto:
        model = onnx_model(network, shape)
        spoil(model)
        return model

    monkeypatch.setattr(export, "onnx_model", spoilt)
    result = qabwnas("export", run, "--answer", 1, "-o", tmp_path / "out")
    assert result.exit_code == 1
    assert result.stderr.startswith(message)
    assert not (tmp_path / "out").exists()


def test_scores_that_differ_too_much_are_an_error() -> None:
    check_scores(0.971, 0.962, "accuracy")
    with pytest.raises(
        MismatchError, match=r"accuracy: 95.00% in ONNX Runtime, 97.00% as simulated; they may differ by 1%"
    ):
        check_scores(0.97, 0.95, "accuracy")

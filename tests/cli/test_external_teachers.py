"""What the commands say of teachers made elsewhere: what stays float, what carries no signal, what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import yaml
from click.testing import CliRunner, Result

from qabwnas.cli.main import main
from qabwnas.lut.lut import Lut
from tests.pipeline.external_teacher import BORDERS
from tests.pipeline.tiny import SPACE, TINY


def run(folder: Path, function: str, *options: str) -> Result:
    (folder / "tiny.yaml").write_text(yaml.safe_dump(SPACE))
    teacher = {"module": f"tests.pipeline.external_teacher.{function}", "borders": BORDERS}
    (folder / "config.yaml").write_text(yaml.safe_dump(TINY | {"teacher": teacher}))
    return CliRunner().invoke(main, ["run", str(folder / "config.yaml"), "-o", str(folder / "run"), *options])


def test_parts_that_stay_float_are_named_with_the_reason(tmp_path: Path) -> None:
    result = run(tmp_path, "norm_act", "--stage", "teacher")
    assert result.exit_code == 0
    lines = [line.partition("  ")[2] for line in result.stderr.splitlines() if "float" in line]
    assert lines == [
        "teacher: stem stays float (32 bits) at any bit widths: "
        "batch_norm in stem.1 (NormAct, derived from BatchNorm2d) has no operator",
        "teacher: head stays float (32 bits) at any bit widths: head.2 (GELU) has no operator: integer run-times "
        "approximate it, each in its own way",
    ]


def test_a_channel_without_signal_is_said_recorded_and_left_out(tmp_path: Path) -> None:
    result = run(tmp_path, "one_silent", "--stage", "lut")
    assert result.exit_code == 0, result.stderr
    lines = [line.partition("  ")[2] for line in result.stderr.splitlines() if "signal" in line]
    assert lines == [
        "supernet: block 'b1': 1 of 4 channels carries no signal (a variance of at most 1e-06 of the block's mean); "
        "left out of its loss and its NSRs"
    ]
    lut = Lut.open(tmp_path / "run" / "lut.h5")
    assert lut.provenance["without_signal"] == {"b1": [2]}
    assert lut.blocks[0].measured("nsr") is None, "every row is measured"
    info = CliRunner().invoke(main, ["lut", "info", str(tmp_path / "run" / "lut.h5"), "--json"])
    assert json.loads(info.stdout)["provenance"]["without_signal"] == {"b1": [2]}


@pytest.mark.parametrize(
    ("function", "stage", "message"),
    [
        ("all_silent", "supernet", "b1: the teacher's feature map is constant: none of its channels carries a signal"),
        ("not_finite", "supernet", "b1: the teacher's feature map holds NaN or infinity"),
        ("batch_dependent", "teacher", "tests.pipeline.external_teacher.batch_dependent: border 'stem': what the "
         "teacher gives for an image depends on the other images of its batch, by up to "),
    ],
)  # fmt: skip
def test_what_cannot_be_taught_is_refused_before_anything_is_trained(
    tmp_path: Path, function: str, stage: str, message: str
) -> None:
    result = run(tmp_path, function)
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1].startswith(f"error: {message}")
    assert "step" not in result.stderr
    assert not (tmp_path / "run" / f"{stage}.pt").exists()


OWN_NET = """
import torch
from torch import nn


class Residual(nn.Module):
    def __init__(self, n_in, n_out, stride):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(n_in, n_out, 3, stride, 1, bias=False), nn.BatchNorm2d(n_out)
        self.conv2, self.bn2 = nn.Conv2d(n_out, n_out, 3, 1, 1, bias=False), nn.BatchNorm2d(n_out)
        self.down = nn.Conv2d(n_in, n_out, 1, stride)

    def forward(self, x):
        y = self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x)))))
        y += self.down(x)
        return torch.relu(y)


class ResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.pool = nn.Conv2d(1, 4, 3, 1, 1), nn.MaxPool2d(3, 2, 1)
        self.layer1, self.layer2 = Residual(4, 4, 1), Residual(4, 6, 2)
        self.after, self.fc = nn.GELU(), nn.Linear(6, 10)

    def forward(self, x):
        x = self.layer2(self.layer1(self.pool(torch.relu(self.conv(x)))))
        return self.fc(self.after(x.mean([2, 3])))


def make():
    torch.manual_seed(0)
    return ResNet()
"""


@pytest.mark.slow
def test_a_network_of_the_users_leaves_the_tool(tmp_path: Path) -> None:
    """Its stem has a max pooling and a convolution without batch norm, its head a layer that stays float."""
    (tmp_path / "own_net.py").write_text(OWN_NET)
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(SPACE | {"operations": ["k3e1"], "bit_widths": [8]}))
    training = {"steps": 2, "batch": 16, "learning_rate": 0.001}
    config = {
        "teacher": {"module": "own_net.make", "borders": ["pool", "layer1", "layer2"]},
        "supernet": {"training": training},
        "networks": {"training": training, "initial": "supernet"},
        "budgets": [{"size_bytes": "100%"}],
    }
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(TINY | config))
    result = CliRunner().invoke(main, ["run", str(tmp_path / "config.yaml"), "-o", str(tmp_path / "run")])
    assert result.exit_code == 0, result.output
    out = tmp_path / "out"
    result = CliRunner().invoke(main, ["export", str(tmp_path / "run"), "--answer", "1", "-o", str(out)])
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[-1] == (
        "head stays float (32 bits) in the model, of opset 13: after (GELU) has no operator: integer run-times "
        "approximate it, each in its own way"
    )
    card = json.loads((out / "card.json").read_text())
    assert [part["path"] for part in card["float_parts"]] == ["head"]
    assert card["outputs"]["from_fake_quantised"]["within_a_step"] >= 0.99
    assert card["size"]["packed_bytes"] == card["size"]["predicted_bytes"]
    session = onnxruntime.InferenceSession(out / "model.onnx", providers=["CPUExecutionProvider"])
    [logits] = session.run(None, {"input": np.zeros((3, 1, 8, 8), dtype=np.float32)})
    assert logits.shape == (3, 10)

"""What the commands say of teachers made elsewhere: what stays float, what carries no signal, what is refused."""

from __future__ import annotations

import json
from pathlib import Path

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

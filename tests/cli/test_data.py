"""``qabwnas data``: what is printed, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from qabwnas.cli.main import main

SIZE = ("--height", "32", "--width", "64")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def data(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["data", *arguments], prog_name="qabwnas")


def test_scenes_are_drawn_and_checked() -> None:
    result = data("synth", "scenes", "--train", "4", "--val", "2", *SIZE)
    assert result.exit_code == 0, result.output
    assert result.stdout == "scenes: 4 train and 2 val scenes of 64×32 pixels\n"
    result = data("check", "scenes")
    assert result.stdout == (
        "scenes: train: 4 scenes of 64×32 pixels in 4 cities\nscenes: val: 2 scenes of 64×32 pixels in 2 cities\n"
    )


def test_another_drawing_needs_force() -> None:
    data("synth", "scenes", "--train", "1", "--val", "1", *SIZE)
    result = data("synth", "scenes", "--train", "1", "--val", "1", "--seed", "1", *SIZE)
    assert result.exit_code == 1
    assert result.stderr == "error: scenes: holds scenes of another seed; --force draws them anew\n"
    assert data("synth", "scenes", "--train", "1", "--val", "1", "--seed", "1", "--force", *SIZE).exit_code == 0


def test_what_is_wrong_is_named() -> None:
    result = data("check", "nowhere")
    assert result.exit_code == 1
    assert result.stderr == "error: nowhere: there is no such folder; Cityscapes has leftImg8bit and gtFine in one\n"
    data("synth", "scenes", "--train", "2", "--val", "1", *SIZE)
    victim = next(Path("scenes/leftImg8bit/train").rglob("*.png"))
    victim.write_bytes(victim.read_bytes()[:500])
    result = data("check", "scenes")
    assert result.exit_code == 1
    assert result.stderr.startswith(f"error: {victim}: cannot be read as an image: ")
    assert result.stderr.count("\n") == 1


def test_wrong_usage() -> None:
    assert data("synth", "scenes", "--train", "0", "--val", "1").exit_code == 2
    assert data("synth", "scenes", "--train", "1").exit_code == 2

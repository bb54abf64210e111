"""``init`` and ``config`` from outside: files to start from, which run as they are, and what is wrong with others."""

import json
from pathlib import Path

import pytest
import torch
import yaml
from click.testing import CliRunner, Result

from qabwnas.cli.config_options import default_folder
from qabwnas.cli.main import main


def qabwnas(*arguments: object) -> Result:
    threads = torch.get_num_threads()
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    torch.set_num_threads(threads)
    return result


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_what_init_writes_runs_as_it_is(folder: Path) -> None:
    result = qabwnas("init", "my")
    assert (result.exit_code, result.stdout) == (0, "my/config.yaml\nmy/space.yaml\n")
    assert result.stderr == "next: qabwnas run my/config.yaml --smoke\n"
    result = qabwnas("run", "my/config.yaml", "--smoke", "--device", "cpu", "--stage", "supernet")
    assert result.exit_code == 0, result.stderr
    assert "teacher: 2 of 2 steps" in result.stderr
    assert [path.name for path in (folder / "runs").iterdir()] == ["my-smoke"]


@pytest.mark.slow
def test_a_smoke_test_reaches_its_table() -> None:
    qabwnas("init", "my")
    result = qabwnas("run", "my/config.yaml", "--smoke", "--device", "cpu")
    assert (result.exit_code, result.stdout.startswith("network ")) == (0, True), result.stderr


def test_other_examples_are_valid(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CITYSCAPES_DATASET", "data")
    for name in ("street-small", "cityscapes"):
        assert qabwnas("init", name, "--from", name).exit_code == 0
        result = qabwnas("config", "check", f"{name}/config.yaml")
        assert (result.exit_code, result.stdout) == (0, f"{name}/config.yaml: valid\n")


def test_init_overwrites_with_force_only(folder: Path) -> None:
    qabwnas("init", "my")
    (folder / "my" / "space.yaml").write_text("name: mine\n")
    (folder / "my" / "config.yaml").unlink()
    result = qabwnas("init", "my")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "error: my/space.yaml: is already there; --force overwrites it\n"
    assert not (folder / "my" / "config.yaml").exists()
    assert qabwnas("init", "my", "--force").exit_code == 0
    assert yaml.safe_load((folder / "my" / "space.yaml").read_text())["name"] == "digits"


def test_init_names_the_examples(folder: Path) -> None:
    result = qabwnas("init", "my", "--from", "street")
    assert result.exit_code == 1
    assert result.stderr.startswith(
        "error: 'street' is not one of the examples cityscapes, digits, fashion, street-small"
    )
    assert not (folder / "my").exists()


def test_init_does_not_write_into_a_file(folder: Path) -> None:
    (folder / "my").write_text("mine")
    result = qabwnas("init", "my")
    assert (result.exit_code, (folder / "my").read_text()) == (2, "mine")
    assert "'my' is a file" in result.stderr


def test_check_names_every_wrong_field(folder: Path) -> None:
    qabwnas("init", "my")
    path = folder / "my" / "config.yaml"
    text = path.read_text()
    path.write_text(text.replace("seed: 0", "seed: zero").replace("seeds: 3", "n_seeds: 3").replace("sgd", "adam"))
    result = qabwnas("config", "check", "my/config.yaml")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.splitlines() == [
        "error: my/config.yaml: seed: 'zero' is not a whole number",
        "error: my/config.yaml: networks.n_seeds: unknown field; is 'seeds' meant?",
    ]
    path.write_text(text.replace("size_bytes: 35%", "size_bytes: 1%"))
    result = qabwnas("config", "check", "my/config.yaml")
    assert result.exit_code == 1
    assert result.stderr.startswith("error: my/config.yaml: budgets[2].size_bytes: 1% (")
    assert qabwnas("config", "check", "none.yaml").stderr.startswith("error: none.yaml: cannot be read: ")


def test_the_schema_goes_to_stdout() -> None:
    result = qabwnas("config", "schema")
    assert (result.exit_code, result.stderr) == (0, "")
    assert set(json.loads(result.stdout)["properties"]) >= {"task", "space", "teacher", "budgets", "bit_widths"}


def test_a_run_is_named_after_its_configuration(folder: Path) -> None:
    assert default_folder(Path("my/config.yaml"), smoke=False) == Path("runs/my")
    assert default_folder(Path("config.yaml"), smoke=True) == Path("runs") / f"{folder.name}-smoke"
    assert default_folder(Path("configs/street.yaml"), smoke=False) == Path("runs/street")

"""What tests of the documentation start from: the command on the path, the tutorials' table, and a small run."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from qabwnas.cli.main import main

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
TABLES = ("tutorials/table.csv", "how-to/digits.csv.gz")
"""Files that pages tell their readers to download."""


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of shell commands: ``qabwnas``, ``python`` and ``torchrun`` are those that run the tests."""
    programs = tmp_path_factory.mktemp("programs")
    modules = {"qabwnas": "-m qabwnas", "python": "", "torchrun": "-m torch.distributed.run"}
    for name, arguments in modules.items():
        program = programs / name
        program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {arguments} "$@"\n', encoding="utf-8")
        program.chmod(0o755)
    path = os.pathsep.join([str(programs), os.environ["PATH"]])
    return os.environ | {"PATH": path, "PYTHONPATH": str(ROOT), "COLUMNS": "120"}


@pytest.fixture(scope="session")
def small_run(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``digits/config.yaml`` and the run ``runs/digits-smoke``."""
    folder = tmp_path_factory.mktemp("small")
    for command in ("init digits --from digits", "run digits/config.yaml --smoke"):
        done = subprocess.run(
            ["qabwnas", *command.split()], cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def folder(
    request: pytest.FixtureRequest, environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """The folder in which a page's code runs; the parameter is the page, relative to ``docs``.

    It has the tables, and ``lut.h5`` and the small run if the page starts from them.
    """
    text = (DOCS / request.param).read_text(encoding="utf-8")
    if request.param == "tutorials/own-network.md":
        shutil.copytree(
            DOCS / "own_network", tmp_path, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True
        )
    if "digits-smoke" in text and "qabwnas init digits" not in text:
        shutil.copytree(request.getfixturevalue("small_run"), tmp_path, dirs_exist_ok=True)
    for table in TABLES:
        shutil.copy(DOCS / table, tmp_path)
    if "lut.h5" in text and "lut import table.csv -o lut.h5" not in text:
        imported = CliRunner().invoke(
            main, ["lut", "import", str(tmp_path / "table.csv"), "-o", str(tmp_path / "lut.h5")]
        )
        assert imported.exit_code == 0, imported.output
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", environment["PATH"])
    monkeypatch.setenv("PYTHONPATH", environment["PYTHONPATH"])
    return tmp_path

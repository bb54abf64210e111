"""Modules beside a configuration: found from anywhere, and one line that blames the right field for what is wrong."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from qabwnas.cli.main import main
from qabwnas.errors import InputError
from qabwnas.pipeline.config.load import load_config
from qabwnas.pipeline.stages.teacher_network import make_module
from tests.pipeline.external_teacher import BORDERS
from tests.pipeline.tiny import SPACE, TINY

BROKEN = """\
import torch
from torch import nn


def raises():
    raise ValueError("no weights\\nhere")


def number():
    return 5


def sized(n):
    return nn.Linear(n, n)


def lazy():
    return nn.LazyLinear(3)


def other():
    return nn.Sequential(nn.Conv2d(1, 4, 3))


def late():
    import beside_of_broken
    return beside_of_broken.net


VALUE = 5
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("modules")
    (folder / "tiny.yaml").write_text(yaml.safe_dump(SPACE))
    (folder / "broken_net.py").write_text(BROKEN)
    (folder / "needs_other.py").write_text("import no_such_library\n")
    (folder / "needs_name.py").write_text("from collections import no_such_name\n")
    (folder / "bad_syntax.py").write_text("\ndef f(:\n")
    (folder / "bad_import.py").write_text("x = 1 / 0\n")
    (folder / "package_beside").mkdir()
    (folder / "package_beside" / "__init__.py").write_text("")
    (folder / "package_beside" / "nets.py").write_text("from torch import nn\nmake = nn.Flatten\n")
    return folder


def write(folder: Path, module: str) -> Path:
    path = folder / f"{module}.yaml"
    path.write_text(yaml.safe_dump(TINY | {"teacher": {"module": module, "borders": BORDERS}}))
    return path


@pytest.mark.parametrize(
    ("module", "message"),
    [
        ("no_such_module.make", "there is no module 'no_such_module' in {folder} or among installed packages"),
        ("package_beside.none.make", "there is no module 'package_beside.none' in {folder} or among installed"),
        ("needs_other.make", "importing needs_other raised ModuleNotFoundError: No module named 'no_such_library' "
                             "({folder}/needs_other.py, line 1)"),
        ("needs_name.make", "importing needs_name raised ImportError: cannot import name 'no_such_name'"),
        ("bad_syntax.make", "importing bad_syntax raised SyntaxError: invalid syntax ({folder}/bad_syntax.py, line 2)"),
        ("bad_import.make", "importing bad_import raised ZeroDivisionError: division by zero ({folder}/bad_import.py, "
                            "line 1)"),
        ("broken_net.none", "broken_net ({folder}/broken_net.py) has no 'none'; it has raises, number, sized"),
        ("broken_net.VALUE", "is int, not a function"),
        ("broken_net.raises", "raised ValueError: no weights here ({folder}/broken_net.py, line 6)"),
        ("broken_net.late", "raised ModuleNotFoundError: No module named 'beside_of_broken' ({folder}/broken_net.py"),
        ("broken_net.number", "gives int, not a module of torch"),
        ("broken_net.sized", "not a function that can be called without arguments: missing a required argument: 'n'"),
        ("broken_net.lazy", "weight has no shape yet (a lazy module)"),
    ],
)  # fmt: skip
def test_the_field_and_the_reason_are_named(folder: Path, module: str, message: str) -> None:
    path = write(folder, module)
    result = CliRunner().invoke(main, ["run", str(path), "-o", str(folder / "run")])
    assert result.exit_code == 1
    assert result.stderr.startswith(f"error: {path}: teacher.module: {module}: {message.format(folder=folder)}")
    assert result.stderr.count("\n") == 1
    assert not (folder / "run").exists()


def test_a_module_that_does_not_fit_is_no_matter_of_its_import(folder: Path) -> None:
    with pytest.raises(InputError, match=r"yaml: teacher: broken_net.other: border 'stem': the teacher has no module"):
        load_config(write(folder, "broken_net.other"))


def test_packages_beside_a_configuration_are_found(folder: Path) -> None:
    assert type(make_module("package_beside.nets.make", folder)).__name__ == "Flatten"


def test_another_module_of_that_name_is_not_taken_instead(folder: Path, tmp_path: Path) -> None:
    make_module("package_beside.nets.make", folder)
    (tmp_path / "package_beside.py").write_text("from torch import nn\nmake = nn.ReLU\n")
    with pytest.raises(InputError, match=f"{tmp_path} has a module 'package_beside', but another one of that name is"):
        make_module("package_beside.make", tmp_path)


def test_a_file_of_the_name_of_an_installed_package_is_taken(tmp_path: Path) -> None:
    """As it is where Python runs a script."""
    (tmp_path / "tomllib.py").write_text("from torch import nn\nmake = nn.ReLU\n")
    code = "from pathlib import Path\nfrom qabwnas.pipeline.stages.teacher_network import make_module\n"
    code += f"print(make_module('tomllib.make', Path({str(tmp_path)!r})))"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert (done.returncode, done.stdout) == (0, "ReLU()\n"), done.stderr

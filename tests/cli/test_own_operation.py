"""An operation of a user's package, through the whole loop: a run, a search without the package, an export."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from click.testing import Result

from tests.cli import jobs_in_this_process
from tests.cli import run as qabwnas
from tests.pipeline.tiny import SPACE, TINY, TRAINING

pytestmark = pytest.mark.usefixtures("torch_threads")

TYPES = '''
"""Ghost modules (Han et al., CVPR 2020): a part of the channels comes from cheap depth-wise convolutions."""

from qabwnas.costs import OperationType


class Ghost(OperationType):
    def __init__(self, kernel, ratio=2):
        self.kernel, self.ratio = kernel, ratio

    def build(self, layer):
        from ghosts.network import GhostModule

        return GhostModule(layer, self.kernel, self.ratio)

    def count(self, layer, x, operators):
        primary = layer.out_channels // self.ratio
        y = operators.convolution(x, primary, stride=layer.stride)
        cheap = operators.convolution(y, layer.out_channels - primary, self.kernel, groups=primary)
        return operators.concatenate(y, cheap)
'''
NETWORK = """
from torch import nn

from qabwnas.quant.operators import Concatenate, Convolution


class GhostModule(nn.Module):
    def __init__(self, layer, kernel, ratio):
        super().__init__()
        primary = layer.out_channels // ratio
        self.primary = Convolution(layer.in_channels, primary, stride=layer.stride)
        self.cheap = Convolution(primary, layer.out_channels - primary, kernel, groups=primary)
        self.concatenate = Concatenate()

    def forward(self, x):
        y = self.primary(x)
        return self.concatenate(y, self.cheap(y))
"""
GHOST = "ghosts.types.Ghost:3:2"
MIXED = SPACE | {"operations": ["k3e3", "fused_k3e3", "se_k3e3", GHOST]}
TEACHER = {"operations": ["k3e2 se_k3e1", "ghosts.types.Ghost:3"], "training": TRAINING | {"steps": 60}}


def write(folder: Path, space: dict[str, object], name: str = "own") -> Path:
    (folder / f"{name}.space.yaml").write_text(yaml.safe_dump(space))
    config = TINY | {"teacher": TEACHER, "space": f"{name}.space.yaml", "budgets": [{"size_bytes": "300%"}]}
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(config | {"networks": TINY["networks"] | {"seeds": 1}}))
    return path


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A configuration beside a package, which nobody has put on Python's path."""
    folder = tmp_path_factory.mktemp("user")
    (folder / "ghosts").mkdir()
    (folder / "ghosts" / "types.py").write_text(TYPES)
    (folder / "ghosts" / "network.py").write_text(NETWORK)
    return write(folder, MIXED)


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("elsewhere")


@pytest.fixture(scope="module")
def result(config: Path, elsewhere: Path) -> Result:
    with pytest.MonkeyPatch.context() as patch, jobs_in_this_process():
        patch.chdir(elsewhere)
        return qabwnas("run", config, "-o", "run", "--device", "cpu")


def test_a_run_builds_measures_and_retrains_it(result: Result) -> None:
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    teacher = next(k for k, line in enumerate(lines) if line.startswith("teacher INT8"))
    assert [line.split()[-2] for line in lines[teacher : teacher + 2]] == ["se_k3e1", "ghosts.types.Ghost:3"]
    assert any(line.startswith("size_bytes ≤ ") for line in lines)


def search(elsewhere: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return without_package(elsewhere, "search", "run/lut.h5", "--minimize", "nsr", *arguments)


def without_package(elsewhere: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a new process, for which the user's package does not exist."""
    command = [sys.executable, "-m", "qabwnas", *arguments]
    return subprocess.run(command, cwd=elsewhere, capture_output=True, text=True, check=False)


@pytest.mark.usefixtures("result")
def test_a_search_needs_only_its_name(elsewhere: Path) -> None:
    rules = ["--pin", f"b1/1={GHOST}", "--forbid", f"b2={GHOST}", "--forbid", "b1/0=se_k3e3"]
    pinned = search(elsewhere, *rules)
    assert pinned.returncode == 0, pinned.stderr
    first, second = (line.split() for line in pinned.stdout.splitlines() if line.startswith("    b"))
    assert first[3] == GHOST
    assert first[2] != "se_k3e3"
    assert second[2] != GHOST
    wrong = search(elsewhere, "--pin", "b1=ghosts.types.Ghost:5")
    assert wrong.returncode == 1
    assert wrong.stderr == "error: pin 'b1=ghosts.types.Ghost:5': there is no 'ghosts.types.Ghost:5' in block 'b1'\n"


@pytest.mark.usefixtures("result")
def test_a_network_with_it_is_exported(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(elsewhere)
    exported = qabwnas("export", "run", "--answer", 1, "-o", "exported")
    assert exported.exit_code == 0, exported.output
    assert "100.00% are within a quantisation step" in exported.stdout


@pytest.mark.usefixtures("result")
def test_costs_and_models_of_its_layers_need_the_package(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refused = without_package(elsewhere, "latency", "estimate", "run/lut.h5", "jetson-nano", "-o", "new.h5")
    assert refused.returncode == 1
    assert refused.stderr == (
        "error: ghosts.types.Ghost: there is no module 'ghosts' among installed packages; "
        "add the folder of its package to PYTHONPATH\n"
    )
    assert not (elsewhere / "new.h5").exists()
    monkeypatch.chdir(elsewhere)  # the run has put the package on this process's path
    bundle = qabwnas("latency", "export-bundle", "run/lut.h5", "-o", "bundle")
    assert bundle.exit_code == 0, bundle.output
    names = [path.name for path in (elsewhere / "bundle" / "models").iterdir()]
    assert any(name.startswith("ghosts.types.Ghost,3,2-") for name in names)
    assert not any(":" in name for name in names)  # not every file system has colons in names


@pytest.mark.parametrize(
    ("operation", "message"),
    [
        ("ghosts.types.Ghost", "space: ghosts.types.Ghost: .* missing a required argument: 'kernel'"),
        ("ghosts.types.Ghosts:3", r"space: ghosts.types.Ghosts: ghosts.types \(.*\) has no 'Ghosts'; it has Ghost"),
        ("ghost.Ghost:3", "space: ghost.Ghost: there is no module 'ghost' in .* or among installed packages"),
    ],
)
def test_wrong_names_are_refused_before_anything_is_made(
    config: Path, elsewhere: Path, operation: str, message: str
) -> None:
    wrong = write(config.parent, MIXED | {"operations": ["k3e3", operation]}, "wrong")
    refused = qabwnas("run", wrong, "-o", elsewhere / "none")
    assert refused.exit_code == 1
    assert refused.stderr.count("\n") == 1
    assert refused.stderr.startswith(f"error: {wrong}: space: ")
    assert not (elsewhere / "none").exists()
    assert re.search(message, refused.stderr), refused.stderr

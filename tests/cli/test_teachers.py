"""``run`` from outside with every kind of teacher: its table, and what ``export`` and ``fit-weights`` make."""

from __future__ import annotations

import shutil
from contextlib import nullcontext
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
import yaml
from click.testing import Result

from qabwnas.nets.mmseg import build_mmseg, mmseg_names
from qabwnas.pipeline.stages.teacher_network import make_module
from qabwnas.space import Operation
from qabwnas.space.yaml import parse_space
from tests.cli import jobs_in_this_process
from tests.cli import run as qabwnas
from tests.pipeline import external_teacher
from tests.pipeline.stages.test_data import HEAD, SIZE, STREET
from tests.pipeline.tiny import SPACE, TINY

pytestmark = pytest.mark.usefixtures("torch_threads")

MODULE = """\
import torch
from torch import nn
from widths_beside import STEM  # a module beside the configuration, too


def unit(i, o):
    return nn.Sequential(nn.Conv2d(i, o, 3, 2, 1, bias=False), nn.BatchNorm2d(o), nn.ReLU())


class Net(nn.Module):
    def __init__(self, n_in=1, n_classes=10):
        super().__init__()
        self.stem, self.one = unit(n_in, STEM), nn.Conv2d(STEM, 4, 3, padding=1)
        self.two, self.head = unit(4, 6), nn.Linear(6, n_classes)

    def forward(self, x):
        return self.head(self.two(self.one(self.stem(x))).mean((2, 3)))


class Dense(Net):
    def __init__(self):
        super().__init__(3)
        self.head = nn.Conv2d(6, 19, 1)

    def forward(self, x):
        return self.head(self.two(self.one(self.stem(x))))


def with_statistics(kind, *image):
    torch.manual_seed(0)
    net = kind().train()
    with torch.no_grad():
        for _ in range(50):  # so that batch norm has statistics, and features a variance
            net(torch.rand(8, *image))
    return net


def make():
    return with_statistics(Net, 1, 8, 8)


def make_dense():
    return with_statistics(Dense, 3, 32, 64)
"""
GIVEN = {"module": "nets_beside.make", "borders": external_teacher.BORDERS}
OPERATIONS = TINY["teacher"]["operations"]
DENSE = SPACE | {"input": SIZE, "head": HEAD}
PIXELS = SPACE | {"input": SIZE, "head": HEAD, "stem": SPACE["stem"] | {"separable_channels": 4}}
KINDS = {
    "trained": (TINY["teacher"], SPACE, "digits", "k3e2 k3e1"),
    "module": (GIVEN, SPACE, "digits", "one"),
    "module with weights": (GIVEN | {"weights": "weights.pth"}, SPACE, "digits", "one"),
    "module for pixels": (GIVEN | {"module": "nets_beside.make_dense"}, DENSE, STREET, "one"),
    "mmsegmentation": ({"operations": OPERATIONS, "checkpoint": "mmseg.pth"}, PIXELS, STREET, "k3e2 k3e1"),
}  # fmt: skip


class Run(NamedTuple):
    """A configuration, the run folder, what the table says of the teacher's first block, and what the command said."""

    config: Path
    folder: Path
    block: str
    result: Result


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with modules and weights, which nobody has put on Python's path."""
    folder = tmp_path_factory.mktemp("teachers")
    (folder / "nets_beside.py").write_text(MODULE)
    (folder / "widths_beside.py").write_text("STEM = 4\n")
    weights = {f"module.{name}": tensor for name, tensor in make_module(GIVEN["module"], folder).state_dict().items()}
    torch.save({"model": weights, "epoch": 3}, folder / "weights.pth")
    network = build_mmseg(parse_space(PIXELS), [[Operation.parse(o) for o in block.split()] for block in OPERATIONS])
    with torch.no_grad():
        for _ in range(50):  # so that batch norms have statistics, and features a variance
            network.train()(torch.rand(8, 3, 32, 64))
    names = mmseg_names(network)
    torch.save({"state_dict": {names[k]: v for k, v in network.state_dict().items()}}, folder / "mmseg.pth")
    return folder


@pytest.fixture(scope="module", params=KINDS)
def run(request: pytest.FixtureRequest, folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run that was started in another folder than that of its configuration."""
    teacher, space, task, block = KINDS[request.param]
    config = folder / f"{request.param.replace(' ', '-')}.yaml"
    config.with_suffix(".space.yaml").write_text(yaml.safe_dump(space))
    budgets = [{"size_bytes": "300%"}]
    content = TINY | {"teacher": teacher, "space": f"{config.stem}.space.yaml", "task": task, "budgets": budgets}
    config.write_text(yaml.safe_dump(content | {"networks": TINY["networks"] | {"seeds": 1}}))
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    # With weights, worker processes have to find the module, too.
    where = nullcontext() if request.param == "module with weights" else jobs_in_this_process()
    with pytest.MonkeyPatch.context() as patch, where:
        patch.chdir(elsewhere)
        return Run(config, elsewhere / "run", block, qabwnas("run", config, "-o", "run", "--device", "cpu"))


def test_the_table_has_the_teacher_and_what_was_found(run: Run) -> None:
    assert run.result.exit_code == 0, run.result.output
    head, _, *lines = run.result.stdout.splitlines()
    assert head.split()[0] == "network"
    assert head.endswith("blocks")
    teacher = next(k for k, line in enumerate(lines) if line.startswith("teacher INT8"))
    assert lines[teacher].endswith(f"  {run.block}  w8a8")
    assert lines[teacher + 1].endswith("  w8a8")
    assert any(line.startswith("size_bytes ≤ ") for line in lines)
    again = qabwnas("run", run.config, "-o", run.folder, "--device", "cpu")
    assert again.exit_code == 0
    *table, page = again.stdout.splitlines()
    assert table == run.result.stdout.splitlines()[:-1]
    assert page == f"Report: {run.folder / 'report.html'}"  # it was relative to where the run began


def test_a_run_is_exported_from_anywhere_and_after_it_was_moved(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    moved = tmp_path / "moved"
    shutil.copytree(run.folder, moved)
    result = qabwnas("export", "moved", "--answer", 1, "-o", "out")
    assert result.exit_code == 0, result.stderr
    assert (tmp_path / "out" / "card.json").exists()
    fitted = qabwnas("fit-weights", "moved", "--evaluate", 2, "--device", "cpu")
    assert fitted.exit_code == 1
    assert "2 distinct networks are too few to fit 2 weights" in fitted.stderr

"""Teachers that are trained further: from a checkpoint, or made elsewhere; frozen parts stay equal bit for bit."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from qabwnas.errors import FormatError, InputError
from qabwnas.pipeline.config.config import Config
from qabwnas.pipeline.config.load import load_config
from qabwnas.pipeline.run import STAGES, run_stages
from qabwnas.pipeline.stages.teacher import load_teacher
from qabwnas.pipeline.stages.teacher_network import given_teacher
from tests.pipeline import external_teacher
from tests.pipeline.config.test_teacher import MODULE
from tests.pipeline.tiny import SPACE, TINY, TRAINING, write_config

BUDGETS = [{"nsr": 1}]


def configured(folder: Path, teacher: dict[str, Any], **space: Any) -> Config:
    folder.mkdir(exist_ok=True)
    write_config(folder, TINY | {"teacher": teacher, "budgets": BUDGETS}, SPACE | space)
    return load_config(folder / "config.yaml")


def made(config: Config, folder: Path) -> dict[str, Tensor]:
    """Make the teacher of a run, and return its weights and statistics."""
    run_stages(STAGES, config, folder, until="teacher")
    return load_teacher(config, folder).state_dict()


def changed_parts(before: dict[str, Tensor], after: dict[str, Tensor]) -> set[str]:
    """Return the first words of the names of weights and statistics that differ in a bit."""
    changed = {
        name for name in before if before[name].shape != after[name].shape or (before[name] != after[name]).any()
    }
    return {".".join(name.split(".")[:2]) if name.startswith("blocks") else name.split(".")[0] for name in changed}


def test_a_run_continues_the_teacher_of_another_with_other_classes(tmp_path: Path) -> None:
    before = made(configured(tmp_path / "a", TINY["teacher"]), tmp_path / "run-a")
    teacher = TINY["teacher"] | {"checkpoint": str(tmp_path / "run-a" / "teacher.pt"), "frozen": ["stem", "b1"]}
    head = {"kind": "classifier", "classes": 12}
    with pytest.raises(FormatError, match=r"teacher.checkpoint: .*teacher.pt: head.1.linear.weight has the shape"):
        made(configured(tmp_path / "b", teacher, head=head), tmp_path / "run-b")
    after = made(configured(tmp_path / "b", teacher | {"new_head": True}, head=head), tmp_path / "run-b")
    assert changed_parts(before, after) == {"blocks.1", "head"}


def test_a_damaged_checkpoint_is_refused(tmp_path: Path) -> None:
    made(configured(tmp_path / "a", TINY["teacher"]), tmp_path / "run-a")
    content = bytearray((tmp_path / "run-a" / "teacher.pt").read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "damaged.pt").write_bytes(content)
    config = configured(tmp_path / "b", TINY["teacher"] | {"checkpoint": str(tmp_path / "damaged.pt")})
    with pytest.raises(FormatError, match=r"teacher.checkpoint: .*damaged.pt: a damaged checkpoint"):
        made(config, tmp_path / "run-b")


class Gated(nn.Module):
    """Dropout, and a scale that is a parameter of this module: torch.fx sees neither as a submodule's."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.dropout(x, 0.5, training=self.training) * self.scale


def gated() -> nn.Module:
    module = external_teacher.norm_act()
    assert isinstance(module, nn.Sequential)
    module.get_submodule("two").append(Gated())  # type: ignore[operator]
    return module


@pytest.mark.parametrize(
    "make", ["external_teacher.make", "external_teacher.norm_act", "stages.test_teacher_training.gated"]
)
def test_a_module_is_trained_by_its_own_code(make: str, tmp_path: Path) -> None:
    """In training mode its batch norm collects statistics, and its functional dropout is active."""
    teacher = MODULE | {"module": f"tests.pipeline.{make}"}
    config = configured(tmp_path / "a", teacher)
    before = given_teacher(config).state_dict()
    assert changed_parts(before, made(config, tmp_path / "given")) == set()
    trained = made(configured(tmp_path / "b", teacher | {"training": TRAINING}), tmp_path / "trained")
    assert changed_parts(before, trained) == {"stem", "blocks.0", "blocks.1", "head"}
    (mean,) = (name for name in before if name.endswith("running_mean"))
    assert (before[mean] != trained[mean]).any()
    frozen = made(
        configured(tmp_path / "c", teacher | {"training": TRAINING, "frozen": ["stem", "b2"]}), tmp_path / "c1"
    )
    assert changed_parts(before, frozen) == {"blocks.0", "head"}


class TwoOutputs(nn.Sequential):
    """Gives an auxiliary output in training mode, as GoogLeNet does."""

    def forward(self, x: Tensor) -> Any:
        logits = super().forward(x)
        return (logits, logits) if self.training else logits


def two_outputs() -> nn.Module:
    return TwoOutputs(OrderedDict(external_teacher.make().named_children()))


class Owner(nn.Sequential):
    """Holds a parameter beside its submodules."""

    def __init__(self, *parts: nn.Module) -> None:
        super().__init__(*parts)
        self.shift = nn.Parameter(torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) + self.shift


def owner() -> nn.Module:
    module = external_teacher.make()
    assert isinstance(module, nn.Sequential)
    module[0] = Owner(*module[0].children())
    return module


@pytest.mark.parametrize(
    ("make", "message"),
    [
        ("two_outputs", r"teacher.module: .*\.two_outputs: gives tuple in training mode, not one tensor of logits"),
        ("owner", "teacher.frozen: stem.shift is held by a module that has submodules; give it a module of its own"),
    ],
)
def test_a_module_that_cannot_be_trained_is_refused(make: str, message: str, tmp_path: Path) -> None:
    teacher = MODULE | {"module": f"tests.pipeline.stages.test_teacher_training.{make}"}
    config = configured(tmp_path / "a", teacher | {"training": TRAINING, "frozen": ["stem"]})
    with pytest.raises(InputError, match=message):
        made(config, tmp_path / "run")

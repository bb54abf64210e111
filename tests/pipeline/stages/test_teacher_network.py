"""Teachers that were given: their weights, what they cost, a whole run under one, and one line for what is wrong."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from qabwnas.costs import encoder_costs, network_costs
from qabwnas.errors import FormatError, InputError
from qabwnas.lut.lut import Lut
from qabwnas.nets.mmseg import build_mmseg, mmseg_names
from qabwnas.nets.network import Network
from qabwnas.pipeline.config.config import Config
from qabwnas.pipeline.config.load import demo_config, load_config, parse_config
from qabwnas.pipeline.config.teacher import CheckpointTeacher, ModuleTeacher, TrainedTeacher
from qabwnas.pipeline.run import STAGES, run_stages
from qabwnas.pipeline.stages.budgets import cost_lut, resolve_budget
from qabwnas.pipeline.stages.report import load_results
from qabwnas.pipeline.stages.teacher import STAGE, load_teacher
from qabwnas.pipeline.stages.teacher_network import (
    given_teacher,
    make_module,
    measured_parts,
    teacher_costs,
    trainable_teacher,
)
from qabwnas.space import BitWidths, Policy
from qabwnas.train.checkpoint import save_weights
from tests.pipeline import external_teacher
from tests.pipeline.config.test_teacher import MODULE, PIXELS
from tests.pipeline.tiny import SPACE, TINY

W8A8 = Policy.homogeneous(BitWidths(8, 8), 2)


def module_config(borders: list[str] = external_teacher.BORDERS, weights: Path | None = None, **space: Any) -> Config:
    config = parse_config(TINY | {"space": SPACE | space, "budgets": [{"nsr": 1}]})
    return replace(config, teacher=ModuleTeacher(str(MODULE["module"]), tuple(borders), weights))


def test_a_run_under_a_module_made_elsewhere(tmp_path: Path) -> None:
    """From its weights to the results, with budgets that are shares of what it costs."""
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(SPACE))
    torch.save(external_teacher.make().state_dict(), tmp_path / "weights.pth")
    content = TINY | {"teacher": MODULE | {"weights": "weights.pth"}, "budgets": [{"size_bytes": "200%"}]}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(content))
    config = load_config(tmp_path / "config.yaml")
    run_stages(STAGES, config, tmp_path / "run")
    x = torch.rand(3, 1, 8, 8)
    with torch.no_grad():
        torch.testing.assert_close(load_teacher(config, tmp_path / "run")(x), external_teacher.make().eval()(x))
    fixed = {metric.name: metric.fixed for metric in Lut.open(tmp_path / "run" / "lut.h5").metrics}
    stem = (9 * 4 + 4 * (4 + 4) + 8) + 8  # 8-bit weights; biases, scales and grids; the grid of the images
    head = 4 * (24 * 8 + 8 + 8 * 10 + 10)  # float
    assert fixed["size_bytes"] == stem + head
    assert fixed["macs"] == 9 * 4 * 16 + 24 * 8 + 8 * 10
    names = [row.name for row in load_results(tmp_path / "run").rows]
    assert {"teacher FP32", "teacher INT8"} <= set(names)
    assert sum(name.startswith("size_bytes ≤ ") for name in names) == 1


def test_costs_of_a_module_are_those_of_its_parts() -> None:
    config = module_config()
    whole, encoder = (teacher_costs(config, BitWidths(4, 4), BitWidths(8, 8), encoder=e) for e in (False, True))
    assert whole["parameters"] == sum(p.numel() for p in external_teacher.make().parameters())
    assert whole["parameters"] - encoder["parameters"] == 24 * 8 + 8 + 8 * 10 + 10
    assert resolve_budget(config, "macs", "50%", cost_lut(config)) == int(whole["macs"]) // 2
    assert measured_parts(config) is not None


def test_costs_of_described_teachers_are_those_of_the_space() -> None:
    config = demo_config()
    assert isinstance(config.teacher, TrainedTeacher)
    w4, w8 = BitWidths(4, 4), BitWidths(8, 8)
    described = config.space, config.teacher.operations, Policy((w4, w4, w4), fixed=w8)
    assert teacher_costs(config, w4, w8) == network_costs(*described)
    assert teacher_costs(config, w4, w8, encoder=True) == encoder_costs(*described)
    assert measured_parts(config) is None


def test_a_checkpoint_gives_its_weights(tmp_path: Path) -> None:
    config = parse_config(TINY | {"space": PIXELS, "budgets": [{"nsr": 1}]})
    network = build_mmseg(config.space, [block.decode(0) for block in config.space.blocks])
    names = mmseg_names(network)
    state = {names[key]: tensor for key, tensor in network.state_dict().items()}
    torch.save({"state_dict": state, "meta": {}}, tmp_path / "c.pth")
    operations = tuple(block.decode(0) for block in config.space.blocks)
    config = replace(config, teacher=CheckpointTeacher(operations, tmp_path / "c.pth"))
    loaded = given_teacher(config).state_dict()
    assert all(torch.equal(loaded[key], tensor) for key, tensor in network.state_dict().items())
    before = STAGE.settings(config)
    torch.save({"state_dict": state, "meta": {"other": 1}}, tmp_path / "c.pth")
    assert STAGE.settings(config) != before  # another file is another teacher
    (tmp_path / "c.pth").write_bytes((tmp_path / "c.pth").read_bytes()[:-100])
    with pytest.raises(FormatError, match="c.pth: not a checkpoint of torch, or a truncated one"):
        given_teacher(config)


def test_a_trained_teacher_may_have_an_auxiliary_head(tmp_path: Path) -> None:
    (tmp_path / "pixels.yaml").write_text(yaml.safe_dump(PIXELS))
    teacher = TINY["teacher"] | {"auxiliary": {"block": "b1", "channels": 5}}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(TINY | {"teacher": teacher, "space": "pixels.yaml"}))
    network, frozen = trainable_teacher(load_config(tmp_path / "config.yaml"))
    assert isinstance(network, Network)
    assert network.auxiliary is not None
    assert frozen == []
    logits, auxiliary = network.auxiliary_forward(torch.rand(2, 1, 8, 8))
    assert (logits.shape, auxiliary.shape) == ((2, 10, 2, 2), (2, 10, 4, 4))


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (module_config(["stem", "one", "three"]), r"\.make: border 'three': the teacher has no module of that name"),
        (module_config(head={"kind": "classifier", "classes": 9}), r"\.make: the teacher has 10 classes"),
        (module_config(stem={"channels": 5, "kernel": 3, "stride": 2}),
         r"\.make: b1: its input is 4 × 4 × 4 in the teacher and 5 × 4 × 4 in the space 'tiny'"),
    ],
)  # fmt: skip
def test_a_module_that_does_not_fit_is_named(config: Config, message: str) -> None:
    with pytest.raises(InputError, match=message):
        given_teacher(config)


def test_a_module_that_is_divided_in_another_way_than_its_run_says_what_to_do(tmp_path: Path) -> None:
    save_weights(tmp_path / "teacher.pt", "teacher", given_teacher(module_config()))
    module = ModuleTeacher("tests.pipeline.external_teacher.norm_act", tuple(external_teacher.BORDERS))
    config = replace(module_config(), teacher=module)
    with pytest.raises(FormatError, match=r"teacher.pt: does not fit: .*start a new run in another folder"):
        load_teacher(config, tmp_path)


def test_weights_of_another_module_are_named(tmp_path: Path) -> None:
    state = external_teacher.make().state_dict() | {"one.bias": torch.zeros(5)}
    torch.save(state, tmp_path / "w.pth")
    with pytest.raises(FormatError, match=r"w.pth: one.bias has the shape \(5,\), the network's is \(4,\)"):
        given_teacher(module_config(weights=tmp_path / "w.pth"))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("no_such_package.make", "no_such_package.make: there is no module 'no_such_package'"),
        (
            "tests.pipeline.external_teacher.none",
            "external_teacher .*external_teacher.py.* has no 'none'; it has make, sized, number",
        ),
        ("tests.pipeline.external_teacher.BORDERS", "BORDERS: is list, not a function that gives a module"),
        (
            "tests.pipeline.external_teacher.sized",
            "sized: not a function that can be called without arguments: missing",
        ),
        ("tests.pipeline.external_teacher.number", "number: gives int, not a module of torch"),
    ],
)
def test_functions_that_give_no_module_are_named(name: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        make_module(name)

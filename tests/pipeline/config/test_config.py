"""Configurations read back from their JSON, and errors that name the field."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from qabwnas.errors import InputError
from qabwnas.pipeline.config.config import Config
from qabwnas.pipeline.config.config_yaml import config_to_json, demo_config, load_config, parse_config, stored_config
from qabwnas.space import BitWidths
from tests.pipeline.tiny import SPACE, TINY, TRAINING


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(SPACE))
    return tmp_path


def test_the_space_is_found_beside_the_configuration(folder: Path) -> None:
    (folder / "config.yaml").write_text(yaml.safe_dump(TINY))
    config = load_config(folder / "config.yaml")
    assert config.space.name == "tiny"
    assert config == parse_config(TINY, folder=folder)


@pytest.mark.parametrize("name", ["demo", "tiny"])
def test_the_resolved_configuration_leaves_nothing_to_defaults(name: str, folder: Path) -> None:
    config = demo_config() if name == "demo" else parse_config(TINY, folder=folder)
    content = config_to_json(config)
    (folder / "space.yaml").write_text(yaml.safe_dump(content["space"]))
    assert isinstance(config, Config)
    assert parse_config(content | {"space": "space.yaml"}, folder=folder) == config
    assert content["teacher"]["training"]["decay"] == "cosine"


def test_quantisation_aware_training_has_settings_of_its_own_or_follows_the_retraining(folder: Path) -> None:
    training = TRAINING | {"steps": 40, "learning_rate": 0.1, "warm_up": 5}
    own = parse_config(TINY | {"networks": {"training": training, "qat": TRAINING}}, folder=folder).networks
    assert own.qat is not None
    assert own.qat.steps == TRAINING["steps"]
    assert own.with_qat() == own
    without = parse_config(TINY | {"networks": {"training": training}}, folder=folder).networks
    assert without.qat is None
    derived = without.with_qat().qat
    assert derived == replace(without.training, steps=4, learning_rate=0.001, warm_up=0)


def test_bit_widths_replace_those_of_the_space(folder: Path) -> None:
    config = parse_config(TINY | {"bit_widths": [6, "w4a8"]}, folder=folder)
    assert config.space.bit_widths == (BitWidths(6, 6), BitWidths(4, 8))


def test_the_objective_is_the_first_metric_of_the_front(folder: Path) -> None:
    assert parse_config(TINY | {"front": ["macs", "nsr"]}, folder=folder).front == ("nsr", "macs")


def test_a_learning_rate_is_one_for_all_blocks_or_one_a_block(folder: Path) -> None:
    training = TRAINING | {"decay": "poly", "min_learning_rate": 1e-4, "nesterov": False, "decayed": "all", "amp": True}
    one, each = (
        parse_config(TINY | {"supernet": {"training": training | {"learning_rate": rate}}}, folder=folder).supernet
        for rate in (0.5, [0.5, 0.25])
    )
    assert [block.learning_rate for block in one.training] == [0.5, 0.5]
    assert [block.learning_rate for block in each.training] == [0.5, 0.25]
    for block in each.training:
        assert (block.min_learning_rate, block.nesterov, block.decayed, block.amp) == (1e-4, False, "all", True)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"task": "imagenet"}, "config: task: 'imagenet' is not one of digits, cityscapes, image-folder"),
        ({"space": "imagenet"}, "config: space: space 'imagenet' is neither a preset"),
        ({"space": "none.yaml"}, "config: space: .*none.yaml: cannot be read"),
        ({"space": 5}, "config: space: 5 is neither the name of a preset nor a .yaml file"),
        ({"seed": -1}, "config: seed: -1 is not a whole number of 0 or more"),
        ({"bit_widths": [4, 4]}, "config: bit_widths: an entry stands twice"),
        ({"bit_widths": [1]}, r"config: bit_widths\[0\]: bit widths 1 are not in"),
        ({"teacher": {"operations": ["k3e2"], "training": TRAINING}},
         "config: teacher.operations: 1 lists of operations were given for 2 blocks"),
        ({"teacher": {"operations": ["k3e2", "k4e2"], "training": TRAINING}},
         r"config: teacher.operations\[1\]: the kernel 4 is not odd"),
        ({"teacher": {"operations": ["k3e2", "k3"], "training": TRAINING}},
         r"config: teacher.operations\[1\]: operation 'k3' is neither"),
        ({"teacher": {"operations": ["k3e2", "k3e2"]}}, "config: teacher.training: missing"),
        ({"supernet": {"training": TRAINING | {"steps": 0}}}, "config: supernet.training.steps: 0 is not a whole"),
        ({"supernet": {"training": TRAINING | {"learning_rate": "fast"}}},
         "config: supernet.training.learning_rate: 'fast' is not a number"),
        ({"supernet": {"training": TRAINING | {"optimizer": "adam"}}},
         "config: supernet.training.optimizer: 'adam' is not one of sgd, adamw"),
        ({"supernet": {"training": TRAINING | {"warm_up": 4}}}, "warm_up: 4 is not less than steps, 4"),
        ({"supernet": {"training": TRAINING | {"momentum": 1}}}, "config: supernet.training.momentum: unknown field"),
        ({"supernet": {"training": TRAINING | {"learning_rate": [0.1]}}},
         "config: supernet.training.learning_rate: 1 learning rates were given for 2 blocks"),
        ({"supernet": {"training": TRAINING | {"learning_rate": [0.1, "fast"]}}},
         "config: supernet.training.learning_rate: 'fast' is not a number"),
        ({"supernet": {"training": TRAINING | {"min_learning_rate": 0.5}}},
         "config: supernet.training.min_learning_rate: 0.5 is more than learning_rate, 0.01"),
        ({"supernet": {"training": TRAINING | {"nesterov": "no"}}},
         "config: supernet.training.nesterov: 'no' is neither true nor false"),
        ({"supernet": {"training": TRAINING | {"decayed": "biases"}}}, "decayed: 'biases' is not one"),
        ({"supernet": {"training": TRAINING, "distill": "alone"}},
         "config: supernet.distill: 'alone' is not one of kept, together, apart"),
        ({"supernet": {"training": TRAINING, "sampling": "greedy"}}, "config: supernet.sampling: 'greedy' is not one"),
        ({"minimize": "loss"}, "config: minimize: 'loss' is not one of nsr, size_bytes"),
        ({"front": ["nsr"]}, "config: front: not 'nsr' and other metrics"),
        ({"front": ["nsr", "size"]}, r"config: front\[1\]: 'size' is not one of"),
        ({"budgets": []}, "config: budgets: not a list"),
        ({"budgets": [5]}, r"config: budgets\[0\]: not a mapping of metric to budget"),
        ({"budgets": [{"size": 5}]}, r"config: budgets\[0\]: size: unknown metric; there are nsr, size_bytes"),
        ({"budgets": [{"size_bytes": "5 apples"}]}, r"config: budgets\[0\]: size_bytes: '5 apples'"),
        ({"budgets": [{"nsr": "50%"}]}, r"config: budgets\[0\]: nsr: a share of the teacher's cost"),
        ({"networks": {"training": TRAINING, "distillation": 2}}, "config: networks.distillation: 2.0 is not a share"),
        ({"networks": {"training": TRAINING, "initial": "zero"}}, "config: networks.initial: 'zero' is not one of sup"),
        ({"networks": {"training": TRAINING, "qat": {"steps": 5}}}, "config: networks.qat.batch: missing"),
        ({"networks": {"training": TRAINING, "qat": TRAINING | {"amp": True}}}, "config: networks.qat.amp: rounding"),
        ({"front_points": -1}, "config: front_points: -1 is not a whole number of 0 or more"),
        ({"network": 1}, "config: network: unknown field"),
    ],
)  # fmt: skip
def test_errors_name_the_field(folder: Path, change: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_config(TINY | change, folder=folder)


def test_unreadable_files_are_one_line(folder: Path) -> None:
    with pytest.raises(InputError, match="none.yaml: cannot be read"):
        load_config(folder / "none.yaml")
    (folder / "broken.yaml").write_text("task: [digits\nspace")
    with pytest.raises(InputError, match="broken.yaml: not YAML") as caught:
        load_config(folder / "broken.yaml")
    assert "\n" not in str(caught.value)


STREET = {"name": "image-folder", "root": "data", "calibration": 4, "validation": 6}


def test_relative_paths_stay_those_of_the_configuration(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also in what a run keeps, which is read from elsewhere and may be moved."""
    (folder / "weights.pth").write_bytes(b"")
    module = {
        "module": "tests.pipeline.external_teacher.make",
        "borders": ["stem", "one", "two"],
        "weights": "weights.pth",
    }
    content = TINY | {"task": STREET, "teacher": module, "budgets": [{"nsr": 1}]}
    (folder / "config.yaml").write_text(yaml.safe_dump(content))
    monkeypatch.chdir(folder)
    config = load_config("config.yaml")
    assert config.task.root == folder / "data"
    (folder / "moved").mkdir()
    (folder / "moved" / "config.json").write_text(json.dumps(config_to_json(config)))
    monkeypatch.chdir("/")
    assert stored_config(folder / "moved" / "config.json") == config


def test_the_home_folder_may_be_written_short(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(folder))
    config = parse_config(TINY | {"task": STREET | {"root": "~/data"}, "space": "~/tiny.yaml"}, folder=Path("/nowhere"))
    assert config.task.root == folder / "data"
    assert config.space.name == "tiny"


def test_a_key_given_twice_is_refused_in_configuration_and_space(folder: Path) -> None:
    text = yaml.safe_dump(TINY)
    (folder / "twice.yaml").write_text(text + "seed: 4\n")
    with pytest.raises(InputError, match=rf"twice.yaml: line {text.count(chr(10)) + 1}: 'seed' is given twice, first"):
        load_config(folder / "twice.yaml")
    (folder / "tiny.yaml").write_text(yaml.safe_dump(SPACE) + "name: other\n")
    with pytest.raises(
        InputError, match="config: space: .*tiny.yaml: line [0-9]+: 'name' is given twice, first in line"
    ):
        parse_config(TINY, folder=folder)


def test_numbers_with_exponents_are_numbers(folder: Path) -> None:
    text = yaml.safe_dump(TINY).replace("learning_rate: 0.01", "learning_rate: 1e-2").replace("steps: 4", "steps: 4e0")
    (folder / "config.yaml").write_text(text)
    (folder / "plain.yaml").write_text(yaml.safe_dump(TINY))
    assert "1e-2" in text
    assert load_config(folder / "config.yaml") == load_config(folder / "plain.yaml")


def test_borders_that_yaml_takes_for_numbers_need_quotes(folder: Path) -> None:
    module = {"module": "a.b", "borders": [0, 0.10, "x"]}
    with pytest.raises(
        InputError, match=r"config: teacher.borders\[1\]: 0.1 is not the name of a module; put it between"
    ):
        parse_config(TINY | {"teacher": module}, folder=folder)

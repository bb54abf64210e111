"""Configurations read back from their JSON, and one line per wrong field."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from qabwnas.errors import InputError, MultipleInputError
from qabwnas.pipeline.config.config import Config, config_to_json
from qabwnas.pipeline.config.load import demo_config, load_config, parse_config, stored_config
from qabwnas.pipeline.config.task import ImageFolderTask
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
    assert content["teacher"]["training"]["lr_schedule"] == "cosine"


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
    training = TRAINING | {
        "lr_schedule": "poly", "min_learning_rate": 1e-4, "nesterov": False, "weight_decay_on": "all", "amp": True,
    }  # fmt: skip
    one, each = (
        parse_config(
            TINY | {"supernet": {"training": training | {"learning_rate": rate}}}, folder=folder
        ).supernet.training
        for rate in (0.5, [0.5, 0.25])
    )
    assert [block.learning_rate for block in one.trainings()] == [0.5, 0.5]
    assert [block.learning_rate for block in each.trainings()] == [0.5, 0.25]
    for block in each.trainings():
        assert (block.min_learning_rate, block.nesterov, block.weight_decay_on, block.amp) == (1e-4, False, "all", True)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"task": "imagenet"}, "config: task: 'imagenet' is not one of digits, fashion, cityscapes, image-folder"),
        ({"space": "imagenet"}, "config: space: space 'imagenet' is neither a preset"),
        ({"space": "none.yaml"}, "config: space: .*none.yaml: cannot be read"),
        ({"space": 5}, "config: space: 5 is neither the name of a preset nor a .yaml file"),
        ({"seed": -1}, "config: seed: -1 is less than 0"),
        ({"seed": True}, "config: seed: True is not a whole number"),
        ({"seed": "3"}, "config: seed: '3' is not a whole number"),
        ({"seed": 2.5}, "config: seed: 2.5 is not a whole number"),
        ({"bit_widths": [4, 4]}, "config: bit_widths: an entry is given twice"),
        ({"bit_widths": []}, "config: bit_widths: not a list of 1 or more entries"),
        ({"bit_widths": [True]}, r"config: bit_widths\[0\]: True is not a bit width such as 8 or w4a8"),
        ({"bit_widths": [1]}, r"config: bit_widths\[0\]: bit widths 1 are not in"),
        ({"teacher": {"operations": ["k3e2"], "training": TRAINING}},
         "config: teacher.operations: 1 lists of operations were given for 2 blocks"),
        ({"teacher": {"operations": ["k3e2", "k4e2"], "training": TRAINING}},
         r"config: teacher.operations\[1\]: k4e2: the kernel 4 is not odd"),
        ({"teacher": {"operations": ["k3e2", "k3"], "training": TRAINING}},
         r"config: teacher.operations\[1\]: operation 'k3' is neither"),
        ({"teacher": {"operations": ["k3e2", "k3e2"]}}, "config: teacher.training: missing"),
        ({"supernet": {"training": TRAINING | {"steps": 0}}}, "config: supernet.training.steps: 0 is less than 1"),
        ({"supernet": {"training": TRAINING | {"learning_rate": "fast"}}},
         "config: supernet.training.learning_rate: 'fast' is not a number"),
        ({"supernet": {"training": TRAINING | {"optimizer": "adam"}}},
         "config: supernet.training.optimizer: 'adam' is not one of sgd, adamw"),
        ({"supernet": {"training": TRAINING | {"warm_up": 4}}}, "warm_up: 4 is not less than steps, 4"),
        ({"supernet": {"training": TRAINING | {"momentum": 1}}}, "config: supernet.training.momentum: unknown field"),
        ({"supernet": {"training": TRAINING | {"learning_rate": [0.1]}}},
         "config: supernet.training.learning_rate: 1 were given for 2 blocks"),
        ({"supernet": {"training": TRAINING | {"learning_rate": [0.1, "fast"]}}},
         r"config: supernet.training.learning_rate\[1\]: 'fast' is not a number"),
        ({"supernet": {"training": TRAINING | {"learning_rate": float("nan")}}},
         "config: supernet.training.learning_rate: nan is not a finite number"),
        ({"supernet": {"training": TRAINING | {"learning_rate": -0.1}}},
         "config: supernet.training.learning_rate: -0.1 is less than 0"),
        ({"supernet": {"training": TRAINING | {"learning_rate": 10**400}}},
         "config: supernet.training.learning_rate: 10+ is not a number"),
        ({"supernet": {"training": TRAINING | {"learning_rate": False}}},
         "config: supernet.training.learning_rate: False is not a number"),
        ({"supernet": {"training": TRAINING | {"min_learning_rate": 0.5}}},
         "config: supernet.training.min_learning_rate: 0.5 is more than learning_rate, 0.01"),
        ({"supernet": {"training": TRAINING | {"nesterov": "no"}}},
         "config: supernet.training.nesterov: 'no' is neither true nor false"),
        ({"supernet": {"training": TRAINING | {"weight_decay_on": "biases"}}}, "weight_decay_on: 'biases' is not one"),
        ({"supernet": {"training": TRAINING, "distill": "alone"}},
         "config: supernet.distill: 'alone' is not one of cached, joint, independent"),
        ({"supernet": {"training": TRAINING, "sampling": "greedy"}}, "config: supernet.sampling: 'greedy' is not one"),
        ({"minimize": "loss"}, "config: minimize: 'loss' is not one of nsr, nsr_se, size_bytes"),
        ({"front": ["nsr"]}, "config: front: needs 'nsr' and other metrics, each once"),
        ({"front": ["nsr", "size"]}, "config: front: 'size' is not one of"),
        ({"budgets": []}, "config: budgets: not a list of 1 or more entries"),
        ({"budgets": {"size_bytes": 5}}, "config: budgets: not a list"),
        ({"budgets": [{"size_bytes": True}]}, r"config: budgets\[0\].size_bytes: True is not a text; put it between"),
        ({"budgets": [5]}, r"config: budgets\[0\]: not a mapping$"),
        ({"budgets": [{"size": 5}]}, r"config: budgets\[0\].size: 'size' is not one of nsr, nsr_se, size_bytes"),
        ({"budgets": [{"size_bytes": "5 apples"}]}, r"config: budgets\[0\]: size_bytes: '5 apples'"),
        ({"budgets": [{"nsr": "50%"}]}, r"config: budgets\[0\]: nsr: a percentage of the teacher's cost"),
        ({"networks": {"training": TRAINING, "distillation": 2}}, "config: networks.distillation: 2 is more than 1"),
        ({"networks": {"training": TRAINING, "initial": "zero"}}, "config: networks.initial: 'zero' is not one of sup"),
        ({"networks": {"training": TRAINING, "qat": {"steps": 5}}}, "config: networks.qat.batch: missing"),
        ({"networks": {"training": TRAINING, "qat": TRAINING | {"amp": True}}}, "config: networks.qat.amp: quantisat"),
        ({"front_points": -1}, "config: front_points: -1 is less than 0"),
        ({"network": 1}, "config: network: unknown field$"),
        ({"fixed_bits": "3x"}, "config: fixed_bits: bit widths '3x' are neither of the form 'w4a8' nor one number$"),
        ({"fixed_bits": 1}, "config: fixed_bits: bit widths 1 are not in 2 to 16$"),
        ({"quantisation": {"observer": "mes"}}, "config: quantisation.observer: 'mes' is neither .*; is 'mse' meant"),
        ({"quantisation": {"observer": "a.B"}}, "config: quantisation.observer: a.B: there is no module 'a'"),
        (
            {"quantisation": {"observer": "percentile", "percentile": 50}},
            "config: quantisation.percentile: 50 is not more than 50$",
        ),
        (
            {"quantisation": {"observer": "percentile", "percentile": 150}},
            "config: quantisation.percentile: 150 is more than 100.0$",
        ),
        (
            {"quantisation": {"observer": "mse", "percentile": 99}},
            "config: quantisation.percentile: has no effect with observer 'mse'; it belongs to observer 'percentile'$",
        ),
        ({"quantisation": {"recalibrate": "no"}}, "config: quantisation.recalibrate: 'no' is neither true nor false$"),
        ({"polic": "layer"}, "config: polic: unknown field; is 'policy' meant"),
        ({"supernet": {"training": TRAINING, "distil": "joint"}}, "config: supernet.distil: .*; is 'distill' meant"),
        ({"supernet": [1]}, "config: supernet: not a mapping of fields"),
        ({5: 1}, "config: 5: a name of a field is a text; put it between quotes"),
    ],
)  # fmt: skip
def test_errors_name_the_field(folder: Path, change: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_config(TINY | change, folder=folder)


def test_all_errors_of_a_file_are_told_at_once(folder: Path) -> None:
    training = {"steps": 0, "batch": "16", "learningrate": 0.1}
    (folder / "c.yaml").write_text(
        yaml.safe_dump(TINY | {"seed": -1, "task": "mnist", "networks": {"training": training, "seeds": 1.5}})
    )
    with pytest.raises(MultipleInputError) as caught:
        load_config(folder / "c.yaml")
    assert str(caught.value).splitlines() == [
        f"{folder}/c.yaml: {line}"
        for line in (
            "task: 'mnist' is not one of digits, fashion, cityscapes, image-folder, or a class package.Class",
            "seed: -1 is less than 0",
            "networks.training.steps: 0 is less than 1",
            "networks.training.batch: '16' is not a whole number",
            "networks.training.learning_rate: missing",
            "networks.training.learningrate: unknown field; is 'learning_rate' meant?",
            "networks.seeds: 1.5 is not a whole number",
        )
    ]


STREET = {"name": "cityscapes", "root": "data", "crop": [8, 8], "calibration": 4, "validation": 6}
JUNK = [None, 5, -1, 2.5, True, "x", "", [], {}, [1], [[]], {"a": 1}, {5: 6}, float("nan"), 10**400, "${x}"]


def places(content: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Give the place of every value in nested values, outermost first."""
    yield place
    items = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for name, value in items:
        yield from places(value, (*place, name))


def changed(content: Any, place: tuple[Any, ...], value: Any) -> Any:
    if not place:
        return value
    copy = content.copy()
    copy[place[0]] = changed(content[place[0]], place[1:], value)
    return copy


FULL = TINY | {
    "space": SPACE,
    "task": STREET,
    "networks": TINY["networks"] | {"qat": TRAINING},
    "bit_widths": [4, "w4a8"],
    "policy": "block",
    "front_points": 2,
    "sample": None,
}


PLACES = [place for place in places(FULL) if place[:1] != ("space",) or len(place) == 1]


def told(content: Any) -> list[str]:
    """Return the lines of a configuration's error message."""
    try:
        parse_config(content)
    except InputError as error:
        return str(error).splitlines()
    return []


@pytest.mark.parametrize("place", PLACES, ids=str)
def test_whatever_stands_in_a_place_is_valid_or_told_in_lines_that_name_it(place: tuple[Any, ...]) -> None:
    for junk in JUNK:
        lines = told(changed(FULL, place, junk))
        assert all(line.startswith("config: ") for line in lines), junk
        assert not any("Input should" in line for line in lines), "pydantic's own words"
        if lines and place:
            assert any(str(place[0]) in line for line in lines), junk


def test_wrong_budgets_are_told_at_once(folder: Path) -> None:
    with pytest.raises(InputError) as caught:
        parse_config(TINY | {"budgets": [{"size_bytes": "5 apples"}, {"nsr": "50%"}]}, folder=folder)
    assert [line.partition(": ")[2][:10] for line in str(caught.value).splitlines()] == ["budgets[0]", "budgets[1]"]


@pytest.mark.parametrize("content", [None, 5, [1], "task: digits"])
def test_a_file_without_fields_is_refused(content: Any) -> None:
    with pytest.raises(InputError, match="^config: not a mapping of fields$"):
        parse_config(content)


def test_a_changed_value_is_checked_too() -> None:
    with pytest.raises(ValueError, match="Input should be greater than or equal to 0"):
        replace(demo_config(), seed=-1)


def test_unreadable_files_are_one_line(folder: Path) -> None:
    with pytest.raises(InputError, match="none.yaml: cannot be read"):
        load_config(folder / "none.yaml")
    (folder / "broken.yaml").write_text("task: [digits\nspace")
    with pytest.raises(InputError, match="broken.yaml: not YAML") as caught:
        load_config(folder / "broken.yaml")
    assert "\n" not in str(caught.value)


IMAGES = {"name": "image-folder", "root": "data", "calibration": 4, "validation": 6}


def test_relative_paths_stay_those_of_the_configuration(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also in what a run keeps, which is read from elsewhere and may be moved."""
    (folder / "weights.pth").write_bytes(b"")
    module = {
        "module": "tests.pipeline.external_teacher.make",
        "borders": ["stem", "one", "two"],
        "weights": "weights.pth",
    }
    content = TINY | {"task": IMAGES, "teacher": module, "budgets": [{"nsr": 1}]}
    (folder / "config.yaml").write_text(yaml.safe_dump(content))
    monkeypatch.chdir(folder)
    config = load_config("config.yaml")
    assert isinstance(config.task, ImageFolderTask)
    assert config.task.root == folder / "data"
    (folder / "moved").mkdir()
    (folder / "moved" / "config.json").write_text(json.dumps(config_to_json(config)))
    monkeypatch.chdir("/")
    assert stored_config(folder / "moved" / "config.json") == config


def test_the_home_folder_may_be_written_short(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(folder))
    config = parse_config(TINY | {"task": IMAGES | {"root": "~/data"}, "space": "~/tiny.yaml"}, folder=Path("/nowhere"))
    assert isinstance(config.task, ImageFolderTask)
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
    with pytest.raises(InputError, match=r"config: teacher.borders\[1\]: 0.1 is not a text; put it between quotes"):
        parse_config(TINY | {"teacher": module}, folder=folder)

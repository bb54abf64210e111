"""Run folders of the first version: their stages stay done, and their unfinished work is continued."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from qabwnas.errors import InputError, StaleError
from qabwnas.pipeline.config.config import Config, QuantisationConfig, config_to_json
from qabwnas.pipeline.config.load import parse_config, stored_config
from qabwnas.pipeline.config.run_format import current_names, first_names
from qabwnas.pipeline.config.task import CityscapesTask
from qabwnas.pipeline.config.teacher import TrainedTeacher
from qabwnas.pipeline.ledger import ORIGIN_NAME, Ledger, open_scratch, scratch_identity
from qabwnas.pipeline.run import STAGES, finished_config, stages_of
from qabwnas.pipeline.stages import lut, networks
from qabwnas.pipeline.stages.stage import Stage
from qabwnas.space import BitWidths

ARCHIVE = Path(__file__).resolve().parents[2] / "archives" / "run-v1"
RUNS = ("cached", "independent", "street")
W4A8 = BitWidths(4, 8)


def read(run: str) -> Config:
    return stored_config(ARCHIVE / run / "config.json")


def stage(name: str) -> Stage:
    return next(stage for stage in STAGES if stage.name == name)


def test_values_are_those_that_were_written() -> None:
    config = read("independent")
    assert isinstance(config.teacher, TrainedTeacher)
    training = config.teacher.training
    assert (training.batch, training.lr_schedule, training.weight_decay_on) == (16, "poly", "all")
    assert (training.warm_up, config.networks.seeds) == (1, 1)
    assert config.supernet.training.learning_rate == (0.02, 0.01)
    assert [read(run).supernet.distill for run in RUNS] == ["cached", "independent", "joint"]
    task = read("street").task
    assert isinstance(task, CityscapesTask)
    assert task.scenes is not None
    assert (task.calibration, task.validation, task.scenes.train, task.scenes.val) == (2, 3, 9, 3)


@pytest.mark.parametrize("run", RUNS)
def test_names_are_translated_both_ways(run: str) -> None:
    old = json.loads((ARCHIVE / run / "config.json").read_text())
    assert first_names(current_names(old)) == old
    assert current_names(current_names(old)) == current_names(old)
    assert first_names(config_to_json(read(run))) == old


def test_other_ranges_or_fixed_bits_make_other_stages() -> None:
    default = read("cached")
    mse = replace(default, quantisation=QuantisationConfig(observer="mse"))
    stem = replace(default, fixed_bits=W4A8)
    uncalibrated = replace(default, quantisation=QuantisationConfig(recalibrate=False))

    def changed(config: Config) -> set[str]:
        return {stage.name for stage in STAGES if stage.settings(config) != stage.settings(default)}

    assert default.networks.qat is not None
    assert changed(mse) == changed(stem) == {"lut", "networks", "report"}
    assert changed(uncalibrated) == {"lut"}
    untrained = replace(default, networks=replace(default.networks, qat=None))
    assert stage("networks").settings(untrained) == stage("networks").settings(replace(untrained, fixed_bits=W4A8))
    assert first_names(config_to_json(mse))["quantisation"]["observer"] == "mse"


@pytest.mark.parametrize("run", RUNS)
def test_fingerprints_of_settings_stay(run: str) -> None:
    identities = json.loads((ARCHIVE / "identities.json").read_text())[run]
    assert {
        stage.name: scratch_identity(stage.settings(read(run)), {}) for stage in stages_of(STAGES, read(run))
    } == identities


def test_no_stage_of_an_old_ledger_is_changed() -> None:
    ledger = Ledger(ARCHIVE / "cached")
    stages = stages_of(STAGES, read("cached"))
    assert len(ledger.seconds()) == len(stages)
    for each in stages:
        assert ledger.changes(each.name, each.settings(read("cached"))) == []
    assert finished_config(ARCHIVE / "cached", lut.STAGE) == read("cached")
    with pytest.raises(InputError, match="networks is not done .networks/.* is gone"):
        finished_config(ARCHIVE / "cached", networks.STAGE)


def test_a_change_is_told_in_the_names_of_today() -> None:
    config = read("cached")
    assert isinstance(config.teacher, TrainedTeacher)
    training = replace(config.teacher.training, lr_schedule="cosine")
    changed = replace(config, teacher=replace(config.teacher, training=training))
    changes = Ledger(ARCHIVE / "cached").changes("teacher", stage("teacher").settings(changed))
    assert changes == ['teacher.training.lr_schedule: "poly" → "cosine"']


@pytest.mark.parametrize("name", ["supernet", "lut"])
def test_unfinished_work_is_continued(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(ARCHIVE / "independent", folder)
    (before,) = (folder / "scratch" / name).iterdir()
    inputs = json.loads((before / ORIGIN_NAME).read_text())["inputs"]
    settings = stage(name).settings(read("independent"))
    assert open_scratch(folder, name, settings, inputs, keep_other=True) == before
    with pytest.raises(StaleError, match=r"unfinished work with other settings or inputs \(settings.seed: .* → 4\)"):
        open_scratch(folder, name, settings | {"seed": 4}, inputs, keep_other=True)


def test_first_names_are_not_taken_from_users() -> None:
    content = json.loads((ARCHIVE / "cached" / "config.json").read_text())
    with pytest.raises(InputError, match="teacher.training.decay: unknown field"):
        parse_config(content)

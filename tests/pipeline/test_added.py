"""What an added network and its score depend on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from qabwnas.pipeline.added import _retrain_stage, _score_stage
from qabwnas.pipeline.config.config import QuantisationConfig
from qabwnas.pipeline.config.load import demo_config
from qabwnas.pipeline.config.task import OwnTask
from qabwnas.pipeline.ledger import Ledger
from qabwnas.pipeline.stages import networks, one_shot, report
from qabwnas.pipeline.stages.answers import FoundNetwork
from qabwnas.space import BitWidths
from tests.pipeline import own_code


def test_a_score_is_made_again_for_other_ranges_or_fixed_bits_as_the_report_is(tmp_path: Path) -> None:
    found, ledger = FoundNetwork("choice", "added", codes=[0], widths=["w8a8"]), Ledger(tmp_path)
    ledger.enter(f"retrain-{found.network}", {}, [], 0.0)
    stage = _score_stage(found, ledger)
    config = demo_config()
    changed = [
        replace(config, quantisation=QuantisationConfig(observer="mse")),
        replace(config, quantisation=QuantisationConfig(bias_correction=True)),
        replace(config, fixed_bits=BitWidths(4, 4)),
    ]
    for other in changed:
        assert stage.settings(other) != stage.settings(config)
        assert report.STAGE.settings(other) != report.STAGE.settings(config)


@pytest.mark.parametrize("change", ["settings", "code"])
def test_another_task_of_a_user_retrains_what_the_run_does_not_know(
    change: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The images stay the same, and with them ``data.json``; the loss may be another one."""
    ledger, found = Ledger(tmp_path), FoundNetwork("choice", "added", codes=[0], widths=["w8a8"])
    config = replace(demo_config(), task=OwnTask("tests.pipeline.own_code.Brightness", {"notes": "a", "root": "/here"}))
    stages = _retrain_stage(found, ledger), one_shot.training_stage("spos", 5, ledger)
    before = [stage.settings(config) for stage in stages]
    weights = networks.deployed_origin(tmp_path, config, found, 0)
    moved = replace(config, task=OwnTask(config.task.name, {"notes": "a", "root": "/there"}))
    assert [stage.settings(moved) for stage in stages] == before
    assert networks.deployed_origin(tmp_path, moved, found, 0) == weights
    if change == "settings":
        config = replace(config, task=OwnTask(config.task.name, {"notes": "b", "root": "/here"}))
    else:
        monkeypatch.setattr(own_code.Brightness, "version", "2")
    assert all(stage.settings(config) != known for stage, known in zip(stages, before, strict=True))
    assert networks.deployed_origin(tmp_path, config, found, 0) != weights

"""``qabwnas status``: done, stale and why, unfinished and how far; for runs of today and of before."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import yaml

from qabwnas.pipeline.config.load import stored_config
from qabwnas.pipeline.execution.jobs import Resources
from qabwnas.pipeline.ledger import Ledger
from qabwnas.pipeline.lock import work_alone
from qabwnas.pipeline.parts import distill_blocks
from qabwnas.pipeline.run import open_context
from qabwnas.pipeline.stages import networks
from qabwnas.pipeline.stages.answers import load_answers
from tests.cli import run as qabwnas
from tests.pipeline.tiny import TINY, write_config

pytestmark = pytest.mark.usefixtures("torch_threads")

ARCHIVE = Path(__file__).parents[1] / "archives" / "run-v1"
STAGES = ["data", "teacher", "supernet", "lut", "front", "answers", "networks", "report"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A configuration and a run of it up to the supernet."""
    folder = tmp_path_factory.mktemp("status")
    config = write_config(folder)
    assert qabwnas("run", config, "-o", folder / "run", "--stage", "supernet").exit_code == 0
    return config, folder / "run"


@pytest.fixture
def run(made: tuple[Path, Path], tmp_path: Path) -> Path:
    return Path(shutil.copytree(made[1], tmp_path / "run"))


def status(*arguments: object) -> dict[str, dict[str, object]]:
    result = qabwnas("status", *arguments, "--json")
    assert result.exit_code == 0, result.output
    return {stage["name"]: stage for stage in json.loads(result.stdout)["stages"]}


def states(*arguments: object) -> list[object]:
    return [stage["state"] for stage in status(*arguments).values()]


def test_what_is_done_and_what_comes_next(run: Path) -> None:
    assert list(status(run)) == STAGES
    assert states(run) == ["done"] * 3 + ["not begun"] * 5
    assert status(run)["supernet"]["size_bytes"] == (run / "supernet.pt").stat().st_size
    result = qabwnas("status", run)
    lines = result.stdout.splitlines()
    assert lines[0].split() == ["stage", "state", "time", "size"]
    assert lines[1].split()[:2] == ["data", "done"]
    assert lines[-1] == "next run: makes lut, front, answers, networks, report"


def test_a_stale_stage_names_the_setting_and_what_depends_on_it(made: tuple[Path, Path], run: Path) -> None:
    other = made[0].with_name("other.yaml")
    teacher = {**TINY["teacher"], "training": {**TINY["teacher"]["training"], "steps": 5}}
    other.write_text(yaml.safe_dump(TINY | {"teacher": teacher}))
    found = status(run, "--config", other)
    assert (found["teacher"]["state"], found["teacher"]["reasons"]) == ("stale", ["teacher.training.steps: 4 → 5"])
    assert (found["supernet"]["state"], found["supernet"]["reasons"]) == ("stale", ["teacher is stale"])
    assert found["data"]["state"] == "done"
    last = qabwnas("status", run, "--config", other).stdout.splitlines()[-1]
    assert last.endswith("with --force, because of the settings of teacher")


def test_files_that_are_gone_or_changed_are_named(run: Path) -> None:
    (run / "teacher.pt").unlink()
    (run / "data.json").write_text("{}")
    found = status(run)
    assert found["data"]["reasons"] == ["data.json was changed"]
    assert found["teacher"]["reasons"] == ["teacher.pt is gone", "data is stale"]


def test_unfinished_work_says_how_far_it_is(made: tuple[Path, Path], tmp_path: Path) -> None:
    config, folder = made[0], tmp_path / "run"
    assert qabwnas("run", config, "-o", folder, "--stage", "data").exit_code == 0
    distill_blocks(stored_config(folder / "config.json"), folder, ["b2"], Resources())
    found = status(folder)["supernet"]
    assert (found["state"], found["reasons"]) == ("unfinished", ["b2: 4 of 4 steps"])
    assert "continues supernet" in qabwnas("status", folder).stdout


def test_networks_that_are_trained_are_counted(made: tuple[Path, Path], run: Path) -> None:
    assert qabwnas("run", made[0], "-o", run, "--stage", "answers").exit_code == 0
    found = next(network for network in load_answers(run) if network.codes is not None)
    config = stored_config(run / "config.json")
    context = open_context(networks.STAGE, config, run, Ledger(run), Resources())
    (context.scratch / "networks").mkdir()
    networks.retrain_found(context, found, 0)
    assert "1 networks are trained" in str(status(run)["networks"]["reasons"])


def test_who_works_there_is_shown_and_nothing_is_written(run: Path) -> None:
    with work_alone(run):
        before = sorted(run.rglob("*"))
        assert " has worked here since " in qabwnas("status", run).stdout
        assert sorted(run.rglob("*")) == before


def test_a_run_of_an_earlier_version() -> None:
    found = status(ARCHIVE / "cached")
    assert found["lut"]["reasons"] == ["teacher is stale", "supernet is stale"]
    assert found["teacher"]["reasons"] == ["teacher.pt is gone"]
    assert found["answers"]["seconds"] is not None
    found = status(ARCHIVE / "independent")
    assert (found["supernet"]["state"], found["lut"]["state"]) == ("unfinished", "unfinished")


@pytest.mark.parametrize("name", ["missing", "empty", "file"])
def test_no_run_is_one_line(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").touch()
    result = qabwnas("status", tmp_path / name)
    assert (result.exit_code, result.stderr) == (
        1,
        f"error: {tmp_path / name}: holds no run (config.json is missing)\n",
    )


def test_a_damaged_ledger_is_one_line(run: Path) -> None:
    (run / "stages.json").write_text("[")
    result = qabwnas("status", run)
    assert result.exit_code == 1
    assert result.stderr.startswith(f"error: {run / 'stages.json'}: not the ledger of a run: ")

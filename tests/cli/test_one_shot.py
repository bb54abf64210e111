"""``run`` → ``one-shot`` → ``report`` on one run, a killed search, and what is refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from qabwnas.one_shot import scoring
from qabwnas.one_shot.evolution import Evolution
from qabwnas.one_shot.training import Method
from qabwnas.pipeline import one_shot_scores
from qabwnas.pipeline.config.load import load_config
from qabwnas.pipeline.execution.jobs import Resources
from qabwnas.pipeline.ledger import FILE_NAME, Ledger
from qabwnas.pipeline.one_shot import OneShotAnswers, search_one_shot
from qabwnas.pipeline.one_shot_scores import read_scores
from qabwnas.pipeline.run import STAGES, run_stages
from qabwnas.pipeline.stages.one_shot import equal_compute_steps
from tests.cli import run as qabwnas_command
from tests.pipeline.tiny import TINY, TRAINING, write_config

pytestmark = pytest.mark.usefixtures("torch_threads")

CONFIG = TINY | {
    "teacher": TINY["teacher"] | {"training": TRAINING | {"steps": 60}},
    "supernet": {"training": TRAINING | {"learning_rate": 0.001}},
    "budgets": [{"size_bytes": "80%"}],
    "networks": {"training": TRAINING},
}
SMALL = ["--population", 4, "--generations", 2]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("one-shot")
    run_stages(STAGES, load_config(write_config(folder, CONFIG)), folder / "run")
    return folder / "run"


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Iterator[Path]:
    """A copy of a finished run, which a test may change."""
    yield shutil.copytree(finished, tmp_path / "run")
    one_shot_scores._loaded.cache_clear()


def search(run: Path, method: Method = "spos", **options: object) -> OneShotAnswers:
    """Do what the command does, in this process, so that no process has to be started."""
    return search_one_shot(run, method, None, Resources(), evolution=Evolution(4, 2, 2), **options)  # type: ignore[arg-type]


@pytest.mark.slow
def test_a_winner_joins_the_run_and_its_report(run: Path) -> None:
    found = qabwnas_command("one-shot", run, "--method", "spos", *SMALL)
    assert found.exit_code == 0, found.stderr
    [name] = found.stdout.splitlines()
    assert name.startswith("spos-size_bytes-")
    report = qabwnas_command("report", run)
    rows = [line for line in report.stdout.splitlines() if line.startswith("spos")]
    assert [row.split("  ")[0] for row in rows] == ["spos size_bytes ≤ 969", name]
    budget = next(row for row in json.loads(qabwnas_command("report", run, "--json").stdout)["rows"]
                  if row["family"] == "spos")  # fmt: skip
    assert budget["network"] == name
    assert budget["size_bytes"] <= 969

    again = qabwnas_command("one-shot", run, "--method", "spos", "--steps", 1, *SMALL)
    assert again.exit_code == 1
    assert "was trained with other settings (training.steps: 6 → 1); --force trains it again" in again.stderr
    effort = qabwnas_command("report", run, "--effort", "--json")
    methods = {row["name"]: row for row in json.loads(effort.stdout)["device_seconds"]}
    assert list(methods) == ["INT8 only", "mixed", "mixed, without Pareto pruning", "SPOS", "FairNAS"]
    assert methods["FairNAS"] == {"name": "FairNAS", "training": None, "scoring": None, "search": None}
    assert methods["mixed"]["training"]["seconds"] == Ledger(run).device_seconds()["supernet"]
    scored = sum(seconds for _, seconds in read_scores(run / "one-shot/spos-scores.json").values())
    assert methods["SPOS"]["scoring"]["seconds"] == scored > 0
    assert methods["INT8 only"]["scoring"]["seconds"] > 0
    assert not any(part["is_wall"] for part in methods["SPOS"].values() if isinstance(part, dict))


def test_an_older_ledger_shows_its_wall_seconds(run: Path) -> None:
    ledger = json.loads((run / FILE_NAME).read_text())
    for entry in ledger.values():
        del entry["device_seconds"]
    ledger["lut"]["seconds"] = 1234.5
    (run / FILE_NAME).write_text(json.dumps(ledger))
    table = qabwnas_command("report", run, "--effort").stdout.splitlines()
    assert table[3].split()[0] == "mixed"
    assert table[3].split()[2] == "1,234.5*"
    assert "* wall seconds: an earlier version made this stage." in table


def test_fairnas_answers_every_budget_from_one_front_and_repeats_for_its_seed(run: Path, tmp_path: Path) -> None:
    other = shutil.copytree(run, tmp_path / "other")
    winners = [search(folder, "fairnas").winners for folder in (run, other)]
    assert winners[0] == winners[1]
    [found] = winners[0]
    assert found.one_shot == "fairnas"
    assert int(found.totals["size_bytes"]) <= 969
    digests = [Ledger(folder).outputs(f"retrain-{found.network}") for folder in (run, other)]
    assert digests[0] == digests[1]


def test_a_killed_search_continues_and_scores_nothing_twice(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = shutil.copytree(run, tmp_path / "whole")
    expected = search(whole)
    scores = read_scores(whole / "one-shot/spos-scores.json")

    calls: list[object] = []
    score = scoring.score_candidate

    def killing(*arguments: object, **options: object) -> float:
        calls.append(arguments)
        if len(calls) == 5:  # the first of the second generation
            raise KeyboardInterrupt
        return score(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(one_shot_scores, "score_candidate", killing)
    one_shot_scores._loaded.cache_clear()
    with pytest.raises(KeyboardInterrupt):
        search(run)
    assert search(run) == expected
    assert len(calls) == len(scores) + 1  # only the one that was interrupted comes again
    assert {genes: score for genes, (score, _) in read_scores(run / "one-shot/spos-scores.json").items()} == {
        genes: score for genes, (score, _) in scores.items()
    }
    search(run)
    assert len(calls) == len(scores) + 1


def test_a_winner_of_another_supernet_is_left_out_of_the_report(run: Path) -> None:
    [before] = search(run).winners
    search_one_shot(run, "spos", {"size_bytes": "78%"}, Resources(), evolution=Evolution(4, 2, 2), steps=1, force=True)
    now = qabwnas_command("report", run, "--json")
    listed = [row["network"] for row in json.loads(now.stdout)["rows"] if row["family"] == "spos"]
    assert len(listed) == 1
    assert before.network not in listed
    assert f"{before.network}: is left out and has to be retrained again: inputs.one-shot/spos.pt" in now.stderr


def test_the_default_steps_cost_what_distillation_costs() -> None:
    from qabwnas.pipeline.config.load import demo_config

    config = demo_config()
    distilled, batch = config.supernet.training, config.networks.training.batch
    largest = max(radix for block in config.space.blocks for radix in block.radices)
    passes = distilled.steps * distilled.batch * (3 if config.supernet.distill == "cached" else 4)
    spos, fairnas = (equal_compute_steps(config, method) for method in ("spos", "fairnas"))
    assert 0 <= spos * batch * 3 - passes < batch * 3
    assert 0 <= fairnas * batch * 3 * largest - passes < batch * 3 * largest


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--budget", "size_bytes=1"], 3, "size_bytes ≤ 1: no network fits; it would with size_bytes 618"),
        (["--budget", "sise_bytes=900"], 1, "error: metric 'sise_bytes' is not in the LUT, which has nsr, nsr_se"),
        (["--budget", "size_bytes"], 2, "Error: --budget 'size_bytes' is not of the form METRIC=VALUE"),
        (["--budget", "macs=9", "--budget", "macs=8"], 2, "Error: --budget 'macs' is given twice"),
    ],
)
def test_wrong_budgets_are_named_before_anything_is_trained(
    finished: Path, options: list[str], code: int, message: str
) -> None:
    result = qabwnas_command("one-shot", finished, "--method", "spos", *options)
    assert (result.exit_code, result.stdout) == (code, "")
    assert result.stderr.splitlines()[-1].startswith(message)
    assert not (finished / "one-shot").exists()


def test_a_run_without_its_lut_is_named(run: Path) -> None:
    (run / "lut.h5").unlink()
    for words in (["one-shot", run, "--method", "spos"], ["report", run, "--effort"]):
        result = qabwnas_command(*words)
        assert result.exit_code == 1
        assert result.stderr == f"error: {run}: the stage lut is not done (lut.h5 is gone); run it first\n"


def test_fairnas_without_pymoo_says_how_to_install_it(finished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qabwnas.cli.command.find_spec", lambda name: None if name == "pymoo" else object())
    result = qabwnas_command("one-shot", finished, "--method", "fairnas")
    assert result.exit_code == 1
    assert result.stderr == "error: needs pymoo: pip install 'qabwnas[train,baselines]'\n"

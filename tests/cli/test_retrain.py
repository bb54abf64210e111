"""``search`` → ``retrain`` → ``report`` → ``export`` on one run, :func:`qabwnas.load_network`, and what is refused."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import safetensors.torch
import torch

import qabwnas
from qabwnas.errors import InputError
from qabwnas.io.fingerprint import file_sha256
from qabwnas.pipeline.added import retrain_network, retrain_networks
from qabwnas.pipeline.config.load import load_config
from qabwnas.pipeline.execution.jobs import Resources
from qabwnas.pipeline.load import find_network
from qabwnas.pipeline.run import STAGES, run_stages
from qabwnas.train.checkpoint import load_weights, save_weights
from tests.cli import run as qabwnas_command
from tests.pipeline.tiny import TINY, TRAINING, write_config
from tests.processes import killing_itself

pytestmark = pytest.mark.usefixtures("torch_threads", "in_this_process")

CONFIG = TINY | {"budgets": [{"size_bytes": "100%"}], "networks": {"training": TRAINING, "distillation": 0.5}}
BUDGET = "size_bytes=900"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run with answers of its LUT, in files next to it."""
    folder = tmp_path_factory.mktemp("retrain")
    config = write_config(folder, CONFIG)
    run_stages(STAGES, load_config(config), folder / "run")
    lut = folder / "run" / "lut.h5"
    for name, budget in (("best.json", BUDGET), ("none.json", "size_bytes=1")):
        found = qabwnas_command("search", lut, "--budget", budget, "--top", 3, "--json")
        (folder / name).write_text(found.stdout)
    (folder / "budgets.csv").write_text("size_bytes\n1\n900\n")
    for name in ("batch.csv", "batch.parquet"):
        assert qabwnas_command("batch", lut, folder / "budgets.csv", "-o", folder / name).exit_code == 0
    csv = ["--csv", folder / "front.csv"]
    assert qabwnas_command("front", lut, "--minimize", "nsr,size_bytes", "-o", folder / "front.h5", *csv).exit_code == 0
    return folder / "run"


@pytest.fixture(scope="module")
def added(run: Path) -> str:
    """The name of the network that `retrain` added to the run."""
    result = qabwnas_command("retrain", run, "--answer", run.parent / "best.json")
    assert result.exit_code == 0, result.output
    return result.stdout.strip()


def test_an_answer_is_retrained_reported_and_exported(run: Path, added: str, tmp_path: Path) -> None:
    assert added.startswith("size_bytes-900B-")
    report = qabwnas_command("report", run)
    assert report.exit_code == 0, report.output
    lines = report.stdout.splitlines()
    row = next(number for number, line in enumerate(lines) if line.startswith("size_bytes ≤ 900 "))
    assert lines[row + 1].split()[0] == added
    assert f"score-{added}: done in" in report.stderr
    again = qabwnas_command("report", run)
    assert (again.stdout, again.stderr) == (report.stdout, "")
    results = json.loads(qabwnas_command("report", run, "--json").stdout)
    answer = json.loads((run.parent / "best.json").read_text(), parse_float=Decimal)["answers"][0]
    assert results["rows"][-1]["size_bytes"] == float(answer["totals"]["size_bytes"])
    exported = qabwnas_command("export", run, "--answer", run.parent / "best.json", "-o", tmp_path / "out")
    assert exported.exit_code == 0, exported.output
    card = json.loads((tmp_path / "out" / "card.json").read_text(encoding="utf-8"))
    assert card["network"] == added
    weights = (tmp_path / "out" / "weights.safetensors").read_bytes()
    assert weights == (run / "networks" / f"{added}-seed0.safetensors").read_bytes()


def test_candidates_may_be_numbers_of_numpy_and_rows_count_from_1(run: Path) -> None:
    choice = {"b1": 1, "b2": 2}
    assert find_network(run, {name: np.int32(candidate) for name, candidate in choice.items()}) == (  # type: ignore[misc]
        find_network(run, choice)
    )
    with pytest.raises(InputError, match=r"best.json: row 0 is not in 1 … 3"):
        find_network(run, run.parent / "best.json", row=0)


def test_a_run_keeps_added_networks(run: Path, added: str, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(run, folder)
    before = {path.name: path.read_bytes() for path in (folder / "networks").iterdir()}
    assert qabwnas_command("report", folder).exit_code == 0
    config = run.parent / "config.yaml"
    for lost in ((), ("answers.json",)):  # with it, the stages answers, networks and report are made again
        for name in lost:
            (folder / name).unlink()
        run_stages(STAGES, load_config(config), folder)
        result = qabwnas_command("run", config, "-o", folder)
        assert "done in" not in result.stderr
        assert added in result.stdout
        assert before.items() <= {path.name: path.read_bytes() for path in (folder / "networks").iterdir()}.items()


def test_an_added_network_with_other_settings_is_left_out(run: Path, added: str, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(run, folder)
    config = load_config(run.parent / "config.yaml")
    changed = replace(config, networks=replace(config.networks, distillation=0.25))
    run_stages(STAGES, changed, folder, force=True)
    result = qabwnas_command("report", folder)
    assert result.exit_code == 0, result.output
    assert added not in result.stdout
    reason = "is left out and has to be retrained again: networks.distillation: 0.5 → 0.25"
    assert result.stderr.endswith(f"  {added}: {reason}\n")
    refused = qabwnas_command("export", folder, "--answer", added, "-o", tmp_path / "out")
    assert refused.stderr.startswith(f"error: {folder}: {added} is neither a network of this run nor a file")
    assert not (tmp_path / "out").exists()


def test_a_killed_retraining_is_continued(
    run: Path, added: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "run"
    shutil.copytree(run, folder)
    ledger = json.loads((folder / "stages.json").read_text())
    kept = {name: entry for name, entry in ledger.items() if not name.endswith(added)}
    (folder / "stages.json").write_text(json.dumps(kept))
    weights = folder / "networks" / f"{added}-seed0.safetensors"
    expected = weights.read_bytes()
    weights.unlink()
    code = (
        "import sys; from pathlib import Path; from qabwnas.pipeline.added import retrain_network\n"
        "from qabwnas.pipeline.execution.jobs import Resources; from qabwnas.pipeline.load import find_network\n"
        "retrain_network(Path(sys.argv[1]), find_network(Path(sys.argv[1]), sys.argv[2]), Resources())"
    )
    arguments = [str(folder), str(run.parent / "best.json")]
    command = [sys.executable, "-c", killing_itself("os.rename", "run/networks", nth=1) + code, *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    assert not weights.exists()
    with caplog.at_level("INFO", "qabwnas"):
        found = find_network(folder, arguments[1])
        assert retrain_network(folder, found, Resources()).network == added
    assert any(message.startswith(f"retrain-{added}: done in") for message in caplog.messages)
    assert not any("step" in message for message in caplog.messages)  # it was trained, and only had to get its place
    assert weights.read_bytes() == expected


def test_networks_that_are_retrained_at_once_are_those_retrained_alone(run: Path, added: str, tmp_path: Path) -> None:
    best = run.parent / "best.json"
    first, second, third = (find_network(run, best, row) for row in (1, 2, 3))
    one, many = (Path(shutil.copytree(run, tmp_path / name)) for name in ("one", "many"))
    assert retrain_networks(many, [second, first, third, second], Resources()) == [second, first, third, second]
    assert first.network == added
    for found in (second, third):
        assert retrain_network(one, found, Resources()) == found
    for name in (found.network for found in (first, second, third)):
        weights = [(folder / "networks" / f"{name}-seed0.safetensors").read_bytes() for folder in (one, many)]
        assert weights[0] == weights[1]
        stages = [json.loads((folder / "stages.json").read_text())[f"retrain-{name}"] for folder in (one, many)]
        assert stages[0]["outputs"] == stages[1]["outputs"]
    assert not (many / "scratch" / "retrain").exists()


def test_a_network_of_the_run_is_not_retrained(run: Path) -> None:
    found = qabwnas_command("search", run / "lut.h5", "--budget", "size_bytes=1212", "--json").stdout
    (run.parent / "own.json").write_text(found)
    result = qabwnas_command("retrain", run, "--answer", run.parent / "own.json")
    assert result.exit_code == 0, result.output
    assert result.stdout.strip() == find_network(run, 1).network
    assert "done in" not in result.stderr


@pytest.mark.parametrize(
    ("name", "row"),
    [("best.json", None), ("batch.csv", 2), ("batch.parquet", 2), ("front.csv", "best"), ("front.h5", "best")],
)
def test_every_kind_of_answer_is_the_same_network(run: Path, name: str, row: object) -> None:
    front = qabwnas.Frontier.open(run.parent / "front.h5")
    point = int(front.query({"size_bytes": [900]})[0])
    found = find_network(run, run.parent / name, point + 1 if row == "best" else row)  # type: ignore[arg-type]
    answer = qabwnas.search(qabwnas.Lut.open(run / "lut.h5"), budgets={"size_bytes": 900}).answers[0]
    for other in (answer, answer.choice, dict(reversed(answer.choice.items()))):
        assert find_network(run, other).is_same_network(found)
    assert found.totals == {metric: str(total) for metric, total in answer.totals.items()}


@pytest.mark.parametrize(
    ("budget", "name"),
    [
        ("size_bytes=95%", "size_bytes 95%"),
        ("size_bytes=1:900", "size_bytes 1:900"),
        ("size_bytes>=900", "size_bytes>= 900"),
        ("size_bytes+peak_activation_bytes<=3kB", "size_bytes+peak_activation_bytes 3000"),
    ],
)
def test_an_answer_of_any_budget_can_be_retrained(run: Path, tmp_path: Path, budget: str, name: str) -> None:
    found = qabwnas_command("search", run / "lut.h5", "--budget", budget, "--json")
    assert found.exit_code == 0, found.stderr
    (tmp_path / "answer.json").write_text(found.stdout)
    network = find_network(run, tmp_path / "answer.json")
    assert (network.name, network.budgets) == (name, {})
    assert network.is_same_network(find_network(run, json.loads(found.stdout)["answers"][0]["choice"]))


def test_a_dictionary_of_an_answer_can_be_retrained(run: Path, tmp_path: Path) -> None:
    """Its totals are the nearest doubles."""
    result = qabwnas.search(qabwnas.Lut.open(run / "lut.h5"), budgets={"size_bytes": 900})
    (tmp_path / "answer.json").write_text(json.dumps(result.to_dict()))
    network = find_network(run, tmp_path / "answer.json")
    assert network.is_same_network(find_network(run, result[0]))


def test_a_loaded_network_gives_the_outputs_of_the_exported_one(run: Path, added: str, tmp_path: Path) -> None:
    network = qabwnas.load_network(run, added)
    assert not any(module.training for module in network.modules())
    assert qabwnas_command("export", run, "--answer", added, "-o", tmp_path / "out").exit_code == 0
    session = onnxruntime.InferenceSession(tmp_path / "out" / "model.onnx", providers=["CPUExecutionProvider"])
    images = torch.rand(16, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        logits = network(images).numpy()
    [expected] = session.run(None, {"input": images.numpy()})
    step = np.diff(np.unique(expected)).min()
    assert (np.abs(logits - expected) <= 1.01 * step).mean() >= 0.99
    float_network = qabwnas.load_network(run, added, quantised=False)
    state = safetensors.torch.load_file(run / "networks" / f"{added}-seed0.safetensors")
    assert state.keys() == float_network.state_dict().keys()
    assert all(torch.equal(state[name], tensor) for name, tensor in float_network.state_dict().items())
    assert not torch.equal(float_network(images), network(images))


def test_a_run_with_the_file_names_of_before_still_opens(run: Path, tmp_path: Path) -> None:
    """Folders of earlier versions have checkpoints named by candidates."""
    folder = tmp_path / "run"
    shutil.copytree(run, folder)
    found = find_network(folder, 1)
    assert found.codes is not None
    new, old = (f"networks/{stem}" for stem in (f"{found.network}-seed0", f"{'-'.join(map(str, found.codes))}-seed0"))
    network = qabwnas.load_network(folder, 1, quantised=False)
    save_weights(folder / f"{old}.pt", "network", network)
    (folder / f"{new}.safetensors").unlink()
    ledger = json.loads((folder / "stages.json").read_text())
    ledger["networks"]["outputs"] = {f"{old}.pt": file_sha256(folder / f"{old}.pt")}
    (folder / "stages.json").write_text(json.dumps(ledger))
    state = qabwnas.load_network(folder, found.network, quantised=False).state_dict()
    assert all(torch.equal(state[name], tensor) for name, tensor in network.state_dict().items())
    assert qabwnas_command("report", folder).exit_code == 0
    exported = qabwnas_command("export", folder, "--answer", 1, "-o", tmp_path / "out")
    assert exported.exit_code == 0, exported.output
    load_weights(tmp_path / "out" / "weights.safetensors", "network", network)


def of_another_run(text: str) -> str:
    content = json.loads(text)
    content["answers"][0]["totals"]["nsr"] += 1
    return json.dumps(content)


def of_other_blocks(text: str) -> str:
    return text.replace('"b2"', '"b3"')


def without_totals(text: str) -> str:
    content = json.loads(text)
    content["answers"][0]["totals"] = {"latency_ms": 3}
    return json.dumps(content)


def cut(text: str) -> str:
    return text[:-30]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            of_another_run,
            r"an answer of another run: its nsr is [0-9.]+, but [0-9.]+ for the same candidates of .*lut.h5",
        ),
        (of_other_blocks, "there is no block 'b3' in .*lut.h5, which has b1, b2"),
        (without_totals, r"none of its totals \(latency_ms\) is a metric of .*lut.h5, so that nothing tells"),
        (lambda text: text.replace('"budget": 900', '"budget": []'), "budgets: size_bytes: not the budget of a search"),
        (cut, "not JSON, or damaged: "),
        (lambda _: "[1, 2]", "not the answer of a search"),
        (lambda _: '{"answers": [{"totals": 3}]}', r"answers\[0\]: not an answer of a search: it has no choice"),
    ],
)
def test_a_wrong_answer_is_one_line(run: Path, tmp_path: Path, change: Callable[[str], str], message: str) -> None:
    path = tmp_path / "answer.json"
    path.write_text(change((run.parent / "best.json").read_text()))
    check_refused(run, ["--answer", path], message)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--answer", "none.json"], "the search found no subnet .infeasible., so there is no network"),
        (["--answer", "best.json", "--row", 4], "row 4 is not in 1 … 3"),
        (["--answer", "batch.csv"], "has 2 rows; choose one with --row"),
        (["--answer", "batch.csv", "--row", 1], "row 1: no subnet fits these budgets"),
        (["--answer", "batch.parquet", "--row", 1], "row 1: no subnet fits these budgets"),
        (["--answer", "run/lut.h5"], "not a front; an answer is a .json of a search"),
        (["--answer", "bets.json"], "bets.json is neither a network of this run nor a file"),
        (["--answer", 7], "answer 7 is not in 1 … 1"),
        (["--choice", "b1=8,b2=0"], "choice: block 'b1': candidate 8 is not in 0 … 7"),
        (["--choice", "b1=3"], "choice: there is no candidate for the block 'b2'"),
        (["--choice", "b1=3,bb2=0"], "choice: there is no block 'bb2' in .*lut.h5; is 'b2' meant"),
    ],
)
def test_what_does_not_exist_is_named(
    run: Path, monkeypatch: pytest.MonkeyPatch, options: list[object], message: str
) -> None:
    monkeypatch.chdir(run.parent)
    check_refused(run, options, message)


def check_refused(run: Path, options: list[object], message: str) -> None:
    """Check that a retraining fails in one line and leaves the run as it was."""
    before = {str(path) for path in run.rglob("*")}, (run / "stages.json").read_bytes()
    result = qabwnas_command("retrain", run, *options)
    assert (result.exit_code, result.stdout) == (1, "")
    assert len(result.stderr.splitlines()) == 1
    assert re.search(message, result.stderr), result.stderr
    assert ({str(path) for path in run.rglob("*")}, (run / "stages.json").read_bytes()) == before


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--answer", "1", "--choice", "b1=0,b2=0"],
        ["--choice", "b1"],
        ["--choice", "b1=0,b1=1"],
        ["--row", "1", "--choice", "b1=0"],
    ],
)
def test_wrong_usage_ends_with_2(run: Path, options: list[object]) -> None:
    assert qabwnas_command("retrain", run, *options).exit_code == 2


def test_a_folder_without_a_run_is_named(tmp_path: Path) -> None:
    for command in (["retrain", tmp_path, "--answer", 1], ["report", tmp_path]):
        result = qabwnas_command(*command)
        assert result.exit_code == 1
        assert result.stderr.startswith(f"error: {tmp_path}/config.json: ")
        assert len(result.stderr.splitlines()) == 1

"""torchrun makes a run in two processes: both train teacher, supernet and networks, and one does the rest."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from qabwnas.pipeline.config.load import load_config
from qabwnas.pipeline.run import STAGES, run_stages
from qabwnas.pipeline.stages.answers import load_answers
from tests.pipeline.tiny import TINY, write_config

ROOT = Path(__file__).parents[3]
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]


def in_two_processes(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [*TORCHRUN, "-m", "qabwnas", *arguments, "--device", "cpu"]
    return subprocess.run(
        command, cwd=ROOT, env=os.environ | {"OMP_NUM_THREADS": "1"}, capture_output=True, text=True, check=False
    )


@pytest.mark.slow
def test_two_processes_train_what_is_trained_once_and_one_goes_on(tmp_path: Path) -> None:
    write_config(tmp_path)
    configured = [str(tmp_path / "config.yaml"), "-o", str(tmp_path / "run")]

    def run(*options: str) -> subprocess.CompletedProcess[str]:
        finished = in_two_processes("run", *configured, *options)
        assert finished.returncode == 0, finished.stderr
        return finished

    first = run("--stage", "teacher").stderr
    assert first.count("teacher: 4 of 4 steps") == first.count("teacher: done in") == 1
    supernet = in_two_processes("distill", *configured).stderr
    assert supernet.count("supernet: b1, b2: 4 of 4 steps") == supernet.count("supernet: done in") == 1
    whole = run()
    assert "supernet: b1, b2: " not in whole.stderr
    assert "teacher: 4 of" not in whole.stderr
    for stage in ("lut", "networks", "report"):
        assert whole.stderr.count(f"{stage}: done in") == 1
    found = [each.network for each in load_answers(tmp_path / "run") if each.codes is not None]
    assert {path.name for path in (tmp_path / "run" / "networks").iterdir()} == {
        f"{name}-seed{n}.safetensors" for name in found for n in range(TINY["networks"]["seeds"])
    }
    assert whole.stdout.count("teacher FP32") == 1


@pytest.mark.slow
def test_two_processes_retrain_an_answer(tmp_path: Path) -> None:
    """Each trains on its part of every batch, so a batch that they cannot share is refused, and one writes."""
    networks = TINY["networks"] | {"seeds": 1, "training": TINY["networks"]["training"] | {"batch": 15}}
    config = write_config(tmp_path, TINY | {"networks": networks})
    folder = tmp_path / "run"
    run_stages(STAGES, load_config(config), folder)
    retrain = ["retrain", str(folder), "--choice", "b1=2,b2=1"]
    refused = in_two_processes(*retrain)
    assert refused.returncode != 0
    assert "error: a batch of 15 images cannot be divided evenly among 2 processes" in refused.stderr
    assert not list((folder / "networks").glob("choice-*"))
    stored = json.loads((folder / "config.json").read_text())
    stored["networks"]["training"]["batch"] = 16
    (folder / "config.json").write_text(json.dumps(stored))
    finished = in_two_processes(*retrain)
    assert finished.returncode == 0, finished.stderr
    [name] = finished.stdout.split()
    assert finished.stderr.count(f"networks: {name}, seed 0: 4 of 4 steps") == 1
    assert finished.stderr.count(f"retrain-{name}: done in") == 1
    assert (folder / "networks" / f"{name}-seed0.safetensors").exists()


@pytest.mark.slow
def test_a_batch_of_the_supernet_is_shared(tmp_path: Path) -> None:
    training = TINY["supernet"]["training"]
    config = write_config(tmp_path, TINY | {"supernet": TINY["supernet"] | {"training": training | {"batch": 15}}})
    finished = in_two_processes("run", str(config), "-o", str(tmp_path / "run"), "--stage", "supernet")
    assert finished.returncode != 0
    assert "error: a batch of 15 images cannot be divided evenly among 2 processes" in finished.stderr
    assert not (tmp_path / "run" / "supernet.pt").exists()

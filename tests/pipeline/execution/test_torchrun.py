"""torchrun makes a run in two processes: both train teacher and networks, and one does the rest."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.pipeline.tiny import TINY, write_config

ROOT = Path(__file__).parents[3]
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]


@pytest.mark.slow
def test_two_processes_train_what_is_trained_once_and_one_goes_on(tmp_path: Path) -> None:
    write_config(tmp_path)

    def run(*options: str) -> subprocess.CompletedProcess[str]:
        arguments = ["run", str(tmp_path / "config.yaml"), "-o", str(tmp_path / "run"), "--device", "cpu", *options]
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        command = [*TORCHRUN, "-m", "qabwnas", *arguments]
        finished = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
        assert finished.returncode == 0, finished.stderr
        return finished

    first = run("--stage", "teacher").stderr
    assert first.count("teacher: step 4 of 4") == first.count("teacher: done in") == 1
    whole = run()
    assert "teacher: step" not in whole.stderr
    for stage in ("supernet", "lut", "networks", "report"):
        assert whole.stderr.count(f"{stage}: done in") == 1
    assert len(list((tmp_path / "run" / "networks").glob("*.pt"))) == TINY["networks"]["seeds"]
    assert whole.stdout.count("teacher FP32") == 1

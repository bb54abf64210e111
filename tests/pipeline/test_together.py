"""torchrun trains a run's teacher in two processes, once, and one of them goes on."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.pipeline.tiny import SPACE, TINY

ROOT = Path(__file__).parents[2]
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]


@pytest.mark.slow
def test_two_processes_make_one_teacher_and_one_goes_on(tmp_path: Path) -> None:
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(SPACE))
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(TINY))

    def run(stage: str) -> str:
        arguments = ["run", str(tmp_path / "config.yaml"), "-o", str(tmp_path / "run"), "--stage", stage]
        command = [*TORCHRUN, "-m", "qabwnas.cli.main", *arguments, "--device", "cpu"]
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        finished = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
        assert finished.returncode == 0, finished.stderr
        return finished.stderr

    first = run("teacher")
    assert first.count("teacher: step 4 of 4") == first.count("teacher: done in") == 1
    second = run("supernet")
    assert "step 4 of 4" in second
    assert "teacher: step" not in second
    assert second.count("supernet: done in") == 1

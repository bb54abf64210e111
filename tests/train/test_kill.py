"""kill −9 at random moments, resume: the checkpoint at the end is that of a whole training, bit for bit."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def survive(kind: str, n_moments: int, folder: Path) -> int:
    """Return how many of the moments came before the end of the training."""
    command = [sys.executable, "-m", "tests.train.killed", kind, str(n_moments), str(folder)]
    finished = subprocess.run(
        command, cwd=ROOT, env=os.environ | {"OMP_NUM_THREADS": "1"}, capture_output=True, text=True
    )
    assert finished.returncode == 0, finished.stderr
    return int(finished.stdout)


@pytest.mark.parametrize("kind", [pytest.param("teacher", marks=pytest.mark.slow), "supernet"])
def test_a_training_survives_kills(kind: str, tmp_path: Path) -> None:
    assert survive(kind, 4, tmp_path) >= 1


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["teacher", "supernet"])
def test_a_training_survives_twenty_kills(kind: str, tmp_path: Path) -> None:
    assert survive(kind, 20, tmp_path) >= 5

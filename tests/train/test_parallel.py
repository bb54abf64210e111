"""Two processes that train together end like one process with the whole batches."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor

from qabwnas.train.checkpoint import load_checkpoint
from qabwnas.train.parallel import n_processes, process_seed, rank

ROOT = Path(__file__).parents[2]
TORCHRUN = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]


def ended(folder: Path, kind: str, *, processes: int, stop_at: int = -1) -> list[dict[str, Tensor]]:
    """Train as ``in_two_processes`` does; return every process's weights, none where it was made to stop."""
    folder.mkdir(exist_ok=True)
    launcher = TORCHRUN if processes == 2 else []
    command = [sys.executable, *launcher, "-m", "tests.train.in_two_processes", str(folder), kind, str(stop_at)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    finished = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert (finished.returncode == 0) == (stop_at < 0), finished.stderr
    return [load_checkpoint(path, "t") for path in sorted(folder.glob("rank*.pt"))]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["none", "options", "converted", "supernet"])
def test_two_processes_end_as_one_up_to_rounding(tmp_path: Path, kind: str) -> None:
    (alone,) = ended(tmp_path / "alone", kind, processes=1)
    first, second = ended(tmp_path / "two", kind, processes=2)
    for name, tensor in alone.items():
        torch.testing.assert_close(first[name], tensor, rtol=1e-5, atol=1e-6)
        assert torch.equal(first[name], second[name]), name


@pytest.mark.slow
def test_with_batch_norm_of_their_own_parts_they_resume_and_share_weights(tmp_path: Path) -> None:
    """Statistics of half a batch differ, so the result differs from one process; but both processes have the same."""
    first, second = ended(tmp_path / "whole", "own", processes=2)
    assert ended(tmp_path / "killed", "own", processes=2, stop_at=6) == []
    assert load_checkpoint(tmp_path / "killed" / "progress.pt", "training")["step"] == 4
    resumed, _ = ended(tmp_path / "killed", "own", processes=2)
    for name in first:
        assert torch.equal(first[name], resumed[name]), name
        assert "running" in name or torch.equal(first[name], second[name]), name


@pytest.mark.slow
def test_a_supernet_that_two_processes_train_is_resumed(tmp_path: Path) -> None:
    whole, _ = ended(tmp_path / "whole", "supernet", processes=2)
    assert ended(tmp_path / "killed", "supernet", processes=2, stop_at=6) == []
    assert [load_checkpoint(tmp_path / "killed" / f"progress{b}.pt", "training")["step"] for b in (0, 1)] == [4, 4]
    resumed, _ = ended(tmp_path / "killed", "supernet", processes=2)
    for name, tensor in whole.items():
        assert torch.equal(tensor, resumed[name]), name


def test_without_torchrun_there_is_one_process() -> None:
    assert (rank(), n_processes(), process_seed(5)) == (0, 1, 5)

"""What tests of several commands start from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from qabwnas.lut.lut import Metric
from tests.cli import jobs_in_this_process
from tests.strategies import lut_from_columns


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a LUT of two blocks, in which the test runs."""
    monkeypatch.chdir(tmp_path)
    columns = {
        "loss": [[0.5, 0.25, 0.1], [0.3, 0.2]],
        "size_bytes": [[100.0, 200.0, 400.0], [1000.0, 1500.0]],
        "latency_ms": [[0.1, 0.2, 0.4], [0.2, 0.1]],
    }
    metrics = [Metric("loss"), Metric("size_bytes", "bytes", fixed=50.0), Metric("latency_ms", "ms")]
    lut_from_columns(columns, metrics).save("lut.h5")
    return tmp_path


@pytest.fixture(scope="module")
def torch_threads() -> Iterator[None]:
    """Restore torch's number of threads, which commands set in this process."""
    import torch

    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def in_this_process() -> Iterator[None]:
    """Do the jobs of a module's commands in this process."""
    with jobs_in_this_process():
        yield

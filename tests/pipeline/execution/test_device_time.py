"""Device-seconds: every job is timed where it runs, also in other processes, and failed attempts count."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from qabwnas.pipeline.execution.device_time import TimedEngine, add_seconds, recorded_seconds
from qabwnas.pipeline.execution.jobs import Engine, Job, Serial
from qabwnas.pipeline.execution.processes import Processes

SECONDS = 0.3


@pytest.mark.parametrize(("engine", "n_jobs"), [(Serial(), 2), (Processes(2), 2)])
def test_jobs_add_up_however_many_run_at_once(engine: Engine, n_jobs: int, tmp_path: Path) -> None:
    timed = TimedEngine(engine, tmp_path / "seconds")
    timed.run([Job(f"job {n}", time.sleep, (SECONDS,)) for n in range(n_jobs)])
    assert len(list((tmp_path / "seconds").iterdir())) == n_jobs
    assert recorded_seconds(tmp_path / "seconds") >= n_jobs * SECONDS
    assert timed.waited >= SECONDS


def fail(_: object) -> None:
    time.sleep(SECONDS)
    raise KeyboardInterrupt


def test_an_interrupted_attempt_counts(tmp_path: Path) -> None:
    timed = TimedEngine(Serial(), tmp_path)
    with pytest.raises(KeyboardInterrupt):
        timed.run([Job("job", fail, (None,))])
    assert timed.waited >= recorded_seconds(tmp_path) >= SECONDS
    add_seconds(tmp_path, 1.5)
    (tmp_path / "killed").touch()
    assert recorded_seconds(tmp_path) >= SECONDS + 1.5

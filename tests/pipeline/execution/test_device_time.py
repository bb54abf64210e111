"""Device-seconds: every job is timed where it runs, also in other processes, and failed attempts count."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from qabwnas.pipeline.execution.device_time import TimedEngine, add_seconds, device_clock, recorded_seconds
from qabwnas.pipeline.execution.jobs import Engine, Job, Serial
from qabwnas.pipeline.execution.processes import Processes

SECONDS = 0.1


def compute(seconds: float) -> None:
    start = time.process_time()
    while time.process_time() - start < seconds:
        pass


@pytest.mark.parametrize(
    ("engine", "work", "device"), [(Serial(), compute, "cpu"), (Processes(2), time.sleep, "cuda:0")]
)
def test_jobs_add_up_however_many_run_at_once(
    engine: Engine, work: Callable[[float], None], device: str, tmp_path: Path
) -> None:
    timed = TimedEngine(engine, tmp_path / "seconds", device_clock(device))
    timed.run([Job(f"job {n}", work, (SECONDS,)) for n in range(2)])
    assert len(list((tmp_path / "seconds").iterdir())) == 2
    assert recorded_seconds(tmp_path / "seconds") >= 2 * SECONDS
    assert timed.waited >= SECONDS


def test_what_else_a_cpu_does_is_not_counted(tmp_path: Path) -> None:
    timed = TimedEngine(Serial(), tmp_path, device_clock("cpu"))
    timed.run([Job("waits", time.sleep, (SECONDS,))])
    assert recorded_seconds(tmp_path) < SECONDS / 2


def fail(_: object) -> None:
    compute(SECONDS)
    raise KeyboardInterrupt


def test_an_interrupted_attempt_counts(tmp_path: Path) -> None:
    timed = TimedEngine(Serial(), tmp_path, device_clock("cpu"))
    with pytest.raises(KeyboardInterrupt):
        timed.run([Job("job", fail, (None,))])
    assert timed.waited >= recorded_seconds(tmp_path) >= SECONDS
    add_seconds(tmp_path, 1.5)
    (tmp_path / "killed").touch()
    assert recorded_seconds(tmp_path) >= SECONDS + 1.5

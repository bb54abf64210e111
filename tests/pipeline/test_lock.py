"""Processes that work in one run folder at the same time, and what those leave that were killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from qabwnas.errors import BusyError
from qabwnas.lut.lut import Lut
from qabwnas.pipeline import lock
from qabwnas.pipeline.config.load import load_config
from qabwnas.pipeline.ledger import Ledger
from qabwnas.pipeline.lock import Holder, changing, work_alone, work_on_parts
from qabwnas.pipeline.run import STAGES, run_stages
from tests.pipeline.tiny import TINY, TRAINING, write_config
from tests.processes import python

COMMAND = """
import sys
from qabwnas.cli.main import main
from qabwnas.pipeline.execution import processes
from qabwnas.pipeline.execution.jobs import Serial
processes.Processes = lambda _: Serial()  # each would start a process for its jobs, which takes seconds
main(sys.argv[1:])
"""


def dead_pid() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def leave(folder: Path, name: str, **change: Any) -> Path:
    """Leave the lock of a process that ended without removing it, or of what ``change`` says."""
    (folder / ".locks").mkdir(exist_ok=True)
    path = folder / ".locks" / name
    holder = replace(Holder.here(), **({"pid": dead_pid()} | change))
    path.write_text(json.dumps(asdict(holder)))
    return path


# Changes that take moments


COUNTING = """
import sys
from pathlib import Path
from qabwnas.pipeline.lock import changing
folder = Path(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
for _ in range(40):
    with changing(folder):
        n = int((folder / "n").read_text())
        (folder / "n").write_text(str(n + 1))
"""


@pytest.mark.parametrize("left", [False, True])
def test_no_change_is_lost_between_processes(tmp_path: Path, left: bool) -> None:
    """Also where all of them find the lock of a dead process first."""
    (tmp_path / "n").write_text("0")
    if left:
        leave(tmp_path, "changing")
    with ExitStack() as stack:
        processes = [stack.enter_context(python(COUNTING, str(tmp_path), stdin=subprocess.PIPE)) for _ in range(3)]
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        for process in processes:
            _, errors = process.communicate()
            assert process.returncode == 0, errors
    assert (tmp_path / "n").read_text() == "120"
    assert not (tmp_path / ".locks").exists()


def test_the_folder_of_locks_may_be_made_and_removed_by_others_at_any_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mkdir, lost = Path.mkdir, [FileExistsError("another process made it, and has removed it again")]

    def racing(self: Path, *arguments: Any, **options: Any) -> None:
        if lost:
            raise lost.pop()
        mkdir(self, *arguments, **options)

    monkeypatch.setattr(Path, "mkdir", racing)
    with changing(tmp_path):
        assert (tmp_path / ".locks" / "changing").exists()


def test_a_lock_that_stays_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "LONGEST_CHANGE_SECONDS", 0.1)
    path = leave(tmp_path, "changing", host="node7", pid=11)
    with pytest.raises(
        BusyError, match=rf"process 11 on node7 has worked here since .*; if it has ended, remove {path}$"
    ):
        changing(tmp_path).__enter__()
    path.write_text("")  # killed between the creation of the file and its content
    with pytest.raises(BusyError, match=f"another process works here; if it has ended, remove {path}$"):
        changing(tmp_path).__enter__()


def test_two_ledgers_do_not_lose_each_others_entries(tmp_path: Path) -> None:
    one, other = Ledger(tmp_path), Ledger(tmp_path)
    one.enter("a", {}, [], 1.0)
    other.enter("b", {}, [], 2.0)
    one.forget(["c"])
    assert Ledger(tmp_path).seconds() == one.seconds() == {"a": 1.0, "b": 2.0}


# Work


def test_who_works_alone_is_told_to_others(tmp_path: Path) -> None:
    with work_alone(tmp_path):
        assert [path.name for path in (tmp_path / ".locks").iterdir()] == ["stages.json"]
        with pytest.raises(
            BusyError, match=rf"{tmp_path}: process {os.getpid()} on .* has worked here since 20.* \(.*\)$"
        ):
            work_alone(tmp_path).__enter__()
    assert not (tmp_path / ".locks").exists()
    with pytest.raises(ValueError, match="kept"), work_alone(tmp_path):
        raise ValueError("kept")
    assert not (tmp_path / ".locks").exists()


def test_parts_are_made_side_by_side(tmp_path: Path) -> None:
    with work_on_parts(tmp_path, ["supernet-a", "supernet-b"], "settings"), work_on_parts(tmp_path, ["c"], "settings"):
        for parts, identity in ((["supernet-b", "d"], "settings"), (["d"], "other settings")):
            with pytest.raises(BusyError, match=f"process {os.getpid()} on "):
                work_on_parts(tmp_path, parts, identity).__enter__()
        with pytest.raises(BusyError, match=f"process {os.getpid()} on "):
            work_alone(tmp_path).__enter__()
    with work_alone(tmp_path):
        pass


@pytest.mark.parametrize("name", ["stages.json", "supernet-b1.json"])
def test_what_a_dead_process_left_is_taken_over_with_a_note(
    tmp_path: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = leave(tmp_path, name, command="qabwnas run config.yaml")
    pid = json.loads(path.read_text())["pid"]
    with caplog.at_level("INFO", "qabwnas"), work_alone(tmp_path):
        pass
    assert caplog.messages == [
        f"{tmp_path}: continues the work of process {pid}, which ended (qabwnas run config.yaml)"
    ]


def test_a_number_that_is_used_again_is_no_life(tmp_path: Path) -> None:
    leave(tmp_path, "stages.json", pid=os.getpid(), started="1")
    with work_alone(tmp_path):
        pass


@pytest.mark.parametrize("change", [{"host": "node7"}, {"machine": "another boot"}])
def test_what_another_machine_left_is_never_taken_over(tmp_path: Path, change: dict[str, str]) -> None:
    path = leave(tmp_path, "stages.json", **change)
    with pytest.raises(
        BusyError, match=rf"process [0-9]+ on .* has worked here since .*; if it has ended, remove {path}$"
    ):
        work_alone(tmp_path).__enter__()
    path.unlink()
    with work_alone(tmp_path):
        pass


def test_a_damaged_lock_is_named(tmp_path: Path) -> None:
    path = leave(tmp_path, "stages.json")
    path.write_text("{")
    with pytest.raises(BusyError, match=f"{path}: is damaged; remove it if no other process works in {tmp_path}$"):
        work_alone(tmp_path).__enter__()


# Commands


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("config")
    return write_config(folder)


def finish(processes: list[subprocess.Popen[str]]) -> list[str]:
    """Return what processes said on stderr, once all have ended well."""
    said = []
    for process in processes:
        _, errors = process.communicate()
        said.append(errors)
    for process, errors in zip(processes, said, strict=True):
        assert process.returncode == 0, errors
    return said


@pytest.mark.slow
@pytest.mark.parametrize("attempt", range(6))
def test_jobs_of_an_array_that_start_together_make_their_parts(config: Path, tmp_path: Path, attempt: int) -> None:
    """Blocks before there is a teacher, then shards; the result is that of one process."""
    del attempt
    run, whole = tmp_path / "run", tmp_path / "whole"
    for command, options in (
        ("distill", (["--block", "b1"], ["--block", "b2"])),
        ("populate", (["--shard", "1/2"], ["--shard", "2/2"])),
    ):
        with ExitStack() as stack:
            arguments = [command, str(config), "-o", str(run), "--device", "cpu"]
            said = finish([stack.enter_context(python(COMMAND, *arguments, *option)) for option in options])
        if command == "distill":
            assert sum("teacher: done in" in errors for errors in said) == 1, said
        run_stages(STAGES, load_config(config), run, until="supernet" if command == "distill" else "lut")
    run_stages(STAGES, load_config(config), whole, until="lut")
    assert (run / "supernet.pt").read_bytes() == (whole / "supernet.pt").read_bytes()
    one, other = Lut.open(run / "lut.h5"), Lut.open(whole / "lut.h5")
    for block, same in zip(one.blocks, other.blocks, strict=True):
        assert block.column("nsr").tobytes() == same.column("nsr").tobytes()
    assert not (run / ".locks").exists()


LONG = {"training": TRAINING | {"steps": 10**6}}


def test_a_second_run_says_who_works_there_and_a_killed_one_is_continued(config: Path, tmp_path: Path) -> None:
    long, run = config.with_name("long.yaml"), tmp_path / "run"
    long.write_text(yaml.safe_dump(TINY | {"teacher": TINY["teacher"] | LONG}))
    with python(COMMAND, "run", str(long), "-o", str(run)) as first:
        wait_for(first, run / "scratch" / "teacher")
        with python(COMMAND, "run", str(long), "-o", str(run)) as second:
            _, errors = second.communicate()
        assert second.returncode == 1
        assert errors.count("\n") == 1
        assert errors.startswith(f"error: {run}: process {first.pid} on ")
        assert f"-c run {long} -o {run})" in errors
        first.kill()
        first.wait()
    config_of_both = load_config(config)
    run_stages(STAGES, config_of_both, run, until="teacher")
    assert (run / "teacher.pt").exists()


def test_sigterm_leaves_no_lock(config: Path, tmp_path: Path) -> None:
    long, run = config.with_name("long.yaml"), tmp_path / "run"
    long.write_text(yaml.safe_dump(TINY | {"teacher": TINY["teacher"] | LONG}))
    with python(COMMAND, "run", str(long), "-o", str(run)) as process:
        wait_for(process, run / "scratch" / "teacher")
        process.send_signal(signal.SIGTERM)
        process.communicate()
        assert process.returncode == 128 + signal.SIGTERM
    assert not (run / ".locks").exists()


def wait_for(process: subprocess.Popen[str], path: Path) -> None:
    """Return when the path is there; what is awaited is an event, however long it takes."""
    while not path.exists():
        assert process.poll() is None, process.communicate()
        time.sleep(0.005)

"""Mapping in other processes: order, errors as without them, and one line where a process dies or hangs."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import time
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from qabwnas.data.processes import map_in_processes
from qabwnas.errors import FormatError, InputError, QabwnasError
from tests.processes import python

ROOT = Path(__file__).parents[2]


def square(item: int) -> tuple[int, int]:
    return item * item, os.getpid()


def refuse_three(item: int) -> int:
    if item == 3:
        raise FormatError("three.png: is damaged")
    if item == 5:
        raise InputError("five.png: there is no such file")
    if item == 7:
        raise FileNotFoundError(2, "No such file or directory", "seven.png")
    return item


def killed_at_two(item: int) -> int:
    if item == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return item


def exit_at_once(_: int) -> None:
    os._exit(3)


def hang(_: int) -> None:
    signal.pause()


def large(_: int) -> bytes:
    return bytes(2**27)


@pytest.mark.parametrize("workers", [0, 1, 3, 20])
def test_results_are_in_order(workers: int) -> None:
    results = list(map_in_processes(square, range(11), workers=workers))
    assert [value for value, _ in results] == [item * item for item in range(11)]
    pids = {pid for _, pid in results}
    assert len(pids) == min(max(workers, 1), 11)
    assert (os.getpid() in pids) == (workers == 0)
    assert list(map_in_processes(square, [], workers=workers)) == []


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize(
    ("first", "error"),
    [
        (0, FormatError("three.png: is damaged")),
        (4, InputError("five.png: there is no such file")),
        (6, FileNotFoundError(2, "No such file or directory", "seven.png")),
    ],
)
def test_errors_are_those_of_the_function(
    workers: int, first: int, error: Exception, capfd: pytest.CaptureFixture[str]
) -> None:
    given: list[int] = []
    with pytest.raises(type(error)) as caught:
        given.extend(map_in_processes(refuse_three, range(first, 9), workers=workers))
    assert type(caught.value) is type(error)
    assert str(caught.value) == str(error)
    assert given == list(range(first, first + len(given)))
    assert len(given) == {0: 3, 4: 1, 6: 1}[first]
    assert capfd.readouterr() == ("", "")


def test_a_process_that_dies_is_an_error() -> None:
    given: list[int] = []
    with pytest.raises(QabwnasError, match=r"^process \d+ of --num-workers was killed by SIGKILL: .*--num-workers 0$"):
        given.extend(map_in_processes(killed_at_two, range(6), workers=2))
    assert given == [0, 1]
    with pytest.raises(QabwnasError, match=r"^process \d+ of --workers ended too early, with exit code 3: .*workers 0"):
        list(map_in_processes(exit_at_once, range(6), workers=2, option="--workers"))
    assert not multiprocessing.active_children()


def test_a_process_that_hangs_is_an_error() -> None:
    with pytest.raises(
        QabwnasError, match=r"^process \d+ of --num-workers returned nothing for 0.01 s.*: .*--num-workers 0$"
    ):
        list(map_in_processes(hang, range(6), workers=1, timeout_s=0.01))
    assert not multiprocessing.active_children()


def stop(process: BaseProcess) -> None:
    assert process.pid is not None
    os.kill(process.pid, signal.SIGSTOP)


def test_a_process_that_hangs_within_a_message_is_an_error() -> None:
    results = map_in_processes(large, range(9), workers=1, timeout_s=2)
    stopped = (stop(process) for _ in results for process in multiprocessing.active_children())
    with pytest.raises(QabwnasError, match="returned nothing for 2 seconds"):
        list(stopped)
    assert not multiprocessing.active_children()


def test_closing_ends_the_processes() -> None:
    results = map_in_processes(square, range(100), workers=2)
    next(results)
    assert len(multiprocessing.active_children()) == 2
    results.close()  # type: ignore[attr-defined]
    assert not multiprocessing.active_children()


CODE = """
import multiprocessing, sys
from qabwnas.data.processes import map_in_processes
from tests.data.test_processes import square_or_hang
for _, pid in map_in_processes(square_or_hang, range(9), workers=2):
    print(*(process.pid for process in multiprocessing.active_children()), flush=True)
"""


def square_or_hang(item: int) -> tuple[int, int]:
    if item:
        signal.pause()
    return square(item)


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_process_is_left_behind(sent: signal.Signals) -> None:
    with python(CODE, env=os.environ | {"PYTHONPATH": str(ROOT)}, start_new_session=True) as process:
        assert process.stdout is not None
        pids = [int(word) for word in process.stdout.readline().split()]
        assert len(pids) == 2
        if sent == signal.SIGINT:
            os.kill(pids[0], signal.SIGSTOP)
            os.killpg(process.pid, sent)  # Ctrl-C reaches all of them
        else:
            process.send_signal(sent)
        _, errors = process.communicate()  # their stderr is closed when all have ended
    assert process.returncode != 0
    assert errors.count("Traceback") == (sent == signal.SIGINT)
    while any(map(is_running, pids)):  # those that have closed their files may still be about to end
        time.sleep(0.01)


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"  # what nobody waits for


TOO_SMALL = """
import torch
from qabwnas.data.digits import random_shift
from qabwnas.data.splits import TensorSplit
from qabwnas.data.batches import read_batches
split = TensorSplit(torch.rand(8, 3, 64, 64), torch.arange(8), random_shift)  # is sent to the processes, too
if __name__ == "__main__":
    print(torch.equal(torch.cat([batch.images for batch in read_batches(split, 4, workers=2)]), split.images))
"""


def test_shared_memory_is_not_needed() -> None:
    """Batches of 196 kB are read where there are 4 kB of shared memory."""
    unshare = shutil.which("unshare")
    command = [str(unshare), "--map-root-user", "--mount", "sh", "-c"]
    mount = "mount -t tmpfs -o size=4k tmpfs /dev/shm"
    if unshare is None or subprocess.run([*command, mount], capture_output=True, check=False).returncode:
        pytest.skip("mounting in a namespace (unshare) is not allowed here")
    answer = subprocess.run(
        [*command, f'{mount} && exec "$0" "$@"', sys.executable, "-c", TOO_SMALL],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (answer.stdout, answer.stderr) == ("True\n", "")

"""Engines: all jobs are done, errors arrive as they were raised, and no worker outlives its parent."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from qabwnas.errors import InputError, QabwnasError
from qabwnas.pipeline.execution.jobs import Engine, Job, Serial
from qabwnas.pipeline.execution.on_ray import OnRay
from qabwnas.pipeline.execution.processes import Processes
from qabwnas.pipeline.execution.worker_environment import VARIABLES, worker_variables
from qabwnas.train.checkpoint import load_checkpoint
from qabwnas.train.trainer import KIND
from tests.pipeline import jobs
from tests.processes import PATIENCE, python, wait_until

ROOT = Path(__file__).parents[3]
ray = pytest.importorskip("ray", reason="ray is not installed")


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    """A Ray cluster of two workers."""
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()


RAY = pytest.param("ray", marks=pytest.mark.slow)  # a cluster takes a minute to start beside busy processes


@pytest.fixture(params=["serial", "processes", RAY])
def engine(request: pytest.FixtureRequest) -> Engine:
    if request.param == "ray":
        request.getfixturevalue("cluster")
        return OnRay()
    return Serial() if request.param == "serial" else Processes(2)


def test_all_jobs_are_done(engine: Engine, tmp_path: Path) -> None:
    engine.run([])
    engine.run([Job(f"job{i}", jobs.write, (tmp_path / str(i), f"text {i}")) for i in range(5)])
    assert sorted(path.read_text() for path in tmp_path.iterdir()) == [f"text {i}" for i in range(5)]


def test_the_error_of_a_job_arrives_as_it_was_raised(engine: Engine) -> None:
    with pytest.raises(InputError, match=r"^block1: candidate 3: not finite$"):
        engine.run([Job("failing", jobs.fail, ("block1: candidate 3: not finite",))])


@pytest.mark.parametrize("engine", ["processes", RAY], indirect=True)
def test_workers_have_their_own_environment(engine: Engine, tmp_path: Path) -> None:
    engine.run([Job("look", jobs.write_environment, (tmp_path / "seen",))])
    tunables, threads, process = (tmp_path / "seen").read_text().split()
    assert (tunables, threads) == (VARIABLES["GLIBC_TUNABLES"], "1")
    assert int(process) != os.getpid()
    assert "GLIBC_TUNABLES" not in os.environ


def test_variables_that_are_set_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLIBC_TUNABLES", "glibc.malloc.arena_max=1")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    with worker_variables():
        assert os.environ["GLIBC_TUNABLES"] == "glibc.malloc.arena_max=1"
        assert os.environ["MKL_NUM_THREADS"] == "1"
    assert os.environ["GLIBC_TUNABLES"] == "glibc.malloc.arena_max=1"
    assert "MKL_NUM_THREADS" not in os.environ


@pytest.mark.slow
@pytest.mark.usefixtures("cluster")
def test_ray_tries_again_when_a_worker_is_killed(tmp_path: Path) -> None:
    OnRay().run([Job("dying", jobs.die_once, (tmp_path / "marker", tmp_path / "done"))])
    killed, done = (tmp_path / "done").read_text().split()
    assert killed != done


def test_a_process_that_dies_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(QabwnasError, match="a worker process died"):
        Processes(1).run([Job("dying", jobs.die, (tmp_path / "tried",))])
    assert (tmp_path / "tried").exists()


def test_workers_end_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from qabwnas.pipeline.execution.jobs import Job;"
        "from qabwnas.pipeline.execution.processes import Processes; from tests.pipeline import jobs;"
        "Processes(1).run([Job('sleeping', jobs.sleep, (Path(sys.argv[1]),))])"
    )
    with python(code, str(tmp_path / "worker")) as parent:
        wait_until(lambda: (tmp_path / "worker").exists() and bool((tmp_path / "worker").read_text()), parent)
        worker = int((tmp_path / "worker").read_text())
        os.kill(parent.pid, signal.SIGKILL)
        parent.wait()
        wait_until(lambda: not _is_alive(worker))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_trainings_in_workers_are_saved_before_they_end(tmp_path: Path, number: signal.Signals) -> None:
    code = (
        "import logging, signal, sys; from pathlib import Path\n"
        "from qabwnas.pipeline.execution.jobs import Job; from qabwnas.pipeline.execution.processes import Processes\n"
        "from tests.pipeline import jobs\n"
        "logging.basicConfig(level=logging.INFO, format='%(message)s')\n"
        "logging.getLogger('qabwnas').setLevel(logging.INFO)\n"
        "def end(*_): raise SystemExit(7)\n"
        "signal.signal(signal.SIGINT, end); signal.signal(signal.SIGTERM, end)\n"
        "path = Path(sys.argv[1])\n"
        "Processes(1).run([Job('long', jobs.train_long, (path,)), Job('next', jobs.write, (path.parent / 'next', ''))])"
    )
    with python(code, str(tmp_path / "long.pt"), env=os.environ | {"PYTHONPATH": str(ROOT)}) as parent:
        wait_until((tmp_path / "begun").exists, parent)
        parent.send_signal(number)
        _, stderr = parent.communicate(timeout=PATIENCE)
    assert parent.returncode == 7
    step = load_checkpoint(tmp_path / "long.pt", KIND)["step"]
    assert step > 5
    assert stderr.splitlines()[-1] == f"long: interrupted after step {step} of 1000000000; progress is saved"
    assert "Traceback" not in stderr
    assert not (tmp_path / "next").exists()


def _is_alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_full_shared_memory_is_one_line_that_says_what_to_do(tmp_path: Path) -> None:
    unshare = shutil.which("unshare")
    command = [str(unshare), "--map-root-user", "--mount", "sh", "-c"]
    fill = "mount -t tmpfs -o size=4k tmpfs /dev/shm && head -c 4096 /dev/zero > /dev/shm/full"
    if unshare is None or subprocess.run([*command, fill], capture_output=True, check=False).returncode:
        pytest.skip("mounting in a namespace (unshare) is not allowed here")
    script = (
        "from pathlib import Path; from qabwnas.errors import QabwnasError\n"
        "from qabwnas.pipeline.execution.jobs import Job; from qabwnas.pipeline.execution.processes import Processes\n"
        "try: Processes(2).run([Job('one', Path.touch, (Path('made'),))])\n"
        "except QabwnasError as error: print(error)"
    )
    answer = subprocess.run(
        [*command, f'{fill} && exec "$0" "$@"', sys.executable, "-c", script],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.stdout == (
        "cannot start worker processes: No space left on device; they need a few bytes of shared memory: make room in "
        "/dev/shm, or give the container more (--shm-size)\n"
    )
    assert not (tmp_path / "made").exists()

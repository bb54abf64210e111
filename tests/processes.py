"""Processes of tests: whatever a test finds out, none goes on after it.

Nothing here is timed. A test waits for an event (a line, a file, work that was done), however long the machine takes;
``PATIENCE`` only ends a test whose event never comes.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

PATIENCE = 600.0
"""Seconds after which a test gives up waiting for a process: far beyond what any machine needs."""
BUSY_SECONDS = 0.5


@contextmanager
def python(code: str, *arguments: str, **options: Any) -> Iterator[subprocess.Popen[str]]:
    """Run Python code with its output in pipes, and kill it at the end."""
    with subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def older_python(version: str) -> str:
    """Return the path of a Python of this version, of pyenv or on PATH; skips the test if there is none."""
    found = [*Path("~/.pyenv/versions").expanduser().glob(f"{version}.*/bin/python"), shutil.which(f"python{version}")]
    for path in filter(None, found):
        if subprocess.run([path, "--version"], capture_output=True, check=False).returncode == 0:
            return str(path)
    pytest.skip(f"there is no Python {version} here")


def wait_until(event: Callable[[], bool], process: subprocess.Popen[Any] | None = None) -> None:
    """Return when ``event`` is true; fail if the process ends before, or after ``PATIENCE``."""
    until = time.monotonic() + PATIENCE
    while not event():
        assert process is None or process.poll() is None, "the process ended too early"
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.005)


def wait_for_work(process: subprocess.Popen[Any]) -> None:
    """Return when a process has computed for ``BUSY_SECONDS`` of CPU time from now on, and is still running."""
    if not Path("/proc/self/stat").exists():
        pytest.skip("/proc, which tells how much a process has computed, is not here")
    before = _cpu_seconds(process.pid)
    wait_until(lambda: _cpu_seconds(process.pid) - before >= BUSY_SECONDS, process)


def _cpu_seconds(process: int) -> float:
    user, system = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def killing_itself(event: str, path_part: str, nth: int) -> str:
    """Return code after which a process kills itself at its ``nth`` audit event of this kind on such a path.

    ``os.mkdir`` and ``os.rename`` (which ``os.replace`` and ``Path.replace`` are, too) come just before the call.
    """
    return (
        "import os, signal, sys\n"
        "seen = []\n"
        "def kill_itself(event, args):\n"
        f"    if event == {event!r} and {path_part!r} in str(args[:2]):\n"
        "        seen.append(event)\n"
        f"        if len(seen) == {nth}: os.kill(os.getpid(), signal.SIGKILL)\n"
        "sys.addaudithook(kill_itself)\n"
    )

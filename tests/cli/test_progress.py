"""Progress on a terminal: bars, and Ctrl-C, typed there."""

from __future__ import annotations

import fcntl
import os
import re
import struct
import sys
import termios
import time
from pathlib import Path

import pytest

from tests.cli import run as qabwnas
from tests.pipeline.tiny import TINY, TRAINING, write_config
from tests.processes import PATIENCE

pty = pytest.importorskip("pty", reason="pseudo-terminals are not available here")

STEPS = 1_000_000
CONTROLS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal:
    """A command with a terminal of its own."""

    def __init__(self, *command: str) -> None:
        self._process, self._handle = pty.fork()
        if self._process == 0:
            os.execve(command[0], command, os.environ | {"TERM": "xterm", "COLUMNS": "150"})
        fcntl.ioctl(self._handle, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 150, 0, 0))
        self.shown = ""

    def read_until(self, pattern: str) -> re.Match[str]:
        """Return the first match in what the terminal has shown, without control characters."""
        until = time.monotonic() + PATIENCE
        while (found := re.search(pattern, self.shown)) is None:
            assert self._read(), f"ended without {pattern}: {self.shown[-2000:]}"
            assert time.monotonic() < until, "waited in vain"
        return found

    def press_ctrl_c(self) -> None:
        os.write(self._handle, b"\x03")

    def end(self) -> int:
        """Read to the end, and return the exit code."""
        while self._read():
            pass
        os.close(self._handle)
        return os.waitstatus_to_exitcode(os.waitpid(self._process, 0)[1])

    def _read(self) -> bool:
        try:
            new = os.read(self._handle, 65536)
        except OSError:  # as Linux tells that the other end is closed
            return False
        self.shown += CONTROLS.sub("", new.decode(errors="replace"))
        return bool(new)


def test_bars_show_the_training_and_ctrl_c_saves_it(tmp_path: Path) -> None:
    teacher = TINY["teacher"] | {"training": TRAINING | {"steps": STEPS}}
    config = write_config(tmp_path, TINY | {"teacher": teacher})
    folder = str(tmp_path / "run")
    terminal = Terminal(sys.executable, "-m", "qabwnas", "run", str(config), "-o", folder, "--stage", "teacher")
    bar = r"teacher +━\S+ +([0-9,]+) of 1,000,000 steps +about [^━\r\n]+ left +loss \S+, learning rate 0.01,"
    first = int(terminal.read_until(bar)[1].replace(",", ""))
    assert re.search(r"run +━\S+ ", terminal.shown)
    terminal.press_ctrl_c()
    assert terminal.end() == 130
    lines = [line.strip() for line in re.split(r"[\r\n]+", terminal.shown) if line.strip()]
    assert lines[-1] == "error: interrupted: finished work is saved; the same command continues"
    saved = re.search(r"teacher: interrupted after step ([0-9]+) of 1000000; progress is saved", terminal.shown)
    assert saved is not None
    assert int(saved[1]) >= first
    assert not (tmp_path / "run" / ".locks").exists()
    shown = qabwnas("status", folder).stdout
    assert re.search(rf"teacher +unfinished +teacher: {int(saved[1]):,} of 1,000,000 steps\n", shown), shown

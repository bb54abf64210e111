"""The process that holds a lock, as its lock file describes it, and whether that process still runs."""

from __future__ import annotations

import os
import shlex
import socket
import sys
import uuid
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

LONGEST_COMMAND = 200


@dataclass(frozen=True)
class Holder:
    """The process that owns a lock file.

    Attributes:
        host, pid: the host that it runs on, and its process number there.
        machine: the boot of the machine and the PID namespace; containers have their own.
        started: when the process started, in the kernel's ticks; process numbers are reused.
        since: when it took the lock, for messages.
        command: its command line, for messages.
        identity: fingerprint of the settings of the run that it makes a part of; empty if it works alone.
        token: a random text, so that two locks are never confused.
    """

    host: str
    pid: int
    machine: str
    started: str
    since: str
    command: str
    identity: str
    token: str

    @classmethod
    def here(cls, identity: str = "") -> Holder:
        """Return this process."""
        command = shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])[:LONGEST_COMMAND]
        since = datetime.now().astimezone().isoformat(sep=" ", timespec="seconds")
        pid, token = os.getpid(), uuid.uuid4().hex
        return cls(socket.gethostname(), pid, _machine(), _started(pid), since, command, identity, token)

    @property
    def is_local(self) -> bool:
        """Whether this process can find out if the holder has ended."""
        return (self.host, self.machine) == (socket.gethostname(), _machine())

    @property
    def has_ended(self) -> bool:
        """Whether the holder has certainly ended."""
        return self.is_local and (not _is_alive(self.pid) or _started(self.pid) not in ("", self.started))

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host} has worked here since {self.since} ({self.command})"


def _machine() -> str:
    """Return the scope in which process numbers are unique; empty if the system does not tell."""
    parts = []
    with suppress(OSError):
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text().strip())
        parts.append(os.readlink("/proc/self/ns/pid"))
    return " ".join(parts)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True  # it belongs to another user
    return _stat(pid)[:1] not in (["Z"], ["X"])  # ended, but its parent has not waited for it yet


def _started(pid: int) -> str:
    """Return when a process started; empty if the system does not tell."""
    fields = _stat(pid)
    return fields[19] if len(fields) > 19 else ""


def _stat(pid: int) -> list[str]:
    """Return the fields of proc(5)'s stat from the third on; an empty list if there is no such file."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []

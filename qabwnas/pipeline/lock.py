"""Who works in a run folder, so that several processes, of several machines, do not undo each other's work.

A process that makes stages works alone (:func:`work_alone`); processes that each make a part of one stage work side by
side (:func:`work_beside`). Each has a file in ``.locks`` for every part, with its host, its number and what it does, as
long as it works. These files, the ledger and the folders of unfinished work are only changed by who holds the lock of
:func:`changing`, which is for moments.

Locks are files that are created exclusively, which works on network file systems, too (open(2), O_EXCL). A process
that was killed leaves its files. They are taken over where it is sure that it has ended: on the same boot of the same
machine, where no process of that number and start time is left. What a process of another machine has left is never
taken over, because nothing tells whether it still runs: the message names the file that has to be removed.
"""

from __future__ import annotations

import json
import logging
import os
import shlex
import socket
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from qabwnas.errors import BusyError

logger = logging.getLogger(__name__)

FOLDER_NAME = ".locks"
MOMENT_NAME = "changing"
ALONE_NAME = "stages"
POLL_SECONDS, WAIT_SECONDS = 0.05, 0.5
"""Between two looks at what takes moments, and at what takes longer."""
LONGEST_MOMENT_SECONDS = 60.0
"""For which what takes moments is waited for."""
LONGEST_COMMAND = 200


@dataclass(frozen=True)
class Holder:
    """The process that a lock file is of.

    Attributes:
        host, pid: where it runs, and its number there.
        machine: the boot of the machine and its name space of process numbers; containers have their own.
        started: when the process started, in the kernel's ticks; numbers of processes are used again.
        since: when it took the lock, for people.
        command: its command line, for people.
        identity: of the settings of the run that it makes a part of; empty where it works alone.
        token: random, so that two locks are never taken for each other.
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
        """Whether this process can tell if that one has ended."""
        return (self.host, self.machine) == (socket.gethostname(), _machine())

    @property
    def has_ended(self) -> bool:
        """Whether it is sure that the process has ended."""
        return self.is_local and (not _is_alive(self.pid) or _started(self.pid) not in ("", self.started))

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host} works here since {self.since} ({self.command})"


@contextmanager
def changing(folder: Path) -> Iterator[None]:
    """Hold the lock for changes that take moments, having waited for it; ``folder`` is that of the run.

    Raises:
        BusyError: another process has held it for a minute.
        OSError: the folder cannot be written.
    """
    path, holder = folder / FOLDER_NAME / MOMENT_NAME, Holder.here()
    first: Holder | None = None
    start = time.monotonic()
    while not _created(path, holder):
        other = _read(path)
        if other is not None and other.has_ended:
            _take_over(path, other)
        elif other != first:
            first, start = other, time.monotonic()
        elif time.monotonic() - start > LONGEST_MOMENT_SECONDS:
            raise BusyError(f"{folder}: {other or 'another process works here'}; if it has ended, remove {path}")
        else:
            time.sleep(POLL_SECONDS)
    try:
        yield
    finally:
        _release(path, holder)


@contextmanager
def work_alone(folder: Path) -> Iterator[None]:
    """Be the only process that works in a run folder.

    Raises:
        BusyError: another process works there.
        OSError: as :func:`changing`.
    """

    def in_the_way(others: Mapping[str, Holder]) -> Obstacle | None:
        return next((Obstacle(name, wait=False) for name in others), None)

    with _at_work(folder, [ALONE_NAME], Holder.here(), in_the_way):
        yield


@contextmanager
def work_beside(folder: Path, parts: Sequence[str], identity: str, *, wait: bool = False) -> Iterator[None]:
    """Make parts of a run beside processes that make other parts of it; wait for a process that works alone.

    ``identity`` is that of the run's settings. With ``wait``, a process that makes one of the parts is waited for.

    Raises:
        BusyError: another process makes one of the parts, or works with other settings.
        OSError: as :func:`changing`.
    """

    def in_the_way(others: Mapping[str, Holder]) -> Obstacle | None:
        for name, other in others.items():
            if name == ALONE_NAME:
                return Obstacle(name, wait=True)
            if other.identity != identity:
                return Obstacle(name, wait=False)
            if name in parts:
                return Obstacle(name, wait)
        return None

    with _at_work(folder, parts, Holder.here(identity), in_the_way):
        yield


class Obstacle(NamedTuple):
    """The name of the lock that is in the way, and whether it is waited for."""

    name: str
    wait: bool


@contextmanager
def _at_work(
    folder: Path,
    names: Sequence[str],
    holder: Holder,
    in_the_way: Callable[[Mapping[str, Holder]], Obstacle | None],
) -> Iterator[None]:
    paths = [_path(folder, name) for name in names]
    told = ""
    while True:
        with changing(folder):
            others = _others(folder)
            obstacle = in_the_way(others)
            if obstacle is None:
                for path in paths:
                    _write(path, holder)
                break
        other = others[obstacle.name]
        advice = "" if other.is_local else f"; if it has ended, remove {_path(folder, obstacle.name)}"
        if not obstacle.wait:
            raise BusyError(f"{folder}: {other}{advice}")
        if told != other.token:
            logger.info("%s: waiting: %s%s", folder, other, advice)
            told = other.token
        time.sleep(WAIT_SECONDS)
    try:
        yield
    finally:
        for path in paths:
            _release(path, holder)


def _path(folder: Path, name: str) -> Path:
    return folder / FOLDER_NAME / f"{name}.json"


def _others(folder: Path) -> dict[str, Holder]:
    """Return who works in a folder, by the names of their locks; what is left of ended processes is removed."""
    others = {}
    for path in sorted((folder / FOLDER_NAME).glob("*.json")):
        holder = _read(path)
        if holder is None:
            if not path.exists():  # its process has just ended
                continue
            raise BusyError(f"{path}: is damaged; remove it if no other process works in {folder}")
        if holder.has_ended:
            logger.info("%s: goes on where process %d ended (%s)", folder, holder.pid, holder.command)
            path.unlink()
        else:
            others[path.stem] = holder
    return others


def _created(path: Path, holder: Holder) -> bool:
    """Write a lock file unless there is one; return whether it was written."""
    try:
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
    except FileExistsError:
        return False
    except FileNotFoundError:  # the folder of locks is removed when it is empty
        path.parent.mkdir(exist_ok=True)
        return _created(path, holder)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(asdict(holder), file)
    return True


def _write(path: Path, holder: Holder) -> None:
    temporary = path.with_name(f"{path.name}-{holder.token}")
    temporary.write_text(json.dumps(asdict(holder)), encoding="utf-8")
    temporary.replace(path)


def _read(path: Path) -> Holder | None:
    """Return whose a lock file is; ``None`` where it is gone, or not written to its end."""
    try:
        return Holder(**json.loads(path.read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError, TypeError):
        return None


def _take_over(path: Path, dead: Holder) -> None:
    """Remove the lock of a dead process, as the only one that does: whoever comes later finds another token."""
    claim = path.with_name(f"{path.name}-{dead.token}")
    if _created(claim, dead):
        try:
            if _read(path) == dead:
                path.unlink()
        finally:
            claim.unlink()


def _release(path: Path, holder: Holder) -> None:
    if _read(path) == holder:
        path.unlink()
    with suppress(OSError):  # others work there, or have removed it
        path.parent.rmdir()


def _machine() -> str:
    """Return what numbers of processes are unique within; empty where the system does not say."""
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
        return True  # of another user
    return _stat(pid)[:1] not in (["Z"], ["X"])  # ended, and not yet waited for


def _started(pid: int) -> str:
    """Return when a process started; empty where the system does not say."""
    fields = _stat(pid)
    return fields[19] if len(fields) > 19 else ""


def _stat(pid: int) -> list[str]:
    """Return the fields of proc(5)'s stat from the third on; none where there are none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []

"""Locks of a run folder, so that several processes, also of several machines, do not destroy each other's work.

A process that makes stages works alone (:func:`work_alone`). Processes that each make a part of one stage work in
parallel (:func:`work_on_parts`). While a process works, it has a file in ``.locks`` for every part, which holds its
host, its process number and its command. These files, the ledger and the folders of unfinished work may only be changed
while holding the short lock of :func:`changing`.

Locks are files that are created exclusively (open(2), O_EXCL), which also works on network file systems. A process
that was killed leaves its files. They are removed if that process has certainly ended: same machine, same boot, and no
process with that number and start time. Files of another machine are never removed, because nothing tells whether
their process still runs: the message names the file to remove.
"""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

from qabwnas.errors import BusyError
from qabwnas.pipeline.lock_holder import Holder

logger = logging.getLogger(__name__)

FOLDER_NAME = ".locks"
CHANGING_NAME = "changing"
ALONE_NAME = "stages"
POLL_SECONDS, WAIT_SECONDS = 0.05, 0.5
"""Between two attempts to get the short lock, and to start work."""
LONGEST_CHANGE_SECONDS = 60.0
"""How long one process may hold the short lock."""


@contextmanager
def changing(folder: Path) -> Iterator[None]:
    """Wait for the short lock of a run folder and hold it; for changes that take milliseconds.

    Raises:
        BusyError: another process has held it for a minute.
        OSError: the folder cannot be written.
    """
    path, holder = folder / FOLDER_NAME / CHANGING_NAME, Holder.here()
    first: Holder | None = None
    start = time.monotonic()
    with _released_at_the_end([path], holder):
        while not _created(path, holder):
            other = _read(path)
            if other is not None and other.has_ended:
                _take_over(path, other)
            elif other != first:
                first, start = other, time.monotonic()
            elif time.monotonic() - start > LONGEST_CHANGE_SECONDS:
                raise BusyError(f"{folder}: {other or 'another process works here'}; if it has ended, remove {path}")
            else:
                time.sleep(POLL_SECONDS)
        yield


@contextmanager
def work_alone(folder: Path) -> Iterator[None]:
    """Work as the only process in a run folder.

    Raises:
        BusyError: another process works there.
        OSError: as :func:`changing`.
    """

    def find_obstacle(others: Mapping[str, Holder]) -> Obstacle | None:
        return next((Obstacle(name, wait=False) for name in others), None)

    with _at_work(folder, [ALONE_NAME], Holder.here(), find_obstacle):
        yield


@contextmanager
def work_on_parts(folder: Path, parts: Sequence[str], identity: str, *, wait: bool = False) -> Iterator[None]:
    """Make parts of a run while other processes make other parts; wait for a process that works alone.

    ``identity`` is the fingerprint of the run's settings. With ``wait``, also wait for a process that makes one of the
    parts.

    Raises:
        BusyError: another process makes one of the parts, or works with other settings.
        OSError: as :func:`changing`.
    """

    def find_obstacle(others: Mapping[str, Holder]) -> Obstacle | None:
        for name, other in others.items():
            if name == ALONE_NAME:
                return Obstacle(name, wait=True)
            if other.identity != identity:
                return Obstacle(name, wait=False)
            if name in parts:
                return Obstacle(name, wait)
        return None

    with _at_work(folder, parts, Holder.here(identity), find_obstacle):
        yield


class Obstacle(NamedTuple):
    """The name of a lock that prevents the work, and whether to wait for it."""

    name: str
    wait: bool


@contextmanager
def _at_work(
    folder: Path,
    names: Sequence[str],
    holder: Holder,
    find_obstacle: Callable[[Mapping[str, Holder]], Obstacle | None],
) -> Iterator[None]:
    paths = [_path(folder, name) for name in names]
    reported = ""
    with _released_at_the_end(paths, holder):
        while True:
            with changing(folder):
                others = _others(folder)
                obstacle = find_obstacle(others)
                if obstacle is None:
                    for path in paths:
                        _write(path, holder)
                    break
            other = others[obstacle.name]
            advice = "" if other.is_local else f"; if it has ended, remove {_path(folder, obstacle.name)}"
            if not obstacle.wait:
                raise BusyError(f"{folder}: {other}{advice}")
            if reported != other.token:
                logger.info("%s: waiting: %s%s", folder, other, advice)
                reported = other.token
            time.sleep(WAIT_SECONDS)
        yield


@contextmanager
def _released_at_the_end(paths: Sequence[Path], holder: Holder) -> Iterator[None]:
    """Remove the locks of ``holder`` when the block ends, also if a signal ends it while it takes or removes them."""
    try:
        yield
    finally:
        try:
            _release(paths, holder)
        finally:
            _release(paths, holder)  # a signal may have come in the first; what is gone takes no time


def holders(folder: Path) -> list[Holder]:
    """Return the processes that work in a folder; one that makes several parts comes once."""
    found = map(_read, sorted((folder / FOLDER_NAME).glob("*.json")))
    return list({holder.token: holder for holder in found if holder is not None and not holder.has_ended}.values())


def _path(folder: Path, name: str) -> Path:
    return folder / FOLDER_NAME / f"{name}.json"


def _others(folder: Path) -> dict[str, Holder]:
    """Return the processes that work in a folder, by lock name; remove the locks of processes that have ended."""
    others = {}
    for path in sorted((folder / FOLDER_NAME).glob("*.json")):
        holder = _read(path)
        if holder is None:
            if not path.exists():  # its process ended a moment ago
                continue
            raise BusyError(f"{path}: is damaged; remove it if no other process works in {folder}")
        if holder.has_ended:
            logger.info("%s: continues the work of process %d, which ended (%s)", folder, holder.pid, holder.command)
            path.unlink()
        else:
            others[path.stem] = holder
    return others


def _created(path: Path, holder: Holder) -> bool:
    """Write a lock file unless it exists; return whether it was written."""
    try:
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
    except FileExistsError:
        return False
    except FileNotFoundError:  # the last process to finish removed the folder
        # Not exist_ok: mkdir then raises if another process removes the folder before it looks whether it is one.
        with suppress(FileExistsError):
            path.parent.mkdir()
        return _created(path, holder)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(asdict(holder), file)
    return True


def _write(path: Path, holder: Holder) -> None:
    temporary = path.with_name(f"{path.name}-{holder.token}")
    temporary.write_text(json.dumps(asdict(holder)), encoding="utf-8")
    temporary.replace(path)


def _read(path: Path) -> Holder | None:
    """Return the holder in a lock file; ``None`` if the file is gone or incomplete."""
    try:
        return Holder(**json.loads(path.read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError, TypeError):
        return None


def _take_over(path: Path, dead: Holder) -> None:
    """Remove the lock of a dead process; only one process does so, because later ones find another token."""
    claim = path.with_name(f"{path.name}-{dead.token}")
    if _created(claim, dead):
        try:
            if _read(path) == dead:
                path.unlink()
        finally:
            claim.unlink()


def _release(paths: Sequence[Path], holder: Holder) -> None:
    for path in paths:
        if _read(path) == holder:
            path.unlink()
    with suppress(OSError):  # it is not empty, or another process removed it
        paths[0].parent.rmdir()

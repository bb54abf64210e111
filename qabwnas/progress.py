"""Progress of long work: activities say how far they are, and a reporter shows it.

Long work opens an :func:`activity` and advances it. An activity that is opened inside another one is a part of it, also
if it runs in another process (:func:`part_of`). By default :class:`Lines` writes a log line from time to time;
:func:`reporting` sets another reporter. No result depends on the reporter.
"""

from __future__ import annotations

import itertools
import logging
import os
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace

logger = logging.getLogger(__name__)

SECONDS_BETWEEN_LINES = 60.0
BASIS, BASIS_SECONDS = 0.005, 5.0
"""The share of an activity, or how long, it has to be worked on before its remaining time is estimated."""


@dataclass(frozen=True)
class Status:
    """How far an activity is.

    Attributes:
        key: identifies the activity, also among processes.
        parent: the key of the activity that it is a part of; empty if there is none.
        name, unit: what is shown: what is done, and what is counted, in the plural.
        total: how many there are; with 0, as many as all parts that are known have.
        done: how many of them this activity has finished itself, without its parts.
        skipped: how many of ``done`` took no time, because they had been finished before.
        size: how much of the parent's total this activity is; ``None`` stands for ``total``.
        n_lines: how many evenly spaced log lines are written however fast it is.
        note: further values, such as a loss.
        ended, succeeded: whether this is the last status, and whether the work was finished.
    """

    key: str
    parent: str
    name: str
    unit: str
    total: float
    done: float
    skipped: float
    size: float | None
    n_lines: int
    note: str = ""
    ended: bool = False
    succeeded: bool = False


class Node:
    """An activity with its parts, as a reporter sees it."""

    def __init__(self, status: Status, parent: Node | None) -> None:
        self.status = status
        self.parent = parent
        self.parts: list[Node] = []
        self.start = time.monotonic()
        self.shown_at, self.shown_done = self.start, status.done

    @property
    def total(self) -> float:
        """How many there are, with all parts; 0 if this is not known."""
        return self.status.total or sum(part.size for part in self.parts)

    @property
    def size(self) -> float:
        """How much of the parent's total this is."""
        return self.total if self.status.size is None else self.status.size

    @property
    def done(self) -> float:
        """How many are finished, with all parts."""
        counted = self.status.done + sum(part._share(part.done) for part in self.parts)
        return self.total if self.status.succeeded else min(counted, self.total)

    @property
    def worked(self) -> float:
        """How many were finished since the start, with all parts: those that the speed is computed from."""
        return self.status.done - self.status.skipped + sum(part._share(part.worked) for part in self.parts)

    @property
    def unit(self) -> str:
        """The unit, that of the parts if they are counted in the same one; empty for a share."""
        of_parts = [part.unit for part in self.parts[:1] if part.status.size is None]
        return self.status.unit or "".join(of_parts)

    def _share(self, n: float) -> float:
        """Return what ``n`` of this activity's units are in units of its parent."""
        return self.size * n / self.total if self.total else self.size * self.status.succeeded

    def seconds_left(self) -> float | None:
        """Return the estimated time until the end, at the speed so far; ``None`` as long as there is no basis."""
        worked, seconds = self.worked, time.monotonic() - self.start
        if worked <= 0 or (worked < BASIS * self.total and seconds < BASIS_SECONDS):
            return None
        return seconds * (self.total - self.done) / worked

    def rest(self) -> str:
        """Return the estimated time until the end as text; empty if there is no basis, and at the end."""
        seconds = self.seconds_left()
        return f"about {duration(seconds)} left" if seconds else ""

    def amount(self) -> str:
        """Return how far it is, as text: ``3 of 8 steps``, or a percentage if nothing is counted."""
        if not self.total:
            return ""
        if not self.unit:
            return f"{100 * self.done / self.total:.0f} %"
        return f"{int(self.done + 1e-6):,} of {int(self.total):,} {self.unit}"


class Reporter(ABC):
    """Shows the status of activities."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._last: dict[str, tuple[float, float]] = {}

    @property
    @abstractmethod
    def seconds(self) -> float:
        """How often an activity is shown."""

    def is_due(self, status: Status) -> bool:
        """Return whether to show a status: the first and the last, every ``seconds``, and at each of its lines."""
        if status.ended or status.key not in self._last:
            return True
        at, done = self._last[status.key]
        return time.monotonic() - at >= self.seconds or _n_lines(status, status.done) > _n_lines(status, done)

    def take(self, status: Status) -> None:
        """Show a status that is due."""
        with self._lock:
            self._last[status.key] = time.monotonic(), status.done
            if status.ended:
                del self._last[status.key]
            self.show(status)

    @abstractmethod
    def show(self, status: Status) -> None:
        """Show a status; one thread at a time."""


class TreeReporter(Reporter):
    """A reporter that knows how activities belong together."""

    def __init__(self) -> None:
        super().__init__()
        self._nodes: dict[str, Node] = {}

    def show(self, status: Status) -> None:
        node = self._nodes.get(status.key)
        if node is None:
            parent = self._nodes.get(status.parent)
            node = self._nodes[status.key] = Node(status, parent)
            if parent is not None:
                parent.parts.append(node)
            self.opened(node)
            return
        node.status = status
        if status.ended:
            del self._nodes[status.key]
            self.closed(node)
        else:
            self.changed(node)

    def opened(self, node: Node) -> None:
        """Show a new activity."""

    @abstractmethod
    def changed(self, node: Node) -> None:
        """Show how far an activity is."""

    @abstractmethod
    def closed(self, node: Node) -> None:
        """Show that an activity has ended."""


class Lines(TreeReporter):
    """Writes log lines: a few per activity at even distances, and one every minute."""

    @property
    def seconds(self) -> float:
        return SECONDS_BETWEEN_LINES

    def changed(self, node: Node) -> None:
        self._write_if_due(node)

    def closed(self, node: Node) -> None:
        if node.status.succeeded and node.parent is not None:
            self._write_if_due(node.parent)

    def _write_if_due(self, node: Node) -> None:
        now, status = time.monotonic(), node.status
        if now - node.shown_at >= self.seconds or _n_lines(status, node.done) > _n_lines(status, node.shown_done):
            node.shown_at, node.shown_done = now, node.done
            logger.info("%s: %s", status.name, ", ".join(filter(None, (node.amount(), status.note, node.rest()))))
        if node.parent is not None:
            self._write_if_due(node.parent)


def _n_lines(status: Status, done: float) -> int:
    """Return how many of its lines an activity has reached."""
    return int(status.n_lines * done / status.total) if status.total else 0


_LINES = Lines()
_reporter: ContextVar[Reporter | None] = ContextVar("reporter", default=None)
_current: ContextVar[Activity | None] = ContextVar("current", default=None)
_outer: ContextVar[str] = ContextVar("outer", default="")
_numbers = itertools.count()


class Activity:
    """Work whose progress is shown; opened by :func:`activity`."""

    def __init__(self, status: Status) -> None:
        self._status = status
        self._reporter = current_reporter()

    def advance(self, n: float = 1, note: Callable[[], str] | None = None) -> None:
        """Count ``n`` more as finished. ``note`` is called when the status is shown."""
        self._status = replace(self._status, done=self._status.done + n)
        if self._reporter.is_due(self._status):
            if note is not None:
                self._status = replace(self._status, note=note())
            self._reporter.take(self._status)

    def _begin(self) -> None:
        self._reporter.take(self._status)

    def _expect(self, total: float, unit: str) -> None:
        self._status = replace(self._status, total=total, unit=unit)
        self._reporter.take(self._status)

    def _end(self, succeeded: bool) -> None:
        self._reporter.take(replace(self._status, ended=True, succeeded=succeeded))


@contextmanager
def activity(
    name: str, total: float = 0, unit: str = "", *, done: float = 0, size: float | None = None, n_lines: int = 0
) -> Iterator[Activity]:
    """Open an activity for the ``with`` block; fields as in :class:`Status`. ``done`` were finished before."""
    parent = current_key()
    key = f"{os.getpid()}-{next(_numbers)}"
    opened = Activity(Status(key, parent, name, unit, total, done, done, size, n_lines))
    opened._begin()
    before, outer = _current.set(opened), _outer.set(key)
    try:
        yield opened
    except BaseException:
        opened._end(succeeded=False)
        raise
    else:
        opened._end(succeeded=True)
    finally:
        _outer.reset(outer)
        _current.reset(before)


def expect(total: float, unit: str) -> None:
    """Say how large the activity of the surrounding ``with`` block is, if there is one."""
    if (surrounding := _current.get()) is not None:
        surrounding._expect(total, unit)


def current_key() -> str:
    """Return the key of the activity of the surrounding ``with`` block; empty if there is none."""
    return _outer.get()


@contextmanager
def part_of(key: str) -> Iterator[None]:
    """Open activities in the ``with`` block as parts of one of another process."""
    outer = _outer.set(key)
    try:
        yield
    finally:
        _outer.reset(outer)


@contextmanager
def reporting(reporter: Reporter) -> Iterator[None]:
    """Report activities that are opened in the ``with`` block to ``reporter``."""
    before = _reporter.set(reporter)
    try:
        yield
    finally:
        _reporter.reset(before)


def current_reporter() -> Reporter:
    """Return the reporter of the surrounding block."""
    return _reporter.get() or _LINES


def duration(seconds: float) -> str:
    """Return a time as text, rounded up to its last unit: ``42 s``, ``12 min``, ``3 h 05 min``, ``2 d 04 h``."""
    whole = int(seconds + 0.999)
    if whole < 60:
        return f"{whole} s"
    minutes = -(-whole // 60)
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 24 * 60:
        return f"{minutes // 60} h {minutes % 60:02d} min"
    hours = -(-minutes // 60)
    return f"{hours // 24} d {hours % 24:02d} h"

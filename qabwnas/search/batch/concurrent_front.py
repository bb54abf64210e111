"""Build a front in a second thread while direct searches run, and decide when that pays: a ski-rental rule.

A batch can be answered in two ways. Direct searches take D seconds in total; they are like rented skis, paid per row.
The front takes F seconds to build and query; it is like buying skis. Neither time is known in advance: both vary over
many orders of magnitude, and the time of a front is known only when the front is complete.

So rows are searched directly from the start, and the front is built concurrently once :func:`building_pays`. Kernels
release the GIL: on two cores both ways run at full speed, on one core the operating system gives half of the time to
each. The first one to finish stops the other: the last row stops the front, or the front stops the running search and
answers all remaining rows. Let s be the seconds of search before the front is started, and c the seconds until the
slower way stops. On one core a batch takes at most

    s + 2 (D - s) + c  <=  2 D + c    if the searches finish first, or the front exceeds its memory limit,
    s + 2 F + c                       if the front finishes first.

So the rule is 2-competitive up to constants, and no deterministic rule that knows neither D nor F is better (Karlin,
Manasse, Rudolph, Sleator 1988). On two cores the factor is 1. Kernels check every hundredth of a second whether to
stop, so c is about :data:`MIN_SECONDS`; s is at most twice that, unless few rows seem to remain.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

from qabwnas.errors import FrontLimitError

StopCheck = Callable[[], None]
F = TypeVar("F")

MIN_SECONDS = 0.02
"""A front is built only after so many seconds of direct search, and if so many remain: the time to stop a kernel."""


class _StoppedError(Exception):
    """The front is no longer needed."""


class ConcurrentFront(Generic[F]):
    """A front that is built in its own thread, if it is started at all.

    Attributes:
        is_too_large: whether building it exceeded the memory limit.
    """

    def __init__(self, build: Callable[[StopCheck], F]) -> None:
        """Do not start yet. ``build`` returns the front; it must often call its argument, which raises to stop it."""
        self._build = build
        self._is_stopped = threading.Event()
        self._threads = ThreadPoolExecutor(1, "front")
        self._building: Future[F] | None = None
        self.is_too_large = False

    @property
    def is_building(self) -> bool:
        return self._building is not None and not self._building.done()

    @property
    def is_started(self) -> bool:
        return self._building is not None

    def start(self) -> None:
        """Start to build the front."""
        self._building = self._threads.submit(self._build, self._raise_if_stopped)

    def done(self) -> F | None:
        """Return the front if it is complete, else ``None``; raise the error of the build, unless memory ran out."""
        if self._building is None or self.is_too_large or not self._building.done():
            return None
        try:
            return self._building.result()
        except (FrontLimitError, MemoryError):
            self.is_too_large = True
            return None

    def close(self) -> None:
        """Stop building, and wait until the thread has ended."""
        self._is_stopped.set()
        self._threads.shutdown()

    def _raise_if_stopped(self) -> None:
        if self._is_stopped.is_set():
            raise _StoppedError


def building_pays(n_searches: int, seconds: float, running: float, n_left: int | None) -> bool:
    """Return whether to start building a front, in addition to the direct searches.

    It pays once the searches took :data:`MIN_SECONDS` and are expected to take as long again. Every remaining row is
    expected to take the mean time so far (an upper bound, because rows may be equal to earlier ones), and a running
    search to take as long again.

    Args:
        n_searches: how many searches are complete.
        seconds: how long they took together.
        running: how long the current search has run; 0 if none runs.
        n_left: how many rows have no answer yet; ``None`` if that is not known.
    """
    if seconds + running < MIN_SECONDS:
        return False
    if n_left is None or running >= MIN_SECONDS:
        return True
    return (seconds + running) * n_left >= MIN_SECONDS * max(1, n_searches)

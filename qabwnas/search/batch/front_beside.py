"""When a front pays in addition to direct searches, and how it is built in a second thread: a ski-rental rule.

A batch has two ways. Direct searches take D seconds in all; they are the rented skis, paid row by row. The front takes
F seconds, to build it and to query it; it is the bought pair. Neither number is known before: both range over many
orders of magnitude, and how long a front takes shows only when it is complete.

So rows are searched directly from the start, and the front is built beside them once :func:`building_pays`. Kernels
release the GIL: with two cores both ways run at full speed, with one core the operating system gives each of them half
of the time. What is complete first ends the other: the last row ends the building, the front ends the search that runs
and answers all rows that are left. With s for the seconds searched before the building starts, and c for those until
the loser hears that it has lost, a batch takes on one core at most

    s + 2 (D - s) + c  <=  2 D + c    where the searches are done first, or the front takes more memory than it may,
    s + 2 F + c                       where the front is done first.

It is therefore 2-competitive but for constants, and no deterministic rule that knows neither D nor F does better
(Karlin, Manasse, Rudolph, Sleator 1988); on two cores the factor is 1. Kernels ask every hundredth of a second whether
to go on, so c is about :data:`LEAST_SECONDS`; and s is at most twice that, unless few rows seem to be left.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

from qabwnas.errors import FrontLimitError

Ask = Callable[[], None]
F = TypeVar("F")

LEAST_SECONDS = 0.02
"""Seconds of direct search before a front is thought of, and that have to be left: what it takes to stop a kernel."""


class _StoppedError(Exception):
    """The front is not needed any more."""


class FrontBeside(Generic[F]):
    """A front that is built in a thread of its own, or not at all.

    Attributes:
        is_too_large: whether building it took more memory than it may.
    """

    def __init__(self, build: Callable[[Ask], F]) -> None:
        """Start nothing yet. ``build`` makes the front, and calls its argument often, which may end it by raising."""
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
        """Begin to build it."""
        self._building = self._threads.submit(self._build, self._go_on)

    def done(self) -> F | None:
        """Return the front if it is complete; raises what building it raised, but for a lack of memory."""
        if self._building is None or self.is_too_large or not self._building.done():
            return None
        try:
            return self._building.result()
        except (FrontLimitError, MemoryError):
            self.is_too_large = True
            return None

    def close(self) -> None:
        """End the building, and wait until it has ended."""
        self._is_stopped.set()
        self._threads.shutdown()

    def _go_on(self) -> None:
        if self._is_stopped.is_set():
            raise _StoppedError


def building_pays(n_searches: int, seconds: float, running: float, n_left: int | None) -> bool:
    """Return whether a front should be built in addition to the direct searches.

    That is once they took :data:`LEAST_SECONDS` and are expected to take as long again. Every row that is left is
    expected to take the mean time so far (an upper bound: some may be equal to earlier ones), and a search that runs to
    take as long again.

    Args:
        n_searches: how many searches are complete.
        seconds: what they took together.
        running: how long the search that runs has taken; 0 if none runs.
        n_left: rows without an answer; ``None`` if that is not known.
    """
    if seconds + running < LEAST_SECONDS:
        return False
    if n_left is None or running >= LEAST_SECONDS:
        return True
    return (seconds + running) * n_left >= LEAST_SECONDS * max(1, n_searches)

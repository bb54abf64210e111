"""Ctrl-C and SIGTERM end every command.

Python raises the exception of a signal's handler wherever the main thread is. Finalizers, callbacks of garbage
collection and of LLVM, and C code that clears errors drop it there, and the command would go on.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)
SECONDS_UNTIL_REPEATED = 0.5


@contextmanager
def lasting_interrupts() -> Iterator[None]:
    """Raise KeyboardInterrupt on Ctrl-C and SystemExit on SIGTERM, again and again until the main thread has them.

    So trainings save their progress, locks are removed and no half-written file is left when a batch scheduler ends a
    job by SIGTERM. A signal that is ignored stays ignored. In other threads, where signals
    cannot be handled, nothing is changed.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    interrupts = _Interrupts()
    report = sys.unraisablehook
    handlers = {each: interrupts.take_effect for each in SIGNALS if signal.getsignal(each) is not signal.SIG_IGN}
    before = {each: signal.signal(each, new) for each, new in (handlers | {signal.SIGALRM: interrupts.repeat}).items()}
    sys.unraisablehook = lambda ignored: None if interrupts.is_last(ignored.exc_value) else report(ignored)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        sys.unraisablehook = report
        for each, handler in before.items():
            signal.signal(each, handler)


class _Interrupts:
    def __init__(self) -> None:
        self._last: BaseException | None = None

    def take_effect(self, number: int, _frame: FrameType | None) -> None:
        self._last = KeyboardInterrupt() if number == signal.SIGINT else SystemExit(128 + number)
        # By a timer of the system: a thread would have to take locks, which the interrupted code may hold.
        signal.setitimer(signal.ITIMER_REAL, SECONDS_UNTIL_REPEATED, SECONDS_UNTIL_REPEATED)
        raise self._last

    def repeat(self, _number: int, _frame: FrameType | None) -> None:
        """Raise the exception again, unless the main thread is handling it, for example in a ``finally`` clause."""
        if self._last is not None and not _follows(sys.exception(), self._last):
            raise self._last

    def is_last(self, error: BaseException | None) -> bool:
        return error is not None and error is self._last


def _follows(current: BaseException | None, error: BaseException) -> bool:
    """Return whether ``current`` is ``error``, or was raised while it was handled."""
    pending, seen = [current], set[int]()
    while pending:
        each = pending.pop()
        if each is error:
            return True
        if each is not None and id(each) not in seen:
            seen.add(id(each))
            pending += [each.__context__, each.__cause__]
    return False

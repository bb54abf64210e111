"""Ctrl-C and SIGTERM during a training: they take effect between two steps, where a checkpoint is whole."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class EndNowError(KeyboardInterrupt):
    """A second Ctrl-C: the user does not want to wait."""


class Interrupts:
    """Holds back signals that end the process while the state is not whole.

    Outside of :meth:`held` a signal has its usual effect. A second Ctrl-C raises EndNowError everywhere. Signals can
    only be handled in the main thread; in others nothing is held back.
    """

    def __init__(self) -> None:
        self._before: dict[signal.Signals, Any] = {}
        self._received: signal.Signals | None = None
        self._is_held = False

    @contextmanager
    def handled(self) -> Iterator[None]:
        """Handle the signals inside the ``with`` block, those that are not ignored."""
        if threading.current_thread() is threading.main_thread():
            found = {each: signal.getsignal(each) for each in SIGNALS}
            self._before = {each: handler for each, handler in found.items() if handler is not signal.SIG_IGN}
        try:
            for each in self._before:
                signal.signal(each, self._handle)
            yield
        finally:
            for each, before in self._before.items():
                signal.signal(each, before)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold back signals inside the ``with`` block; a signal that came takes effect at its end."""
        self._is_held = True
        try:
            yield
        finally:
            self._is_held = False
        if self._received is not None:
            self._take_effect(self._received, None)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self._received is not None:
            if number == signal.SIGINT:
                raise EndNowError
            return  # schedulers may send SIGTERM again
        self._received = signal.Signals(number)
        if not self._is_held:
            self._take_effect(self._received, frame)

    def _take_effect(self, number: signal.Signals, frame: FrameType | None) -> None:
        before = self._before[number]
        if callable(before):
            before(number, frame)
        else:
            signal.signal(number, before)
            os.kill(os.getpid(), number)

"""Cooperative cancellation of kernels: ``csrc/core/cancel.hpp``.

Ctrl-C ends a kernel in the main thread. In any thread, a function of the caller is called between slices of work, and
may raise.

If Ctrl-C comes while Numba makes the Python objects of a kernel's result, it is raised inside a call that returns a
result all the same. CPython reports that as a SystemError with the KeyboardInterrupt as its cause, and, if several such
calls are nested, as a chain of SystemErrors.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import numpy as np

P = ParamSpec("P")
R = TypeVar("R")
Ask = Callable[[], object]


class _Thread(threading.local):
    """The function that this thread's kernel calls between slices; as a signal handler, it is not passed on."""

    ask: Ask | None = None


_thread = _Thread()


def give_turn() -> None:
    """Poll for cancellation between slices of work: raise Ctrl-C, or what the caller's ``ask`` raises."""
    if _thread.ask is not None:
        _thread.ask()


def interruptible(kernel: Callable[P, R]) -> Callable[P, R]:
    """Return ``kernel`` with such a SystemError raised as the KeyboardInterrupt that began it."""

    @wraps(kernel)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return kernel(*args, **kwargs)
        except SystemError as error:
            cause: BaseException | None = error
            while isinstance(cause, SystemError):
                cause = cause.__cause__
            if isinstance(cause, KeyboardInterrupt):
                raise KeyboardInterrupt from error
            raise

    return call


def askable(kernel: Callable[..., R]) -> Callable[..., R]:
    """Return ``kernel`` with one more argument, ``ask``: what it raises between slices of work ends the call."""

    @wraps(kernel)
    def call(*args: Any, ask: Ask | None = None) -> R:
        before, _thread.ask = _thread.ask, ask
        try:
            return kernel(*args)
        finally:
            _thread.ask = before

    return call


def in_slices(kernel: Callable[..., Iterator[R]], *arguments: Any) -> Iterator[R]:
    """Yield what a compiled generator yields at the end of each slice of work, and give Python its turn in between.

    The generator gets one more argument, ``stop`` ``(1,)``. It returns once that is set: Numba does not free the memory
    of a generator that is left before its end.
    """
    stop = np.zeros(1, dtype=np.bool_)
    slices = kernel(*arguments, stop)
    try:
        for progress in slices:
            yield progress
            give_turn()
    finally:
        stop[0] = True
        for _ in slices:
            pass

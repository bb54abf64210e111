"""Ctrl-C while Numba makes the Python objects of a kernel's result.

The interrupt is then raised inside a call that returns a result all the same, which CPython reports as a SystemError
with the KeyboardInterrupt as its cause; and where that call was one of several inside each other, as a chain of them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


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

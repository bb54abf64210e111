"""Ctrl-C while Numba makes the Python objects of a kernel's result.

The interrupt is then raised inside a call that returns a result all the same, which CPython reports as a SystemError
with the KeyboardInterrupt as its cause.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


def interruptible(kernel: Callable[P, R]) -> Callable[P, R]:
    """Return ``kernel`` with such a SystemError raised as the KeyboardInterrupt that caused it."""

    @wraps(kernel)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return kernel(*args, **kwargs)
        except SystemError as error:
            if isinstance(error.__cause__, KeyboardInterrupt):
                raise KeyboardInterrupt from error
            raise

    return call

"""Ctrl-C inside Numba's own calls comes out as what it is."""

from __future__ import annotations

from itertools import pairwise

import pytest

from qabwnas.search.numba.core.cancel import interruptible


def raised(*errors: BaseException) -> BaseException:
    """Return the last of the errors, each caused by the one before it."""
    for cause, error in pairwise(errors):
        error.__cause__ = cause
    return errors[-1]


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_an_interrupt_inside_calls_is_an_interrupt(depth: int) -> None:
    error = raised(KeyboardInterrupt(), *(SystemError(f"call {call}") for call in range(depth)))

    def kernel() -> None:
        raise error

    with pytest.raises(KeyboardInterrupt):
        interruptible(kernel)()


@pytest.mark.parametrize("causes", [[], [ValueError("no interrupt")]])
def test_other_errors_stay_what_they_are(causes: list[BaseException]) -> None:
    error = raised(*causes, SystemError("call"))

    def kernel() -> None:
        raise error

    with pytest.raises(SystemError, match="call"):
        interruptible(kernel)()

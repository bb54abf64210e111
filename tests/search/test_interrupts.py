"""Ctrl-C inside Numba's own calls is raised as KeyboardInterrupt, and work in slices ends when it is left."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytest

from qabwnas.search.numba.core.cancel import askable, in_slices, interruptible


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


def slices(n: int, ended: list[int], stop: np.ndarray) -> Iterator[int]:
    for i in range(n):
        yield i
        if stop[0]:
            ended.append(i)
            return


def test_work_in_slices_that_is_left_comes_to_its_end() -> None:
    ended: list[int] = []
    for i in in_slices(slices, 5, ended):
        if i == 2:
            break
    assert ended == [2]
    assert list(in_slices(slices, 3, ended)) == [0, 1, 2]
    assert ended == [2]


def test_work_in_slices_that_is_stopped_comes_to_its_end() -> None:
    ended: list[int] = []

    def stop() -> None:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        askable(lambda: list(in_slices(slices, 5, ended)))(ask=stop)
    assert ended == [0]

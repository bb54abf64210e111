"""Numbers of Python and numpy are converted in the same way; other values are refused in one line."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qabwnas.errors import InputError
from qabwnas.io.numeric import doubles, exact_number, whole_number

WHOLE = [5, np.int8(5), np.uint8(5), np.int32(5), np.int64(5), np.uint64(5), np.array(5), np.array([5])[0]]
NOT_NUMBERS = [
    True,
    np.bool_(True),
    None,
    [5],
    np.array([5]),
    5j,
    np.timedelta64(5, "s"),
    np.datetime64(5, "D"),
    {},
    "5 MB",
]


@pytest.mark.parametrize("number", [*WHOLE, 5.0, np.float16(5), np.float32(5), np.float64(5), Decimal(5), "5", "5.0"])
def test_numbers_are_numbers_whatever_made_them(number: Any) -> None:
    assert exact_number("budget", number) == 5


@pytest.mark.parametrize("number", WHOLE)
def test_whole_numbers_become_python_s(number: Any) -> None:
    assert whole_number("top", number) == 5
    assert type(whole_number("top", number)) is int


@pytest.mark.parametrize("wrong", [*NOT_NUMBERS, 5.0, np.float64(5), Decimal(5), "5", 0, -1, np.int64(0)])
def test_other_values_are_not_integers_of_1_or_more(wrong: Any) -> None:
    with pytest.raises(InputError, match="^top: .* is not a whole number of 1 or more$"):
        whole_number("top", wrong)
    assert whole_number("point", -1, smallest=None) == -1


@pytest.mark.parametrize("wrong", [*NOT_NUMBERS, "inf", "nan", "", " 5", "1_000", "٥"])
def test_other_values_are_not_numbers(wrong: Any) -> None:
    with pytest.raises(InputError, match="^budget: .* is not a number"):
        exact_number("budget", wrong)


@pytest.mark.parametrize("wrong", [np.nan, -np.inf, np.float32("nan"), Decimal("NaN"), Decimal("sNaN")])
def test_numbers_are_finite(wrong: Any) -> None:
    with pytest.raises(InputError, match="^budget: .* is not a finite number$"):
        exact_number("budget", wrong)


@pytest.mark.parametrize("wrong", [10**400, Decimal("1e999999"), "-1e-999999"])
def test_numbers_are_in_range(wrong: Any) -> None:
    with pytest.raises(InputError, match="^budget: .* is out of range$"):
        exact_number("budget", wrong)


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_a_binary_number_is_its_shortest_decimal_in_its_own_precision(value: float) -> None:
    single = np.float32(value)
    assert exact_number("x", single) == Decimal(str(single))
    assert exact_number("x", np.float64(value)) == Decimal(repr(value))
    assert doubles("x", np.array([single]))[0] == float(str(single))


def test_arrays_of_numbers_become_doubles() -> None:
    assert doubles("x", np.float32([0.1, np.nan])).tolist()[0] == 0.1
    assert np.isnan(doubles("x", np.float32([0.1, np.nan]))[1])
    assert doubles("x", [1, 2]).tolist() == [1.0, 2.0]
    assert doubles("x", np.array([[2**53, -(2**60)]])).tolist() == [[2.0**53, -(2.0**60)]]
    assert doubles("x", np.array([Decimal("0.1"), 3, np.nan], dtype=object)).tolist()[:2] == [0.1, 3.0]
    there = np.array([0.5])
    assert doubles("x", there) is there


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (np.array([True, False]), "is not an array of numbers but of type bool"),
        (["a", "b"], "is not an array of numbers but of type <U1"),
        ([1j], "is not an array of numbers but of type complex128"),
        ([[1], [1, 2]], "is not an array of numbers"),
        ([None, 1], "None is not a number"),
        ([2**53 + 1], f"{2**53 + 1} has more digits than a double can hold"),
        (np.array([Decimal("0.12345678901234567891")]), "has more digits than a double can hold"),
    ],
)
def test_invalid_arrays_are_refused(wrong: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        doubles("x", wrong)

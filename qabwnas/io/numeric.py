"""Check and convert numbers that callers give, of Python or numpy.

A binary number stands for the shortest decimal that reads back to it *in its own precision*: ``0.1`` and
``numpy.float32(0.1)`` are both one tenth. A zero-dimensional array is the number that it holds. Booleans are not
numbers.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qabwnas.errors import InputError

Number = int | float | str | Decimal | np.number[Any] | NDArray[Any]
"""A number of Python or numpy, a zero-dimensional array, or a plain decimal as text."""

WholeNumber = int | np.integer[Any] | NDArray[Any]

DECIMAL = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
"""A plain decimal, without blanks, underscores or units."""

_EXACT_WHOLE = 2**53
_LARGEST_EXPONENT = 350
"""No double has a larger exponent. A larger number is not a quantity, and exact arithmetic with it is slow."""
_LONGEST_SHOWN = 80


def exact_number(what: str, value: Number) -> Decimal:
    """Return a number as the decimal that it stands for.

    Raises:
        InputError: it is not a finite number; the message starts with ``what``.
    """
    number = _decimal(_scalar(value))
    if number is None:
        hint = " (a text is a plain decimal, without a unit)" if isinstance(value, str) else ""
        raise InputError(f"{what}: {shown(value)} is not a number{hint}")
    if not number.is_finite():
        raise InputError(f"{what}: {shown(value)} is not a finite number")
    if abs(number.adjusted()) > _LARGEST_EXPONENT:
        raise InputError(f"{what}: {shown(value)} is out of range")
    return number


def whole_number(what: str, value: object, smallest: int | None = 1) -> int:
    """Return an integer of ``smallest`` or more, or of any size if that is ``None``; 2.0 is not accepted.

    Raises:
        InputError: it is not; the message starts with ``what``.
    """
    number = _scalar(value)
    if not _is_integer(number) or (smallest is not None and number < smallest):
        least = "" if smallest is None else f" of {smallest} or more"
        raise InputError(f"{what}: {shown(value)} is not a whole number{least}")
    return int(number)


def doubles(what: str, values: ArrayLike) -> NDArray[np.float64]:
    """Return an array of numbers, of any shape, as float64; a float64 array is not copied.

    Raises:
        InputError: the values are not an array of numbers, or one has more digits than a double can hold; the message
            starts with ``what``.
    """
    array = number_array(what, values)
    if array.dtype.kind == "f":
        # A number of another precision stands for its shortest decimal, so it is converted through text.
        return array.astype(np.float64, copy=False) if array.dtype.itemsize == 8 else array.astype(str).astype(float)
    if array.dtype.kind in "iu":
        converted = array.astype(np.float64)
        large = (array > _EXACT_WHOLE) | (array < -_EXACT_WHOLE)
        if large.any():
            _check_exact(what, array[large].tolist(), converted[large].tolist())
        return converted
    numbers = [math.nan if _is_nan(value) else exact_number(what, value) for value in array.ravel().tolist()]
    converted = np.array(list(map(float, numbers))).reshape(array.shape)
    _check_exact(what, numbers, converted.ravel().tolist())
    return converted


def exact_numbers(what: str, values: ArrayLike) -> NDArray[np.float64] | NDArray[np.int64]:
    """Return an array of numbers, of any shape: float64, or int64 for integers that doubles do not all hold.

    Doubles stand for their shortest decimals: 2^60 is a double, but stands for 1152921504606847000.

    Raises:
        InputError: as :func:`doubles`.
    """
    array = number_array(what, values)
    if array.dtype.kind == "f":
        return doubles(what, array)
    if array.dtype.kind in "iu":
        # A double holds every integer from −2^53 to 2^53.
        if not array.size or (array.max() <= _EXACT_WHOLE and array.min() >= -_EXACT_WHOLE):
            return array.astype(np.float64)
        numbers = array.ravel().tolist()
    else:
        numbers = [math.nan if _is_nan(value) else exact_number(what, value) for value in array.ravel().tolist()]
    if all(_is_nan(number) or Decimal(repr(float(number))) == number for number in numbers):
        return np.array(list(map(float, numbers))).reshape(array.shape)
    if all(not _is_nan(number) and number == int(number) and -(2**63) <= number < 2**63 for number in numbers):
        return np.array([int(number) for number in numbers], dtype=np.int64).reshape(array.shape)
    return doubles(what, array)


def number_array(what: str, values: ArrayLike) -> NDArray[Any]:
    """Return values as an array of integers, floats, or objects, which may be Decimals.

    Raises:
        InputError: they are not numbers, or do not form an array.
    """
    try:
        array = np.asarray(values)
    except ValueError as error:  # lists of different lengths
        raise InputError(f"{what}: {shown(values)} is not an array of numbers") from error
    if array.dtype.kind == "f" and isinstance(values, list | tuple) and any(map(_is_large, values)):
        array = np.asarray(values, dtype=object)  # because numpy has rounded the integers
    if array.dtype.kind not in "iufO":
        raise InputError(f"{what}: {shown(values)} is not an array of numbers but of type {array.dtype}")
    return array


def check_mapping(what: str, value: object, of_what: str) -> None:
    """Raise InputError unless a value is a mapping; ``of_what`` describes keys and values."""
    if not isinstance(value, Mapping):
        raise InputError(f"{what}: {shown(value)} is not a mapping of {of_what}")


def shown(value: object) -> str:
    """Return a value for a message: on one line, and truncated if it is long."""
    text = str(value) if isinstance(value, Decimal) else " ".join(repr(value).split())
    return text if len(text) <= _LONGEST_SHOWN else f"{text[: _LONGEST_SHOWN - 1]}…"


def _scalar(value: Any) -> Any:
    return value[()] if isinstance(value, np.ndarray) and value.ndim == 0 else value


def _is_integer(value: Any) -> bool:
    if isinstance(value, np.generic):
        return value.dtype.kind in "iu"  # a timedelta64 is an integer by its class
    return isinstance(value, int) and not isinstance(value, bool)


def _decimal(value: Any) -> Decimal | None:
    """Return a number as a decimal, ``None`` for anything else."""
    if _is_integer(value):
        return Decimal(int(value))
    if isinstance(value, float):  # also a float64
        return Decimal(repr(float(value)))
    if isinstance(value, np.floating):
        return Decimal(np.format_float_scientific(value))
    if isinstance(value, Decimal):
        return value
    if isinstance(value, str) and DECIMAL.fullmatch(value):
        return Decimal(value)
    return None


def _is_large(value: object) -> bool:
    """Return whether it is an integer that a double may not hold."""
    return _is_integer(value) and abs(int(cast("int", value))) > _EXACT_WHOLE


def _is_nan(value: object) -> bool:
    return (isinstance(value, float) and math.isnan(value)) or (isinstance(value, Decimal) and value.is_nan())


def _check_exact(what: str, numbers: list[Any], converted: list[float]) -> None:
    for number, double in zip(numbers, converted, strict=True):
        if not _is_nan(number) and Decimal(repr(double)) != number and Decimal(double) != number:
            raise InputError(f"{what}: {number} has more digits than a double can hold")

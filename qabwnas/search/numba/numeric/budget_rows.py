"""Lines of comma-separated budgets as whole units: ``csrc/numeric/budget_rows.hpp``."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qabwnas.search.numba.compiled import compiled
from qabwnas.search.numba.core.problem import LARGEST_TOTAL, UNLIMITED

_MOST_DIGITS = 18
_POWERS = 10 ** np.arange(19, dtype=np.int64)
_LF, _CR, _BLANK, _COMMA, _PLUS, _MINUS, _POINT, _ZERO, _NINE = (ord(c) for c in "\n\r ,+-.09")
_EXPONENT = (ord("e"), ord("E"))


def n_lines(text: NDArray[np.uint8]) -> int:
    """Return the number of lines. The last one may lack its line feed."""
    return int((text == _LF).sum()) + int(text.size > 0 and text[-1] != _LF)


def budget_rows(text: NDArray[np.uint8], decimals: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    units = np.empty((n_lines(text), decimals.size), dtype=np.int64)
    places = np.empty((len(units), 3), dtype=np.int64)
    n_odd = _read_lines(text, decimals, units, places)
    return units, places[:n_odd]


@compiled
def _read_lines(text, decimals, units, places):  # type: ignore[no-untyped-def]
    n_odd = start = 0
    for row in range(units.shape[0]):
        feed = start
        while feed < text.size and text[feed] != _LF:
            feed += 1
        end = feed - 1 if feed > start and text[feed - 1] == _CR else feed
        if not _read_line(text[start:end], decimals, units[row]):
            units[row] = UNLIMITED
            places[n_odd] = row, start, end
            n_odd += 1
        start = feed + 1
    return n_odd


@compiled
def _read_line(line, decimals, units):  # type: ignore[no-untyped-def]
    at = 0
    for column in range(decimals.size):
        if column > 0:
            if at == line.size or line[at] != _COMMA:
                return False
            at += 1
        at, units[column] = _read_cell(line, at, decimals[column])
        if at < 0:
            return False
    return at == line.size


@compiled
def _read_cell(line, at, decimals):  # type: ignore[no-untyped-def]
    """Return where the cell ends, −1 if it is left to the caller, and its units."""
    at = _skip_blanks(line, at)
    negative = at < line.size and line[at] == _MINUS
    start = at = at + 1 if negative or (at < line.size and line[at] == _PLUS) else at
    at, digits, n_significant = _read_digits(line, at, np.int64(0), 0)
    n_digits, exponent = at - start, 0
    has_point = at < line.size and line[at] == _POINT
    if has_point:
        point = at
        at, digits, n_significant = _read_digits(line, at + 1, digits, n_significant)
        exponent = point + 1 - at
        n_digits -= exponent
    if n_digits == 0:
        has_sign = start > 0 and (line[start - 1] == _MINUS or line[start - 1] == _PLUS)
        return (-1 if has_sign or has_point else at), UNLIMITED
    if n_significant > _MOST_DIGITS:
        return -1, 0
    if at < line.size and (line[at] == _EXPONENT[0] or line[at] == _EXPONENT[1]):
        at, more = _read_exponent(line, at + 1)
        exponent += more
        if at < 0:
            return -1, 0
    units = _to_units(negative, digits, exponent + decimals)
    return (_skip_blanks(line, at) if -LARGEST_TOTAL < units < LARGEST_TOTAL else -1), units


@compiled
def _skip_blanks(line, at):  # type: ignore[no-untyped-def]
    while at < line.size and line[at] == _BLANK:
        at += 1
    return at


@compiled
def _read_digits(line, at, digits, n_significant):  # type: ignore[no-untyped-def]
    while at < line.size and _ZERO <= line[at] <= _NINE and n_significant <= _MOST_DIGITS:
        # The digit beyond the limit is only counted, so nothing overflows.
        if n_significant < _MOST_DIGITS:
            digits = digits * 10 + (np.int64(line[at]) - _ZERO)
        n_significant += 1 if digits > 0 else 0
        at += 1
    return at, digits, n_significant


@compiled
def _read_exponent(line, at):  # type: ignore[no-untyped-def]
    """Return where an exponent of one or two digits ends, −1 if there is none, and the exponent."""
    negative = at < line.size and line[at] == _MINUS
    if negative or (at < line.size and line[at] == _PLUS):
        at += 1
    exponent, first = np.int64(0), at
    while at < min(first + 2, line.size) and _ZERO <= line[at] <= _NINE:
        exponent = exponent * 10 + (np.int64(line[at]) - _ZERO)
        at += 1
    return (at if at > first else -1), (-exponent if negative else exponent)


@compiled
def _to_units(negative, digits, shift):  # type: ignore[no-untyped-def]
    """Digits × 10**shift, rounded down and clipped to ±2**62."""
    if digits == 0:
        return 0
    if shift >= 0:
        fits = shift < _POWERS.size and digits <= LARGEST_TOTAL // _POWERS[shift]
        units = digits * _POWERS[shift] if fits else LARGEST_TOTAL
    elif -shift < _POWERS.size:
        units = digits // _POWERS[-shift]
        units += 1 if negative and digits > units * _POWERS[-shift] else 0
    else:
        units = 1 if negative else 0
    return -units if negative else units

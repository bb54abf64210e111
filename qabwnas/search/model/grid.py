"""Metric values as whole units of a decimal grid, so that sums are exact and "fits the budget" has no tolerance.

A double stands for the shortest decimal that reads back to it: ``0.1`` is one tenth. The grid of a metric has as many
decimals as its values need, but only so many that the largest possible total stays within ±2**62. Values with more
decimals are rounded half to even. The grid is then finer than the spacing of doubles at the total. Whole numbers as
int64 are exact. If a value of up to 15 digits must be rounded, because other values are much larger, a RoundingWarning
says so.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from decimal import ROUND_FLOOR, Context, Decimal, localcontext
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from qabwnas.errors import InputError, RoundingWarning
from qabwnas.io.numeric import doubles, exact_number
from qabwnas.lut.lut import Metric
from qabwnas.search.engine.backend import Backend

LARGEST_UNITS = 2**62
UNLIMITED = 2**63 - 1
"""The budget, in units, of a metric that has no budget."""

# Doubles multiply exactly by 10**p while both factors and the product are whole and small enough.
_LARGEST_POWER = 22
_DIGITS = 15
_LARGEST_DIGITS = 10.0**_DIGITS
_LARGEST_WHOLE = 2**53
_FEW = 8
_UNITS_PER_CHUNK = 1 << 16
# No total has more digits.
_MOST_DIGITS = 19
# Enough digits for any int64 with any double's exponent.
_EXACT = Context(prec=700, Emax=999_999, Emin=-999_999)


class Grid(NamedTuple):
    """The grid of one metric: whole units of 10**−decimals."""

    decimals: int

    def units(self, values: NDArray[Any], backend: Backend, metric: str = "") -> NDArray[np.int64]:
        """Return finite values ``(n,)`` in units, rounded half to even, int64 ``(n,)``.

        Values are float64, int64 or objects, like those of :func:`qabwnas.lut.arrays.common_type`. If ``metric`` is
        given and a value of up to 15 digits is rounded, a RoundingWarning names the metric.
        """
        if values.dtype == np.int64:
            return values * np.int64(10**self.decimals) if values.any() else values
        if values.dtype == object:
            units = np.empty(values.shape, dtype=np.int64)
            for rows, numbers in _by_type(values):
                units[rows] = self.units(numbers, backend, metric)
            return units
        needed = _decimals_needed(values)
        if needed is not None and needed <= self.decimals:
            return self.exact_units(values, needed)
        if metric and self.loses_digits(values):
            self.warn_of_rounding(metric)
        return backend.to_units(np.ascontiguousarray(values), self.decimals, False)

    def exact_units(
        self, values: NDArray[np.float64], decimals: int, out: NDArray[np.int64] | None = None
    ) -> NDArray[np.int64]:
        """Return values in units, in ``out`` if it is given.

        They have at most ``decimals`` decimals, which are not more than the grid's, and 15 digits.
        """
        units = np.empty(values.shape, dtype=np.int64) if out is None else out
        np.copyto(units, _rounded(values, 10.0**decimals), casting="unsafe")
        if decimals < self.decimals and units.any():
            units *= np.int64(10 ** (self.decimals - decimals))
        return units

    def warn_of_rounding(self, metric: str) -> None:
        message = (
            f"metric {metric!r}: the smallest values have more than the {self.decimals} decimals that the largest "
            "leave room for; they are rounded"
        )
        warnings.warn(message, RoundingWarning, stacklevel=3)

    def loses_digits(self, values: NDArray[Any]) -> bool:
        """Return whether a value of up to 15 digits is not a whole number of units; values as for :meth:`units`.

        Doubles with more digits come from computations; the grid is finer than their spacing at the total.
        """
        if values.dtype == object:
            return any(self.loses_digits(numbers) for _, numbers in _by_type(values))
        if values.dtype == np.int64:
            return False
        # In larger values, the last of 15 digits is worth a unit or more.
        small = values[(values != 0) & (np.abs(values) < 10.0 ** (_DIGITS - self.decimals))]
        with localcontext(_EXACT):
            for value in small.tolist():
                number = Decimal(repr(value)).normalize()
                exponent = number.as_tuple().exponent
                if len(number.as_tuple().digits) <= _DIGITS and -int(exponent) > self.decimals:
                    return True
        return False

    def budget_units(self, budgets: NDArray[Any], backend: Backend, what: str = "budget") -> NDArray[np.int64]:
        """Return upper bounds ``(n,)`` in units, rounded down; NaN and +∞ mean no bound (:data:`UNLIMITED`).

        Raises:
            InputError: a bound is not a number; the message starts with ``what``.
        """
        if budgets.dtype.kind == "O" or (budgets.dtype.kind in "iu" and not _fit_doubles(budgets)):
            return np.array([self._budget_unit(what, budget) for budget in budgets.tolist()], dtype=np.int64)
        budgets = doubles(what, budgets)
        bounded = np.isfinite(budgets)
        if bounded.all():
            return backend.to_units(np.ascontiguousarray(budgets), self.decimals, True)
        units = np.full(budgets.shape, UNLIMITED, dtype=np.int64)
        units[budgets == -np.inf] = -UNLIMITED
        units[bounded] = backend.to_units(np.ascontiguousarray(budgets[bounded]), self.decimals, True)
        return units

    def _budget_unit(self, what: str, budget: Any) -> int:
        number = Decimal(repr(float(budget))) if isinstance(budget, float) else budget
        if isinstance(number, Decimal) and not number.is_finite():
            return UNLIMITED if number.is_nan() or number > 0 else -UNLIMITED
        return self.floor(exact_number(what, budget))

    def floor(self, value: Decimal) -> int:
        """Return an upper bound in units, rounded down and clipped just outside the range of totals."""
        if value and value.adjusted() + self.decimals > _MOST_DIGITS:
            return -LARGEST_UNITS - 1 if value < 0 else LARGEST_UNITS
        units = int(value.scaleb(self.decimals, _EXACT).to_integral_value(ROUND_FLOOR, _EXACT))
        return max(-LARGEST_UNITS - 1, min(units, LARGEST_UNITS))

    def decimal(self, units: int) -> Decimal:
        """Return a number of units as an exact decimal without trailing zeros."""
        decimals = self.decimals
        while decimals and units % 10 == 0:
            units, decimals = units // 10, decimals - 1
        return Decimal(units).scaleb(-decimals, _EXACT) if decimals else Decimal(units)

    def doubles(self, units: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return numbers of units ``(n,)`` as the nearest doubles; O(n), in memory for the result and a small chunk."""
        values = np.empty(units.shape, dtype=np.float64)
        power = 10**self.decimals
        for start in range(0, len(units), _UNITS_PER_CHUNK):
            chunk = units[start : start + _UNITS_PER_CHUNK]
            if self.decimals <= _LARGEST_POWER and np.abs(chunk).max() <= _LARGEST_WHOLE:
                found = chunk / 10.0**self.decimals  # both are exact, so the quotient is the nearest double
            else:
                # Python rounds the quotient of two integers correctly, whatever their sizes.
                found = np.array([total / power for total in chunk.tolist()])
            values[start : start + _UNITS_PER_CHUNK] = found
        return values

    def json_numbers(self, units: NDArray[np.int64]) -> list[int | float]:
        """Return numbers of units ``(n,)`` as JSON has them: an int if it is whole, or else the nearest double."""
        if self.decimals > _MOST_DIGITS - 1:  # then the only whole number is 0
            whole, is_whole = np.zeros_like(units), units == 0
        else:
            whole, rest = np.divmod(units, np.int64(10**self.decimals))
            is_whole = rest == 0
        rows = zip(is_whole.tolist(), whole.tolist(), self.doubles(units).tolist(), strict=True)
        return [integer if exact else double for exact, integer, double in rows]


def exact_difference(a: Decimal, b: Decimal) -> Decimal:
    """Return a − b exactly, without trailing zeros."""
    with localcontext(_EXACT):
        difference = a - b
        return (
            difference.quantize(Decimal(1)) if difference == difference.to_integral_value() else difference.normalize()
        )


def exact_negative(value: Decimal) -> Decimal:
    """Return −value exactly; 0 has no sign."""
    return value.copy_negate() if value else value.copy_abs()


class GridNeeds(NamedTuple):
    """What values need of their grid; by default, what no values need.

    Attributes:
        largest: the largest absolute value.
        decimals: the fewest decimals that represent every value exactly, or ``None`` if 15 digits do not suffice.
    """

    largest: float = 0
    decimals: int | None = 0

    def including(self, values: NDArray[Any], where: str, first: int = 0) -> GridNeeds:
        """Return the needs with these values included. The result does not depend on how values are split into chunks.

        ``where`` describes the values in messages, and ``first`` is the number of the first value.

        Raises:
            InputError: a value is NaN or infinite.
        """
        if values.dtype == object:
            needs = self
            for _, numbers in _by_type(values):
                needs = needs.including(numbers, where, first)
            return needs
        if values.dtype == np.int64:  # exact with any number of decimals
            return GridNeeds(max(self.largest, int(values.max()), -int(values.min())), self.decimals)._settled()
        finite = np.isfinite(values)
        if not finite.all():
            row = int(finite.argmin())
            raise InputError(f"{where}, candidate {first + row}: {values[row]} is not a number")
        largest = max(self.largest, float(np.abs(values).max()))
        decimals = self.decimals
        if decimals is not None:
            # More decimals represent the same values too, up to 15 digits: there is no need to try fewer.
            decimals = _decimals_needed(values, decimals)
        return GridNeeds(largest, decimals)._settled()

    def _settled(self) -> GridNeeds:
        """Return the needs, with decimals ``None`` if the largest value has more than 15 digits with them."""
        if self.decimals and np.rint(self.largest * 10.0**self.decimals) > _LARGEST_DIGITS:
            return GridNeeds(self.largest, None)
        return self


def joint_needs(values: NDArray[np.float64], starts: NDArray[np.int64]) -> tuple[int, list[GridNeeds]] | None:
    """Return the fewest decimals that make the values of all blocks exact, and the needs of each block with so many.

    The grid that these needs give is the one that the needs of each block alone give. ``starts`` has the first row of
    every block. Returns ``None`` if a value is not finite, or if 15 digits do not suffice for all values together.
    """
    largest = np.maximum.reduceat(np.abs(values), starts)
    decimals = _decimals_needed(values, largest=float(largest.max())) if np.isfinite(largest).all() else None
    return None if decimals is None else (decimals, [GridNeeds(size, decimals) for size in largest.tolist()])


def choose_grid(metric: Metric, needs: Sequence[GridNeeds], block_names: Sequence[str]) -> Grid:
    """Return the grid of a metric, from what the values of every block need.

    Raises:
        InputError: a total cannot fit even without decimals.
    """
    if metric.fixed is not None:
        needs = [*needs, GridNeeds().including(np.array([metric.fixed]), f"metric {metric.name!r}, fixed part")]
    largest = [need.largest for need in needs]
    exact = [Decimal(repr(value)) for value in largest]  # the same conversion as for units
    with localcontext(_EXACT):
        total = sum(exact, Decimal(0)) if metric.aggregation == "sum" else max(exact)
    if total > LARGEST_UNITS:
        where = block_names[int(np.argmax(largest[: len(block_names)]))]
        raise InputError(f"metric {metric.name!r}: totals up to {float(total):g} do not fit 62 bits (block {where!r})")
    finest = _finest(total)
    return Grid(max(min(finest, need.decimals) if need.decimals is not None else finest for need in needs))


def _finest(total: Decimal) -> int:
    """Return the most decimals at which ``total`` stays within :data:`LARGEST_UNITS`; 0 for a total of 0."""
    if total == 0:
        return 0
    decimals = max(0, 17 - total.adjusted())  # below 10**18 units, which is below the limit
    while total.scaleb(decimals + 1, _EXACT) <= LARGEST_UNITS:
        decimals += 1
    return decimals


def _by_type(values: NDArray[Any]) -> Iterator[tuple[NDArray[np.bool_], NDArray[Any]]]:
    """Yield the whole numbers among objects as int64 and the others as float64, each with a mask of their places."""
    whole = np.array([isinstance(value, int) for value in values.tolist()], dtype=np.bool_)
    for rows, dtype in ((whole, np.int64), (~whole, np.float64)):
        if rows.any():
            yield rows, values[rows].astype(dtype)


def _decimals_needed(values: NDArray[np.float64], least: int = 0, largest: float | None = None) -> int | None:
    """Return the fewest decimals, at least ``least``, that make all values exact; ``None`` beyond 15 digits.

    ``largest`` is the largest absolute value, if it is known.
    """
    if largest is None:
        largest = float(np.abs(values).max(initial=0.0))
    # A few values show in most cases that more decimals are needed.
    few = values[:: values.size // _FEW + 1].tolist()
    for decimals in range(least, _LARGEST_POWER + 1):
        power = 10.0**decimals
        if largest * power > _LARGEST_DIGITS + 0.5:  # it rounds to a larger whole number
            return None
        if all(round(value * power) / power == value for value in few):
            nearest = _rounded(values, power)
            nearest /= power
            is_wrong = nearest != values
            if not is_wrong.any():
                return decimals
            # What is exact is so with more decimals too.
            values = values[is_wrong]
            few = values[:_FEW].tolist()
    return None


def _rounded(values: NDArray[np.float64], power: float) -> NDArray[np.float64]:
    product = values * power
    return np.rint(product, out=product)


def _fit_doubles(values: NDArray[Any]) -> bool:
    """Return whether all these whole numbers are exact as doubles."""
    return bool((values <= _LARGEST_WHOLE).all() and (values >= -_LARGEST_WHOLE).all())

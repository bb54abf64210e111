"""Doubles as whole units of a decimal grid: ``csrc/numeric/decimal.hpp``. Decimals decide what doubles cannot."""

from __future__ import annotations

from decimal import ROUND_FLOOR, ROUND_HALF_EVEN, Context, Decimal

import numpy as np
from numpy.typing import NDArray

from qabwnas.search.numba.compiled import compiled
from qabwnas.search.numba.core.problem import LARGEST_TOTAL

_EXACT = Context(prec=700, Emax=999_999, Emin=-999_999)
_EXACT_POWERS = 22  # 10**22 is the largest power of ten that a double holds exactly


def to_units(values: NDArray[np.float64], decimals: int, floor: bool) -> NDArray[np.int64]:
    units = np.empty(values.size, dtype=np.int64)
    is_open = np.ones(values.size, dtype=np.bool_)
    if 0 <= decimals <= _EXACT_POWERS:
        _quick_units(values, 10.0**decimals, floor, units, is_open)
    rounding = ROUND_FLOOR if floor else ROUND_HALF_EVEN
    for i in np.flatnonzero(is_open).tolist():
        scaled = _EXACT.scaleb(Decimal(repr(float(values[i]))), decimals)
        whole = int(scaled.to_integral_value(rounding=rounding, context=_EXACT))
        units[i] = max(-LARGEST_TOTAL, min(whole, LARGEST_TOTAL))
    return units


@compiled
def _quick_units(values, power, floor, units, is_open):  # type: ignore[no-untyped-def]
    """Compute the units of the values for which double arithmetic proves the result, and mark those as not open.

    A value that is the double nearest to u / power, with u of at most 15 digits, stands for that decimal. Otherwise the
    shortest decimal times the power is within a relative error of 2^-51 of the product. The product decides if the next
    number at which rounding changes is farther away.
    """
    for i in range(values.size):
        product = values[i] * power
        if not abs(product) < 1e15:
            continue
        whole = np.rint(product)
        if whole / power != values[i]:
            below = np.floor(product)
            turn = whole if floor else below + 0.5
            if abs(product - turn) <= abs(product) * 2.0**-50:
                continue
            whole = below if floor else whole
        units[i] = np.int64(whole)
        is_open[i] = False

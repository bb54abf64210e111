"""Doubles as whole units of a decimal grid: ``csrc/qabwnas/decimal.hpp`` in Python's decimal arithmetic."""

from __future__ import annotations

from decimal import ROUND_FLOOR, ROUND_HALF_EVEN, Context, Decimal

import numpy as np
from numpy.typing import NDArray

_LIMIT = 2**62
_EXACT = Context(prec=700, Emax=999_999, Emin=-999_999)


def to_units(values: NDArray[np.float64], decimals: int, floor: bool) -> NDArray[np.int64]:
    rounding = ROUND_FLOOR if floor else ROUND_HALF_EVEN
    units = np.empty(values.size, dtype=np.int64)
    for i, value in enumerate(values.tolist()):
        scaled = _EXACT.scaleb(Decimal(repr(value)), decimals)
        whole = int(scaled.to_integral_value(rounding=rounding, context=_EXACT))
        units[i] = max(-_LIMIT, min(whole, _LIMIT))
    return units

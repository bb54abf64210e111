"""Units in metric names (``size_bytes``, ``latency_ms[pixel4]``, ``flops_M``), and quantities with units.

All factors are products of twos and fives, so every conversion gives an exact decimal.
"""

from __future__ import annotations

import re
from decimal import Context, Decimal, Inexact

from qabwnas.errors import InputError
from qabwnas.io.numeric import DECIMAL

_BYTES = {
    "B": 1, "bytes": 1, "kB": 10**3, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30,
}  # fmt: skip
_NANOSECONDS = {"ns": 1, "us": 10**3, "µs": 10**3, "μs": 10**3, "ms": 10**6, "s": 10**9}  # both signs for micro
_COUNTS = {"": 1, "k": 10**3, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}

UNITS = frozenset(filter(None, (*_BYTES, *_NANOSECONDS, *_COUNTS)))
"""The units that names of metrics state."""

_COUNTED = "(?:macs|flops|bops|bitops|params|parameters)"
_COUNT_NAME = re.compile(rf"(?:.*_)?(?:([kmgt]?){_COUNTED}|{_COUNTED}_([kKMGT]))")
_PREFIX_UNITS = {"": "", "k": "k", "m": "M", "g": "G", "t": "T"}
_QUANTITY = re.compile(rf"\s*({DECIMAL.pattern})\s*(.*?)\s*")


def unit_of(metric: str) -> str:
    """Return the unit that a metric's name states; empty if it states none, or a plain count.

    It is the last word before any ``[…]``: ``bytes`` in ``size_bytes``, ``ms`` in ``latency_ms[pixel4]``, ``M`` in
    ``flops_M``; or the prefix of a count: ``G`` in ``gbops``.
    """
    return _scale_of(metric)[1]


def parse_quantity(text: str, metric: str) -> Decimal:
    """Return a value of a metric, exactly: a plain decimal unchanged, one with a unit in the unit of the metric.

    ``1.5MB`` is 1500000 for ``size_bytes``; ``300M`` is 300 for ``flops_M`` and 300000000 for ``macs``.

    Raises:
        InputError: it is not a decimal number, is out of a double's range, or has a unit that the metric does not take;
            the message lists the units that it takes.
    """
    match = _QUANTITY.fullmatch(text)
    if match is None:
        raise InputError(f"{metric}: {text!r} is not a number")
    number, unit = Decimal(match[1]), match[2]
    if number and not -308 <= number.adjusted() <= 307:
        raise InputError(f"{metric}: {text!r} is out of range")
    if not unit:
        return number
    scale, own_unit = _scale_of(metric)
    if not scale:
        raise InputError(f"{metric}: {text!r} has a unit, but the metric's name states none; give a plain number")
    if unit not in scale:
        raise InputError(f"{metric}: {text!r}: the unit {unit!r} is not one of {', '.join(filter(None, scale))}")
    # Dividing by 2^30 adds at most 30 digits, multiplying by 10^12 at most 12.
    exact = Context(prec=len(text) + 64, traps=[Inexact])
    return exact.divide(exact.multiply(number, scale[unit]), scale[own_unit])


def _scale_of(metric: str) -> tuple[dict[str, int], str]:
    """Return the units that a metric takes (none if its name states none), and the metric's own unit."""
    name = metric.partition("[")[0]
    unit = name.rpartition("_")[2]
    for scale in (_BYTES, _NANOSECONDS):
        if unit in scale and unit != name:
            return scale, unit
    count = _COUNT_NAME.fullmatch(name)
    if count is None:
        return {}, ""
    return _COUNTS, count[2] or _PREFIX_UNITS[count[1] or ""]

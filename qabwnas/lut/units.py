"""Units, as metric names state them (``size_bytes``, ``latency_ms[pixel4]``, ``flops_M``), and quantities with units.

All factors are products of twos and fives, so every conversion is an exact decimal.
"""

from __future__ import annotations

import re
from decimal import Context, Decimal, Inexact

from qabwnas.errors import InputError

_BYTES = {
    "B": 1, "bytes": 1, "kB": 10**3, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30,
}  # fmt: skip
_NANOSECONDS = {"ns": 1, "us": 10**3, "µs": 10**3, "μs": 10**3, "ms": 10**6, "s": 10**9}  # both signs for micro
_COUNTS = {"": 1, "k": 10**3, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}

_COUNTED = "(?:macs|flops|bops|bitops|params|parameters)"
_COUNT_NAME = re.compile(rf"(?:.*_)?(?:([kmgt]?){_COUNTED}|{_COUNTED}_([kKMGT]))")
_PREFIX_UNITS = {"": "", "k": "k", "m": "M", "g": "G", "t": "T"}
_QUANTITY = re.compile(r"\s*([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)\s*(.*?)\s*")


def unit_of(metric: str) -> str:
    """Return the unit that a metric's name states; empty where it states none, or a plain count.

    It is the last word before any ``[…]``: ``bytes`` of ``size_bytes``, ``ms`` of ``latency_ms[pixel4]``, ``M`` of
    ``flops_M``; or the letter in front of what is counted: ``G`` of ``gbops``.
    """
    return _scale_of(metric)[1]


def parse_quantity(text: str, metric: str) -> Decimal:
    """Return a value of a metric, exactly: a plain decimal as it stands, or one with a unit converted to the metric's.

    ``1.5MB`` is 1500000 for ``size_bytes``; ``300M`` is 300 for ``flops_M`` and 300000000 for ``macs``.

    Raises:
        InputError: not a decimal number, out of a double's range, or with a unit that the metric does not take; the
            message says which units would do.
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
        raise InputError(f"{metric}: {text!r} has a unit, but the metric's name states none: give a plain number")
    if unit not in scale:
        raise InputError(f"{metric}: {text!r}: the unit {unit!r} is none of {', '.join(filter(None, scale))}")
    # To divide by 2^30 makes at most 30 digits more, to multiply by 10^12 at most 12.
    exact = Context(prec=len(text) + 64, traps=[Inexact])
    return exact.divide(exact.multiply(number, scale[unit]), scale[own_unit])


def _scale_of(metric: str) -> tuple[dict[str, int], str]:
    """Return the units that a metric can be given in (none where its name states none), and the one it is in."""
    name = metric.partition("[")[0]
    unit = name.rpartition("_")[2]
    for scale in (_BYTES, _NANOSECONDS):
        if unit in scale and unit != name:
            return scale, unit
    count = _COUNT_NAME.fullmatch(name)
    if count is None:
        return {}, ""
    return _COUNTS, count[2] or _PREFIX_UNITS[count[1] or ""]

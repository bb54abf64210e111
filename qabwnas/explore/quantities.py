"""Totals as people read them, and the positions of a slider as exact quantities."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from functools import cached_property

from qabwnas.errors import InputError
from qabwnas.lut.table import Metric
from qabwnas.lut.units import parse_quantity, unit_of

DIGITS_SHOWN = 4
MAX_STEPS = 400
"""The most positions of a slider; its step is the smallest of 1, 2 or 5 × 10^k that does not need more."""

_ROUNDED = Context(prec=DIGITS_SHOWN)
_EXACT = Context(prec=200, Emax=999_999, Emin=-999_999)
_LARGER_UNITS = ("kB", "MB", "GB", "k", "M", "G", "T")
_LARGEST_PLAIN, _SMALLEST_PLAIN = Decimal(10) ** 7, Decimal(10) ** -5


def unit_text(metric: Metric) -> str:
    """Return the unit of a metric: the one that its name states, or else the one that the LUT gives."""
    return unit_of(metric.name) or metric.unit


def shown_total(metric: Metric, total: Decimal) -> str:
    """Return a total with four significant digits and a unit of its size: ``1.583 MB``, ``12.4 ms``."""
    unit, factor = _unit_for(metric, abs(total))
    return f"{_plain(_ROUNDED.divide(total, factor))} {unit}".rstrip()


def exact_total(metric: Metric, total: Decimal) -> str:
    """Return a total with all its digits, in the unit of the metric: ``1,583,104 bytes``."""
    text = f"{total:,f}"
    digits = text.rstrip("0").rstrip(".") if "." in text else text
    return f"{digits} {unit_text(metric)}".rstrip()


def factors_of(metric: Metric) -> dict[str, Decimal]:
    """Return the units that texts of this metric may have here, each with its size in the unit of the metric."""
    own = unit_of(metric.name)
    factors = {own: Decimal(1)} if own else {}
    for unit in _LARGER_UNITS:
        try:
            factors[unit] = parse_quantity(f"1{unit}", metric.name)
        except InputError:  # this metric does not take this unit
            continue
    return factors


def _unit_for(metric: Metric, size: Decimal) -> tuple[str, Decimal]:
    """Return the largest unit that is not above ``size``, with its factor."""
    fitting = {unit: factor for unit, factor in factors_of(metric).items() if 1 < factor <= size}
    if not fitting:
        return unit_text(metric), Decimal(1)
    unit = max(fitting, key=lambda each: fitting[each])
    return unit, fitting[unit]


def _plain(number: Decimal) -> str:
    if number and not _SMALLEST_PLAIN <= abs(number) < _LARGEST_PLAIN:
        return f"{number.normalize():.3e}"
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


@dataclass(frozen=True)
class SliderScale:
    """The positions ``0 … n`` of a slider: whole multiples of a step, from below the smallest total to the largest.

    Attributes:
        metric: whose totals they are.
        first: the multiple at position 0.
        n: the last position; 0 if there is only one total.
        step: 1, 2 or 5 × 10^k, in the unit of the metric.
    """

    metric: Metric
    first: int
    n: int
    step: Decimal

    @classmethod
    def of(cls, metric: Metric, smallest: Decimal, largest: Decimal) -> SliderScale:
        """Return the scale for totals from ``smallest`` to ``largest``."""
        span = largest - smallest
        step = _nice_step(span / MAX_STEPS) if span else Decimal(1)
        first = int((smallest / step).to_integral_value(ROUND_FLOOR))
        last = int((largest / step).to_integral_value(ROUND_CEILING))
        return cls(metric, first, last - first if span else 0, step)

    def value(self, position: int) -> Decimal:
        """Return the quantity at a position, exactly."""
        return _EXACT.multiply(self.step, Decimal(self.first + position))

    @cached_property
    def texts(self) -> tuple[str, ...]:
        """The quantity at every position as a text that :func:`.parse_quantity` reads back exactly."""
        largest = max(abs(self.value(0)), abs(self.value(self.n)))
        unit, factor = _unit_for(self.metric, largest)
        suffix = f" {unit}" if unit_of(self.metric.name) or factor > 1 else ""  # other units cannot be parsed
        texts = []
        for position in range(self.n + 1):
            value = _EXACT.divide(self.value(position), factor)
            texts.append(f"{value.normalize(_EXACT):f}{suffix}")
        return tuple(texts)

    def as_json(self, index: int) -> dict[str, object]:
        """Return what the page needs to move the slider with the text fields, and the fields with the slider."""
        return {
            "index": index,
            "texts": self.texts,
            "first": self.first,
            "step": float(self.step),
            "factors": {unit: float(factor) for unit, factor in factors_of(self.metric).items()},
        }


def _nice_step(least: Decimal) -> Decimal:
    power = Decimal(1).scaleb(least.adjusted())
    return next(
        factor * power for factor in (Decimal(1), Decimal(2), Decimal(5), Decimal(10)) if factor * power >= least
    )

"""``--margin METRIC=5%``: budgets that leave room for the error of a predicted metric."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Context, Decimal

import click

from qabwnas.errors import InputError
from qabwnas.lut.units import parse_quantity

# A total has at most 19 digits, so no total lies between a budget and its floor at 25 digits.
_FLOOR = Context(prec=25, rounding=ROUND_FLOOR)
_SHOWN = Context(prec=7, rounding=ROUND_FLOOR)
_EXACT = Context(prec=200)


@dataclass(frozen=True)
class Margin:
    """A budget, and the smaller budget for the search: budget / (1 + share), rounded down without excluding a total."""

    metric: str
    share: Decimal
    budget: Decimal

    @property
    def searched(self) -> Decimal:
        return _FLOOR.divide(self.budget, 1 + self.share)

    def as_text(self) -> str:
        shown = _SHOWN.plus(self.searched)
        return f"margin {self.metric} {_percent(self.share)}%: budget {self.budget:f}, searched {shown:f}"

    def budget_for(self, total: Decimal) -> Decimal:
        """Return the smallest budget that a total fits with the margin, exactly."""
        return _EXACT.multiply(total, 1 + self.share)

    def as_json(self) -> dict[str, object]:
        return {"share": self.share, "budget": self.budget, "searched": self.searched}


def parse_margins(texts: tuple[str, ...], budgets: Mapping[str, Decimal]) -> tuple[Margin, ...]:
    """Return the margins of ``METRIC=5%`` or ``METRIC=0.05`` texts.

    Raises:
        click.UsageError: a text has another form, or a metric is given twice or has no budget.
        InputError: a share is not a number of 0 or more, or the budget is negative.
    """
    margins: dict[str, Margin] = {}
    for text in texts:
        metric, equals, value = text.rpartition("=")
        if not equals or not metric:
            raise click.UsageError(f"--margin {text!r} is not of the form METRIC=5%")
        if metric in margins:
            raise click.UsageError(f"--margin {metric!r} is given twice")
        if metric not in budgets:
            raise click.UsageError(
                f"--margin {metric!r}: it needs a budget that is one number: --budget {metric}=VALUE"
            )
        margins[metric] = Margin(metric, _share(metric, value), budgets[metric])
        if budgets[metric] < 0:
            raise InputError(f"--margin {metric}: its budget is negative")
    return tuple(margins.values())


def _percent(share: Decimal) -> str:
    return f"{(share * 100).normalize():f}"


def _share(metric: str, text: str) -> Decimal:
    number = parse_quantity(text.removesuffix("%"), f"--margin {metric}")
    if number < 0:
        raise InputError(f"--margin {metric}: {text!r} is negative")
    return number / 100 if text.endswith("%") else number

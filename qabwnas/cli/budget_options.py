"""Budgets as the command line takes them: ``METRIC=VALUE``, ranges, shares and sums."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from qabwnas.lut.lut import Lut
    from qabwnas.search.arguments import Budget


def parse_budgets(texts: tuple[str, ...], lut: Lut, reference: str | None = None) -> dict[str, Budget]:
    """Return budgets as :func:`qabwnas.search` takes them, from texts such as ``METRIC=VALUE`` and ``METRIC>=VALUE``.

    Raises:
        click.UsageError: a text has another form, or a metric is given twice.
        InputError: the LUT has no such metric, or a value is not a quantity of the metric, a range or a share.
    """
    from qabwnas.lut.units import parse_quantity
    from qabwnas.search.constraints.budgets import OPERATORS, subject_metrics

    budgets: dict[str, Budget] = {}
    is_share = False
    for text in texts:
        operator = next((each for each in OPERATORS if each in text), "=")
        name, equals, value = (part.strip() for part in text.rpartition(operator))
        if not equals or not name:
            raise click.UsageError(f"--budget {text!r} is not of the form METRIC=VALUE")
        metrics = subject_metrics(lut, name)  # first, because a mistyped name has no unit
        says_which = operator in (">=", "==") or any(metric.higher_is_better for metric in metrics)
        key = name + (operator if says_which and operator != "=" else "")
        if key in budgets:
            raise click.UsageError(f"--budget {key!r} is given twice")
        if ":" in value or "%" in value:
            budgets[key] = value if reference is None else _with_reference(value, reference)
            is_share |= budgets[key] != value or value.endswith("%")
        else:
            budgets[key] = parse_quantity(value, metrics[0].name)
    if reference is not None and not is_share:
        raise click.UsageError("--reference is for a --budget that is a share: METRIC=60%")
    return budgets


def _with_reference(value: str, reference: str) -> str:
    """Return a value, or both ends of a range, with a reference after each share that has none."""
    ends = (f"{end} of {reference}" if end.rstrip().endswith("%") else end for end in value.split(":"))
    return ":".join(ends)


def parse_upper_bounds(texts: tuple[str, ...], lut: Lut) -> dict[str, Decimal]:
    """Return metric → bound of ``METRIC=VALUE`` texts, for what takes no other budgets; raises like parse_budgets.

    Raises:
        click.UsageError: a budget is not an upper bound on one metric.
    """
    budgets = parse_budgets(texts, lut)
    upper = upper_bounds(budgets, lut)
    for key in budgets:
        if key not in upper:
            raise click.UsageError(f"--budget {key!r}: only upper bounds METRIC=VALUE on one metric can be used here")
    return upper


def upper_bounds(budgets: Mapping[str, Budget], lut: Lut) -> dict[str, Decimal]:
    """Return the budgets that are upper bounds on one metric."""
    return {key: bound for key, bound in budgets.items() if key in lut.metric_names and isinstance(bound, Decimal)}

"""Budgets as users write them, reduced to upper bounds on columns (:mod:`qabwnas.search.model.derived`).

==============================  ========================================================================
``{"latency_ms": 20}``          an inclusive upper bound; ``"latency_ms<=": 20`` is the same
``{"latency_ms>=": 5}``         an inclusive lower bound
``{"latency_ms==": 5}``         both; totals are exact decimals
``{"latency_ms": (5, 20)}``     a range; ``None`` for no bound; as text ``"5:20"``
``{"size_bytes": "60%"}``       a share of the largest total that the table has
``"60% of block1=3,block2=0"``  a share of the total of a named choice
``{"size_bytes+peak_bytes": …}``  one budget on the sum of several metrics
==============================  ========================================================================
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal, localcontext
from difflib import get_close_matches
from typing import Any, Literal

import numpy as np

from qabwnas.errors import InputError
from qabwnas.io.numeric import DECIMAL, exact_number, shown
from qabwnas.lut.lut import Lut, Metric
from qabwnas.lut.units import parse_quantity
from qabwnas.search.model.derived import DerivedMetric

Column = str | DerivedMetric
"""A compared column: the name of a metric of the LUT, or a derived one."""

Operator = Literal["<=", ">=", "=="]
OPERATORS: tuple[Operator, ...] = ("<=", ">=", "==")

_SHARE = re.compile(rf"\s*({DECIMAL.pattern})\s*%\s*(?:of\s+(.+))?")
_EXACT_DIGITS = 1000


def split_operator(text: str) -> tuple[str, Operator]:
    """Return the metrics and the operator of the name of a budget: ``latency_ms>=``; no operator means ``<=``."""
    for operator in OPERATORS:
        if text.endswith(operator):
            return text[: -len(operator)].strip(), operator
    return text, "<="


def subject_metrics(lut: Lut, subject: str) -> tuple[Metric, ...]:
    """Return the metrics of a budget: the metric of that name, or those of ``a+b``.

    Raises:
        InputError: the LUT lacks one, one is named twice, or their units differ.
    """
    if subject in lut.metric_names or "+" not in subject:
        return (known_metric(lut, subject),)
    metrics = tuple(known_metric(lut, name.strip()) for name in subject.split("+"))
    for index, metric in enumerate(metrics):
        if metric in metrics[:index]:
            raise InputError(f"budget {subject!r}: {metric.name!r} is named twice")
        if metric.unit != metrics[0].unit:
            raise InputError(
                f"budget {subject!r}: {metrics[0].name!r} is in {metrics[0].unit or 'no unit'}, {metric.name!r} in "
                f"{metric.unit or 'no unit'}; only metrics of one unit can be added"
            )
    return metrics


def known_metric(lut: Lut, name: str) -> Metric:
    """Return a metric of the LUT; the message of the InputError suggests a similar name."""
    if name not in lut.metric_names:
        for close in get_close_matches(name, lut.metric_names, 1):
            raise InputError(
                f"metric {name!r} is not in the LUT, which has {', '.join(lut.metric_names)}; did you mean {close!r}?"
            )
    return lut.metric(name)


def reduced_budgets(lut: Lut, budgets: Mapping[str, Any]) -> dict[Column, Decimal]:
    """Return upper bounds on columns that hold if and only if the budgets hold.

    Raises:
        InputError: a metric is unknown, a bound is not a number, a range or a share, two bounds of one kind are on the
            same metrics, or a lower bound is on a sum that includes a maximum.
    """
    bounds: dict[Column, Decimal] = {}
    for key, value in budgets.items():
        subject, operator = split_operator(key)
        metrics = subject_metrics(lut, subject)
        low, high = _range(lut, key, operator, metrics, value)
        if low is not None and high is not None and low > high:
            raise InputError(f"budget {key!r}: no total lies from {low} to {high}")
        found = [] if high is None else [(column, high) for column in _upper(lut, metrics)]
        if low is not None:
            found.append(_lower(key, metrics, low))
        for column, bound in found:
            if column in bounds:
                raise InputError(f"budget {key!r}: there is another bound of that kind on {subject!r}")
            bounds[column] = bound
    return bounds


def _range(
    lut: Lut, key: str, operator: Operator, metrics: tuple[Metric, ...], value: Any
) -> tuple[Decimal | None, Decimal | None]:
    """Return the lower and the upper bound."""
    what = f"budget {key!r}"
    parts = value.split(":") if isinstance(value, str) and ":" in value else value
    if isinstance(parts, Sequence) and not isinstance(parts, str):
        if len(parts) != 2 or all(part in (None, "") for part in parts):
            raise InputError(f"{what}: {shown(value)} is not a number or a range LOW:HIGH")
        if operator != "<=" or key.endswith("<="):
            raise InputError(f"{what}: {shown(value)} is a range, which takes no {operator}")
        low, high = (None if part in (None, "") else _bound(lut, what, metrics, part) for part in parts)
        return low, high
    bound = _bound(lut, what, metrics, value)
    return (bound if operator != "<=" else None), (bound if operator != ">=" else None)


def _bound(lut: Lut, what: str, metrics: tuple[Metric, ...], value: Any) -> Decimal:
    if not isinstance(value, str):
        return exact_number(what, value)
    share = _SHARE.fullmatch(value)
    if share is None:
        return parse_quantity(value, metrics[0].name)
    choice = None if share[2] is None else _reference(lut, what, share[2])
    with localcontext() as context:
        context.prec = _EXACT_DIGITS
        if choice is None and len(metrics) > 1 and any(metric.aggregation == "max" for metric in metrics):
            raise InputError(f"{what}: the largest sum of a maximum and other metrics is not known; give a number")
        return Decimal(share[1]) / 100 * sum((_total(lut, metric, choice) for metric in metrics), Decimal(0))


def _reference(lut: Lut, what: str, text: str) -> dict[str, int]:
    """Return the candidates of ``BLOCK=NUMBER,…``, one for every block."""
    choice: dict[str, int] = {}
    for part in text.split(","):
        name, equals, number = part.strip().rpartition("=")
        if not equals or not number.removeprefix("#").isdecimal():
            raise InputError(f"{what}: the reference {part.strip()!r} is not of the form BLOCK=CANDIDATE")
        candidate = int(number.removeprefix("#"))
        lut.block(name).locate(candidate)
        if name in choice:
            raise InputError(f"{what}: the reference names block {name!r} twice")
        choice[name] = candidate
    missing = [name for name in lut.block_names if name not in choice]
    if missing:
        raise InputError(f"{what}: the reference names no candidate of block {missing[0]!r}")
    return choice


def _total(lut: Lut, metric: Metric, choice: Mapping[str, int] | None) -> Decimal:
    """Return the exact total of a choice, or without one the largest total of measured candidates."""
    values = []
    for block in lut.blocks:
        column, measured = block.column(metric.name), block.measured(metric.name)
        rows = np.arange(block.n_candidates) if choice is None else np.array([choice[block.name]])
        if measured is not None:
            rows = rows[measured[rows]]
        if not rows.size:
            raise InputError(f"metric {metric.name!r}, block {block.name!r}: nothing was measured to take a share of")
        values.append(exact_number(metric.name, column[rows].max()))
    if metric.fixed is not None:
        values.append(exact_number(metric.name, metric.fixed))
    return sum(values, Decimal(0)) if metric.aggregation == "sum" else max(values)


def _upper(lut: Lut, metrics: tuple[Metric, ...]) -> list[Column]:
    """Return the columns whose upper bounds together are one on the sum of the metrics."""
    if len(metrics) == 1:
        return [metrics[0].name]
    sums = tuple(metric for metric in metrics if metric.aggregation == "sum")
    maxima = [metric for metric in metrics if metric.aggregation == "max"]
    name = "+".join(metric.name for metric in (*sums, *maxima))
    unit = metrics[0].unit
    places: list[list[str | None]] = [
        [*lut.block_names, *([None] if metric.fixed is not None else [])] for metric in maxima
    ]
    columns: list[Column] = []
    for chosen in itertools.product(*places):
        at = ",".join("fixed part" if block is None else block for block in chosen)
        columns.append(
            DerivedMetric(
                f"{name} @ {at}" if at else name, unit, terms=sums, maxima=tuple(zip(maxima, chosen, strict=True))
            )
        )
    return columns


def _lower(key: str, metrics: tuple[Metric, ...], bound: Decimal) -> tuple[Column, Decimal]:
    name, unit = "+".join(metric.name for metric in metrics), metrics[0].unit
    if all(metric.aggregation == "sum" for metric in metrics):
        fixed = None if len(metrics) > 1 or metrics[0].fixed is None else -metrics[0].fixed
        label = f"-({name})" if len(metrics) > 1 else f"-{name}"
        return DerivedMetric(label, unit, "sum", fixed, metrics, sign=-1), bound.copy_negate()
    if len(metrics) > 1:
        raise InputError(f"budget {key!r}: a lower bound on a sum that includes a maximum is not supported")
    return DerivedMetric(f"{name} >= {bound}", unit, terms=metrics, at_least=bound), Decimal(-1)

"""Budgets as users write them, reduced to upper bounds on columns (:mod:`qabwnas.search.model.derived`).

Budgets on sums plus maxima remain :class:`.MixedSum`.

==============================  ========================================================================
``{"latency_ms": 20}``          an inclusive upper bound; ``"latency_ms<=": 20`` is the same
``{"latency_ms>=": 5}``         an inclusive lower bound
``{"latency_ms==": 5}``         both; totals are exact decimals
``{"latency_ms": (5, 20)}``     a range; ``None`` for no bound; as text ``"5:20"``
``{"size_bytes": "60%"}``       a share of the largest total that the table has
``"60% of block1=3,block2=0"``  a share of the total of a named choice
``"60% of teacher"``            a share of the total of the run's teacher (:mod:`.references`)
``{"size_bytes+peak_bytes": …}``  one budget on the sum of several metrics
==============================  ========================================================================
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from difflib import get_close_matches
from typing import Any, Literal

from qabwnas.errors import InputError
from qabwnas.io.numeric import DECIMAL, exact_number, shown
from qabwnas.lut.lut import Lut, Metric
from qabwnas.lut.units import parse_quantity
from qabwnas.search.constraints.shares import Shares, share_of, shares_of
from qabwnas.search.model.derived import DerivedMetric, MixedSum, added, negated

Column = str | DerivedMetric
"""A compared column: the name of a metric of the LUT, or a derived one."""

Budgeted = Column | MixedSum
"""What has an upper bound: a compared column, or a sum that couples several."""

Operator = Literal["<=", ">=", "=="]
OPERATORS: tuple[Operator, ...] = ("<=", ">=", "==")

_SHARE = re.compile(rf"\s*({DECIMAL.pattern})\s*%\s*(?:of\s+(.+))?")


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


def reduced_budgets(lut: Lut, budgets: Mapping[str, Any]) -> dict[Budgeted, Decimal]:
    """Return upper bounds on columns and mixed sums that hold if and only if the budgets hold.

    Raises:
        InputError: a metric is unknown, a bound is not a number, a range or a share, two bounds of one kind are on the
            same metrics, a lower bound is on a sum that includes a maximum, or a bound on a higher-is-better metric
            does not say whether it is an upper one.
    """
    bounds: dict[Budgeted, Decimal] = {}
    for key, value in budgets.items():
        subject, operator = split_operator(key)
        metrics = subject_metrics(lut, subject)
        if operator != "<=" or key.endswith("<="):
            _check_no_range(key, operator, value)
        names = [metric.name for metric in metrics]
        low, high = parse_bounds(f"budget {key!r}", operator, names, shares_of(lut, metrics), value)
        if low is None and key == subject:
            check_sense(f"budget {key!r}", metrics)
        if low is not None and high is not None and low > high:
            raise InputError(f"budget {key!r}: no total lies from {low} to {high}")
        found: list[tuple[Budgeted, Decimal]] = [] if high is None else [(bounded_above(metrics), high)]
        if low is not None:
            found.append(bounded_below(f"budget {key!r}", metrics, low))
        for column, bound in found:
            if column in bounds:
                raise InputError(f"budget {key!r}: there is another bound of that kind on {subject!r}")
            bounds[column] = bound
    return bounds


def _check_no_range(key: str, operator: Operator, value: Any) -> None:
    is_text = isinstance(value, str)
    if (is_text and ":" in value) or (not is_text and isinstance(value, Sequence)):
        raise InputError(f"budget {key!r}: {shown(value)} is a range, which takes no {operator}")


def parse_bounds(
    what: str, operator: Operator, metrics: Sequence[str], shares: Shares, value: Any
) -> tuple[Decimal | None, Decimal | None]:
    """Return the lower and the upper bound that a value says: a number, a quantity, a share, or a range of them.

    Args:
        what: the start of messages.
        operator: how single values bound; a range has none of its own.
        metrics: the names; quantities have the unit of the first.

    Raises:
        InputError: it is none of these.
    """
    parts = value.split(":") if isinstance(value, str) and ":" in value else value
    if isinstance(parts, Sequence) and not isinstance(parts, str):
        if len(parts) != 2 or all(part in (None, "") for part in parts):
            raise InputError(f"{what}: {shown(value)} is not a number or a range LOW:HIGH")
        low, high = (None if part in (None, "") else _bound(what, metrics, shares, part) for part in parts)
        return low, high
    bound = _bound(what, metrics, shares, value)
    return (bound if operator != "<=" else None), (bound if operator != ">=" else None)


def _bound(what: str, metrics: Sequence[str], shares: Shares, value: Any) -> Decimal:
    if not isinstance(value, str):
        return exact_number(what, value)
    share = _SHARE.fullmatch(value)
    if share is None:
        return quantity_of(what, value, metrics[0])
    return share_of(Decimal(share[1]), shares(what, share[2]))


def quantity_of(what: str, text: str, metric: str) -> Decimal:
    """Return a quantity of a metric; the message of its InputError starts with ``what``."""
    try:
        return parse_quantity(text, metric)
    except InputError as error:
        raise InputError(f"{what}{str(error).removeprefix(metric)}") from error


def check_sense(what: str, metrics: tuple[Metric, ...]) -> None:
    """Raise InputError if higher totals are better: ``accuracy=0.9`` does not say which bound is meant."""
    for metric in metrics:
        if metric.higher_is_better:
            name = metric.name
            raise InputError(f"{what}: higher {name!r} is better: say {name}>=VALUE, or {name}<=VALUE")


def bounded_above(metrics: tuple[Metric, ...]) -> Budgeted:
    """Return what has an upper bound if the sum of the metrics has one."""
    if len(metrics) == 1:
        return metrics[0].name
    sums = tuple(metric for metric in metrics if metric.aggregation == "sum")
    maxima = tuple(metric for metric in metrics if metric.aggregation == "max")
    if not maxima:
        return added(sums)
    summed = None if not sums else sums[0].name if len(sums) == 1 else added(sums)
    return MixedSum(summed, sums, maxima)


def bounded_below(what: str, metrics: tuple[Metric, ...], bound: Decimal) -> tuple[DerivedMetric, Decimal]:
    """Return the column, and its upper bound, of a lower bound on the sum of metrics.

    Raises:
        InputError: the sum includes a maximum; the message starts with ``what``.
    """
    if all(metric.aggregation == "sum" for metric in metrics):
        return negated_sum(metrics), bound.copy_negate()
    if len(metrics) > 1:
        raise InputError(f"{what}: a lower bound on a sum that includes a maximum is not supported")
    return reaching(metrics[0], bound), Decimal(-1)


def negated_sum(metrics: tuple[Metric, ...]) -> DerivedMetric:
    """Return the column whose upper bound is a lower bound on the sum of sums."""
    if len(metrics) == 1:
        return negated(metrics[0])
    name = "+".join(metric.name for metric in metrics)
    return DerivedMetric(f"-({name})", metrics[0].unit, terms=metrics, sign=-1)


def reaching(maximum: Metric, bound: Decimal) -> DerivedMetric:
    """Return the column whose total is at most −1 if and only if a maximum reaches the bound."""
    return DerivedMetric(f"{maximum.name} >= {bound}", maximum.unit, terms=(maximum,), at_least=bound)

"""Budgets on the points of a front: upper bounds on metrics and their sums, and lower ones where higher is better.

A front has the best subnet under these bounds, because a subnet that dominates another one keeps every such bound that
the other keeps. Other bounds need the LUT: under a lower bound on a latency, the best subnet may be dominated by a
faster one, and is then no point.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qabwnas.errors import InputError
from qabwnas.lut.table import Metric
from qabwnas.search.constraints.budgets import Operator, check_sense, parse_bounds, split_operator
from qabwnas.search.constraints.shares import Shares, exact_sum
from qabwnas.search.model.grid import LARGEST_UNITS, Grid


class FrontBudget(NamedTuple):
    """What a budget bounds.

    Attributes:
        name: the metrics, as a user writes them: ``size_bytes``, or ``size_bytes+peak_bytes``.
        positions: the positions of the metrics whose totals are added.
        is_lower: whether it is a lower bound, on a metric that is maximised; stored totals then have the other sign.
    """

    name: str
    positions: tuple[int, ...]
    is_lower: bool = False

    def grid(self, grids: Sequence[Grid]) -> Grid:
        """Return the grid of the sum: the finest of its metrics."""
        return Grid(max(grids[m].decimals for m in self.positions))


def front_budget(metrics: Sequence[Metric], key: str) -> FrontBudget:
    """Return what the budget ``key`` bounds: ``size_bytes``, ``size_bytes<=``, ``a+b``, or ``accuracy>=``.

    Raises:
        InputError: the front lacks a metric, or may lack the best subnet under such a bound.
    """
    subject, operator = split_operator(key)
    names = [metric.name for metric in metrics]
    wanted = [subject] if subject in names else [name.strip() for name in subject.split("+")]
    for i, name in enumerate(wanted):
        if name not in names:
            raise InputError(f"metric {name!r} is not in the front, which has {', '.join(names)}")
        if name in wanted[:i]:
            raise InputError(f"budget {key!r}: {name!r} is named twice")
    positions = tuple(map(names.index, wanted))
    found = tuple(metrics[m] for m in positions)
    if len({metric.unit for metric in found}) > 1:
        raise InputError(f"budget {key!r}: only metrics of one unit can be added")
    is_lower = len(found) == 1 and found[0].higher_is_better
    if key == subject:
        check_sense(f"budget {key!r}", found)
    if operator != (">=" if is_lower else "<=") or (len(found) > 1 and any(m.higher_is_better for m in found)):
        raise InputError(
            f"budget {key!r}: a front answers only upper bounds on what is minimised, and lower bounds on what is "
            "maximised: the best subnet under others may be no point; search the LUT"
        )
    return FrontBudget("+".join(wanted), positions, is_lower)


def negated_numbers(numbers: NDArray[Any]) -> NDArray[Any]:
    """Return the negated bounds ``(n,)``, for lower bounds; NaN and −∞, no bound, become NaN and ∞."""
    return -(numbers.astype(object) if numbers.dtype.kind in "iu" else numbers)


def summed_units(units: NDArray[np.int64], grids: Sequence[Grid], positions: tuple[int, ...]) -> NDArray[np.int64]:
    """Return the sum of some columns of ``units`` ``(n, n_metrics)`` on the finest of their grids, int64 ``(n,)``.

    Raises:
        InputError: the sums do not fit 62 bits.
    """
    finest = max(grids[m].decimals for m in positions)
    scales = [10 ** (finest - grids[m].decimals) for m in positions]
    largest = sum(scale * int(np.abs(units[:, m]).max()) for m, scale in zip(positions, scales, strict=True))
    if largest > LARGEST_UNITS:
        raise InputError(f"the sum of {len(positions)} metrics does not fit 62 bits with {finest} decimals")
    total = np.zeros(len(units), dtype=np.int64)
    for m, scale in zip(positions, scales, strict=True):
        total += units[:, m] * np.int64(scale)
    return total


def read_bound(
    metrics: Sequence[Metric], largest: Mapping[str, Decimal], budget: FrontBudget, key: str, bound: ArrayLike
) -> ArrayLike:
    """Return a bound that is a text, a quantity or a share, as a number, and others as they are.

    Raises:
        InputError: the text is neither.
    """
    if not isinstance(bound, str):
        return bound
    found = [metrics[m] for m in budget.positions]
    names = [metric.name for metric in found]
    operator: Operator = ">=" if budget.is_lower else "<="
    low, high = parse_bounds(f"budget {key!r}", operator, names, shares_of_largest(found, largest), bound)
    if low is not None and high is not None:
        raise InputError(f"budget {key!r}: {bound!r} is a range; give one bound")
    return np.array([low if high is None else high], dtype=object)


def shares_of_largest(metrics: Sequence[Metric], largest: Mapping[str, Decimal]) -> Shares:
    """Return what shares of the sum of some metrics are of: the largest totals in the front's LUT, by metric."""

    def total(what: str, reference: str | None) -> Decimal:
        if reference is not None:
            raise InputError(f"{what}: a front does not know the totals of {reference!r}; search the LUT")
        if len(metrics) > 1 and any(metric.aggregation == "max" for metric in metrics):
            raise InputError(f"{what}: the largest sum of a maximum and other metrics is not known; give a number")
        for metric in metrics:
            if metric.name not in largest:
                raise InputError(
                    f"{what}: the front does not know the largest {metric.name!r} of its LUT; give a number"
                )
        return exact_sum(largest[metric.name] for metric in metrics)

    return total

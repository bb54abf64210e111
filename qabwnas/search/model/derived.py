"""Derived columns: constraints that are not upper bounds on one metric, as upper bounds on sums over blocks.

The kernels minimise columns and bound them from above. Every other constraint becomes such a column, exactly, in the
int64 units of the metrics that it is made of:

- a lower bound on a sum is an upper bound on the negated sum; maximising is minimising the negated column;
- a budget on several sums is one on the column of their sums;
- a lower bound on a maximum holds if and only if at least one block (or the fixed part) reaches it: a column of −1 for
  every row that reaches it, and 0 for the others, whose total may be at most −1.

A budget on sums plus maxima (:class:`MixedSum`) is no bound on a column. It couples the column of the sums with those
of the maxima, and :mod:`qabwnas.search.engine.coupled` searches under it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qabwnas.errors import InputError
from qabwnas.lut.lut import Metric
from qabwnas.search.model.grid import LARGEST_UNITS, Grid

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class DerivedMetric(Metric):
    """A column that is computed from the columns of metrics; its totals are sums over blocks.

    Attributes:
        terms: the summed metrics, or the one maximum that must reach ``at_least``.
        sign: −1 for the negated sum.
        at_least: if given, the column is −1 where the term reaches this value, and 0 elsewhere.
    """

    terms: tuple[Metric, ...] = ()
    sign: int = 1
    at_least: Decimal | None = None

    @property
    def subject(self) -> str:
        """The metrics as a user writes them, without sign: ``size_bytes+macs_bytes``."""
        return "+".join(metric.name for metric in self.terms)

    @property
    def has_user_total(self) -> bool:
        """Whether the total of this column is, up to its sign, the total of the metrics that a user named."""
        return self.at_least is None


@dataclass(frozen=True)
class MixedSum:
    """What a budget bounds that adds up sums and maxima over blocks, or several maxima.

    Attributes:
        summed: the column of all sums: the name of a metric, or a derived one; ``None`` if there are only maxima.
        sums: the metrics of that column.
        maxima: the maxima.
    """

    summed: str | DerivedMetric | None
    sums: tuple[Metric, ...]
    maxima: tuple[Metric, ...]

    @property
    def columns(self) -> tuple[str | DerivedMetric, ...]:
        """The columns that the budget couples."""
        return (*(() if self.summed is None else (self.summed,)), *(metric.name for metric in self.maxima))

    @property
    def sources(self) -> tuple[Metric, ...]:
        return (*self.sums, *self.maxima)

    @property
    def subject(self) -> str:
        return "+".join(metric.name for metric in self.sources)


def added(metrics: Sequence[Metric]) -> DerivedMetric:
    """Return the column of the sum of several sums."""
    return DerivedMetric("+".join(metric.name for metric in metrics), metrics[0].unit, terms=tuple(metrics))


def negated(metric: Metric) -> DerivedMetric:
    """Return the column that is minimal where a sum is maximal.

    Raises:
        InputError: the metric is a maximum over blocks.
    """
    if metric.aggregation == "max":
        raise InputError(f"maximize: {metric.name!r} is a maximum over blocks; only sums over blocks can be maximized")
    fixed = None if metric.fixed is None else -metric.fixed
    return DerivedMetric(f"-{metric.name}", metric.unit, "sum", fixed, (metric,), sign=-1)


def as_shown(metric: Metric) -> Metric:
    """Return a column of a front as users see it: a negated metric becomes the metric, with higher_is_better."""
    if not isinstance(metric, DerivedMetric):
        return metric
    if metric.sign > 0:
        return Metric(metric.name, metric.unit, metric.aggregation, metric.fixed)
    negative = f"-{metric.subject}" if len(metric.terms) == 1 else f"-({metric.subject})"
    prefix = metric.name.removesuffix(negative)  # of a weighted objective
    fixed = None if metric.fixed is None else -metric.fixed
    return Metric(prefix + metric.subject, metric.unit, fixed=fixed, higher_is_better=True)


def source_metrics(metrics: Sequence[Metric]) -> tuple[Metric, ...]:
    """Return the metrics that columns are made of, without repetition; of a LUT's metric, itself."""
    sources: dict[str, Metric] = {}
    for metric in metrics:
        for source in metric.terms if isinstance(metric, DerivedMetric) else (metric,):
            sources[source.name] = source
    return tuple(sources.values())


class Derivation(NamedTuple):
    """How the units of source metrics become the units of compared columns.

    Attributes:
        metrics, grids: the compared columns, derived or not.
        sources, source_grids: what they are computed from.
    """

    metrics: tuple[Metric, ...]
    grids: tuple[Grid, ...]
    sources: tuple[Metric, ...]
    source_grids: tuple[Grid, ...]

    @classmethod
    def of(
        cls,
        metrics: Sequence[Metric],
        sources: Sequence[Metric],
        source_grids: Sequence[Grid],
        largest: Sequence[int],
    ) -> Derivation:
        """Return the derivation; ``largest`` bounds the absolute total of every source, in its units.

        Raises:
            InputError: the totals of a sum of metrics do not fit 62 bits on the finest of their grids.
        """
        by_name = {source.name: (grid, size) for source, grid, size in zip(sources, source_grids, largest, strict=True)}
        grids = []
        for metric in metrics:
            if not isinstance(metric, DerivedMetric):
                grids.append(by_name[metric.name][0])
                continue
            if metric.at_least is not None:
                grids.append(Grid(0))
                continue
            parts = [by_name[source.name] for source in metric.terms]
            grid = Grid(max(part.decimals for part, _ in parts))
            if sum(size * 10 ** (grid.decimals - part.decimals) for part, size in parts) > LARGEST_UNITS:
                raise InputError(
                    f"{metric.subject}: the sum does not fit 62 bits with the {grid.decimals} decimals of its metrics; "
                    "round their values"
                )
            grids.append(grid)
        return cls(tuple(metrics), tuple(grids), tuple(sources), tuple(source_grids))

    def of_block(self, units: Ints) -> Ints:
        """Return the columns ``(n_metrics, n)`` of a block's rows from those of the sources ``(n_sources, n)``."""
        by_name = dict(zip((source.name for source in self.sources), units, strict=True))
        return np.stack([self._column(m, by_name) for m in range(len(self.metrics))])

    def of_fixed(self, origin: Ints) -> Ints:
        """Return the fixed parts ``(n_metrics,)`` from those of the sources ``(n_sources,)``."""
        known = zip(self.sources, origin.tolist(), strict=True)
        by_name = {
            source.name: np.array([units], dtype=np.int64)
            for source, units in known
            if source.aggregation == "sum" or source.fixed is not None
        }
        parts = [
            int(self._column(m, by_name)[0])
            if isinstance(metric, DerivedMetric)
            else int(origin[self._position(metric.name)])
            for m, metric in enumerate(self.metrics)
        ]
        return np.array(parts, dtype=np.int64)

    def _position(self, name: str) -> int:
        return [source.name for source in self.sources].index(name)

    def _column(self, m: int, by_name: dict[str, Ints]) -> Ints:
        """Return a column of the rows of a block, or of the fixed parts as one row."""
        metric, grid = self.metrics[m], self.grids[m]
        if not isinstance(metric, DerivedMetric):
            return by_name[metric.name]
        total = np.zeros(len(next(iter(by_name.values()))) if by_name else 1, dtype=np.int64)
        if metric.at_least is not None:
            name = metric.terms[0].name
            if name not in by_name:  # a maximum without a fixed part
                return total
            smallest = -self.source_grids[self._position(name)].floor(metric.at_least.copy_negate())
            return -(by_name[name] >= smallest).astype(np.int64)
        for source in metric.terms:
            units = by_name[source.name]
            if units.any():
                decimals = grid.decimals - self.source_grids[self._position(source.name)].decimals
                total = total + units * np.int64(10**decimals)
        return metric.sign * total

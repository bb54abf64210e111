"""Which region of the exact front a front contains: bounds on totals, and a factor by which it may be thinned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from qabwnas.errors import InputError
from qabwnas.io.numeric import Number, exact_number, shown
from qabwnas.lut.lut import Lut
from qabwnas.search.arguments import quantity
from qabwnas.search.constraints.budgets import parse_bounds, subject_metrics
from qabwnas.search.constraints.shares import shares_of
from qabwnas.search.model.derived import as_shown
from qabwnas.search.model.grid import UNLIMITED
from qabwnas.search.model.problem import NO_MAXIMUM, Problem

Range = tuple[Number | None, Number | None]
"""The smallest and the largest total, inclusive; ``None`` for no bound."""


def checked_ranges(within: object, lut: Lut | None = None) -> dict[str, tuple[Decimal | None, Decimal | None]]:
    """Return a mapping of metric to :data:`Range` with decimals as bounds; ``None`` becomes an empty mapping.

    Bounds that are texts may have units, and with a LUT be shares: ``60%``, ``60% of teacher``.

    Raises:
        InputError: ``within`` is not such a mapping, or as :func:`.reduced_budgets` for shares.
    """
    if within is None:
        return {}
    if not isinstance(within, Mapping):
        raise InputError(f"within: {shown(within)} is not a mapping of metric to (least, largest)")
    ranges = {}
    for name, bounds in within.items():
        if isinstance(bounds, str) or not isinstance(bounds, Sequence | np.ndarray) or len(bounds) != 2:
            raise InputError(f"within {name!r}: {shown(bounds)} is not a pair (least, largest)")
        what = f"within {name!r}"
        least, largest = (None if b is None else _bound(what, name, b, lut) for b in bounds)
        ranges[name] = least, largest
    return ranges


def _bound(what: str, name: str, bound: Number, lut: Lut | None) -> Decimal:
    if lut is None or not isinstance(bound, str) or "%" not in bound:
        return exact_number(what, quantity(what, name, bound))
    metrics = subject_metrics(lut, name)
    (_, high) = parse_bounds(what, "<=", [metric.name for metric in metrics], shares_of(lut, metrics), bound)
    if high is None:
        raise InputError(f"{what}: {shown(bound)} is not one bound")
    return high


@dataclass(frozen=True)
class FrontRegion:
    """The part of the exact front within bounds, possibly thinned by ``epsilon``.

    Attributes:
        low, high: one inclusive bound per metric, in grid units, of the stored totals, which are negated if the metric
            is maximised; ±:data:`~qabwnas.search.model.grid.UNLIMITED` for no bound.
        epsilon: 0 means all points of the region. Otherwise every point of the region is approximated: some kept
            point is at most 1 + epsilon times as large in the first metric, and no larger in the other metrics.
    """

    low: tuple[int, ...]
    high: tuple[int, ...]
    epsilon: Decimal = Decimal(0)

    @classmethod
    def whole(cls, n_metrics: int) -> FrontRegion:
        return cls((-UNLIMITED,) * n_metrics, (UNLIMITED,) * n_metrics)

    @classmethod
    def of(cls, problem: Problem, within: Mapping[str, Range] | None, epsilon: Number) -> FrontRegion:
        """Return the region for the arguments of a user.

        Raises:
            InputError: a metric is not one of the problem's, a bound is not a number, or a range is empty; ``epsilon``
                is not from 0 to 1, or is above 0 while the objective has negative values or an upper bound.
        """
        metrics = [as_shown(metric) for metric in problem.metrics]
        names = [metric.name for metric in metrics]
        low, high = list(cls.whole(len(names)).low), list(cls.whole(len(names)).high)
        for name, (least, largest) in checked_ranges(within).items():
            if name not in names:
                raise InputError(f"within: {name!r} is not one of the front's metrics ({', '.join(names)})")
            m = names.index(name)
            ends = least, largest
            if metrics[m].higher_is_better:  # its totals are stored with the other sign
                ends = None if largest is None else -largest, None if least is None else -least
            if ends[0] is not None:
                low[m] = -problem.grids[m].floor(-ends[0])
            if ends[1] is not None:
                high[m] = problem.grids[m].floor(ends[1])
            if low[m] > high[m]:
                raise InputError(f"within {name!r}: no total lies from {least} to {largest}")
        factor = exact_number("epsilon", epsilon)
        if not 0 <= factor <= 1:
            raise InputError(f"epsilon: {factor} is not from 0 to 1")
        if factor > 0 and (problem.values[0].min() < 0 or NO_MAXIMUM < problem.origin[0] < 0):
            raise InputError(f"epsilon: {names[0]!r} has negative values, for which a factor has no meaning")
        if factor > 0 and high[0] != UNLIMITED:
            raise InputError(f"epsilon: the objective {names[0]!r} cannot have an upper bound at the same time")
        return cls(tuple(low), tuple(high), factor)

    @property
    def is_whole(self) -> bool:
        return self == FrontRegion.whole(len(self.low))

    def slack(self, problem: Problem) -> float:
        """Return the relative error δ that each block may add: (1 + δ) ** n_blocks ≤ 1 + epsilon.

        δ is 0, and the front exact, if all metrics but the first are maxima: such fronts are small.
        """
        n_blocks = len(problem.block_names)
        if self.epsilon == 0 or problem.is_max[1:].all():
            return 0.0
        # Rounded down by far more than the errors of the logarithm, the root and the product in a kernel.
        return float(np.expm1(np.log1p(float(self.epsilon)) / n_blocks)) * (1 - 1e-9)

    def holds(self, units: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return which totals ``(n, n_metrics)`` reach the lower bounds, bool ``(n,)``."""
        return np.asarray((units >= np.array(self.low)).all(axis=1))

    def check_budgets(self, names: Sequence[str], metrics: Sequence[int], units: NDArray[np.int64]) -> None:
        """Check that a front of this region contains the answer to each row of budgets ``(n, len(metrics))``.

        Raises:
            InputError: the region has a lower bound, or a metric with an upper bound has a larger budget or none.
        """
        for m, (name, low, high) in enumerate(zip(names, self.low, self.high, strict=True)):
            if low != -UNLIMITED:
                raise InputError(f"the front has a lower bound on {name!r}: the best subnet may lie below it")
            if high != UNLIMITED and (m not in metrics or (units[:, list(metrics).index(m)] > high).any()):
                raise InputError(f"the front has an upper bound on {name!r}: a budget at most as large is needed")

    def reordered(self, order: Sequence[int]) -> FrontRegion:
        """Return the region of the same front with its metrics in another order.

        Raises:
            InputError: the front is thinned, and another metric would come first.
        """
        if self.epsilon > 0 and order[0] != 0:
            raise InputError(f"the front was thinned by epsilon {self.epsilon}, for its first metric only")
        return FrontRegion(tuple(self.low[m] for m in order), tuple(self.high[m] for m in order), self.epsilon)

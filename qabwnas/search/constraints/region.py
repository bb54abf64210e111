"""How much of the exact front a front holds: between which totals, and how closely."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from qabwnas.errors import InputError
from qabwnas.io.numeric import Number, exact_number, shown
from qabwnas.search.model.grid import UNLIMITED
from qabwnas.search.model.problem import NO_MAXIMUM, Problem

Range = tuple[Number | None, Number | None]
"""The least and the largest total wanted, inclusive; ``None`` where there is no such bound."""


def checked_ranges(within: object) -> dict[str, tuple[Decimal | None, Decimal | None]]:
    """Return the ranges of a mapping of metric to :data:`Range` as decimals, none of ``None``.

    Raises:
        InputError: it is no such mapping.
    """
    if within is None:
        return {}
    if not isinstance(within, Mapping):
        raise InputError(f"within: {shown(within)} is not a mapping of metric to (least, largest)")
    ranges = {}
    for name, bounds in within.items():
        if isinstance(bounds, str) or not isinstance(bounds, Sequence | np.ndarray) or len(bounds) != 2:
            raise InputError(f"within {name!r}: {shown(bounds)} is not a pair (least, largest)")
        least, largest = (None if b is None else exact_number(f"within {name!r}", b) for b in bounds)
        ranges[name] = least, largest
    return ranges


@dataclass(frozen=True)
class Extent:
    """The part of the exact front within bounds, thinned by ``epsilon``.

    Attributes:
        low, high: bounds in grid units, one a metric, inclusive; ±
            :data:`~qabwnas.search.model.grid.UNLIMITED` for none.
        epsilon: every point of that part has one here that is at most it in all metrics but the first, and at most
            1 + epsilon times it in the first; 0 for all of them.
    """

    low: tuple[int, ...]
    high: tuple[int, ...]
    epsilon: Decimal = Decimal(0)

    @classmethod
    def whole(cls, n_metrics: int) -> Extent:
        return cls((-UNLIMITED,) * n_metrics, (UNLIMITED,) * n_metrics)

    @classmethod
    def of(cls, problem: Problem, within: Mapping[str, Range] | None, epsilon: Number) -> Extent:
        """Return the extent that a user asks for.

        Raises:
            InputError: a metric is none of the problem's, a bound is not a number, a range is empty; ``epsilon`` is
                not from 0 to 1, the objective has negative values or an upper bound beside it.
        """
        names = [metric.name for metric in problem.metrics]
        low, high = list(cls.whole(len(names)).low), list(cls.whole(len(names)).high)
        for name, (least, largest) in checked_ranges(within).items():
            if name not in names:
                raise InputError(f"within: {name!r} is not one of the front's metrics ({', '.join(names)})")
            m = names.index(name)
            if least is not None:
                low[m] = -problem.grids[m].floor(-least)
            if largest is not None:
                high[m] = problem.grids[m].floor(largest)
            if low[m] > high[m]:
                raise InputError(f"within {name!r}: no total lies from {least} to {largest}")
        factor = exact_number("epsilon", epsilon)
        if not 0 <= factor <= 1:
            raise InputError(f"epsilon: {factor} is not from 0 to 1")
        if factor > 0 and (problem.values[0].min() < 0 or NO_MAXIMUM < problem.origin[0] < 0):
            raise InputError(f"epsilon: {names[0]!r} has negative values, of which a share means nothing")
        if factor > 0 and high[0] != UNLIMITED:
            raise InputError(f"epsilon: {names[0]!r}, which it loosens, cannot have an upper bound too")
        return cls(tuple(low), tuple(high), factor)

    @property
    def is_whole(self) -> bool:
        return self == Extent.whole(len(self.low))

    def slack(self, problem: Problem) -> float:
        """Return what a block may add to the loss of a point: δ with (1 + δ) ** n_blocks ≤ 1 + epsilon.

        It is 0, and the front exact, where all metrics but the first are maxima: such fronts are small.
        """
        n_blocks = len(problem.block_names)
        if self.epsilon == 0 or problem.is_max[1:].all():
            return 0.0
        # Rounded down by far more than the logarithm, the root and a kernel's product can be wrong by.
        return float(np.expm1(np.log1p(float(self.epsilon)) / n_blocks)) * (1 - 1e-9)

    def holds(self, units: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return which totals ``(n, n_metrics)`` are at least the lower bounds, bool ``(n,)``."""
        return np.asarray((units >= np.array(self.low)).all(axis=1))

    def check_budgets(self, names: Sequence[str], metrics: Sequence[int], units: NDArray[np.int64]) -> None:
        """Check that a front of this extent has the answer within every row of budgets ``(n, len(metrics))``.

        Raises:
            InputError: it has lower bounds, or a metric with an upper bound has a larger budget, or none.
        """
        for m, (name, low, high) in enumerate(zip(names, self.low, self.high, strict=True)):
            if low != -UNLIMITED:
                raise InputError(f"the front has a lower bound on {name!r}: what is best may lie below it")
            if high != UNLIMITED and (m not in metrics or (units[:, list(metrics).index(m)] > high).any()):
                raise InputError(f"the front has an upper bound on {name!r}: a budget at most as large is needed")

    def reordered(self, order: Sequence[int]) -> Extent:
        """Return the extent of the same front with its metrics in another order.

        Raises:
            InputError: it is thinned, and another metric would come first.
        """
        if self.epsilon > 0 and order[0] != 0:
            raise InputError(f"the front was thinned by epsilon {self.epsilon}, for its first metric only")
        return Extent(tuple(self.low[m] for m in order), tuple(self.high[m] for m in order), self.epsilon)

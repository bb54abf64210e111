"""What the columns of a table of budgets bound: their headings are what ``--budget`` has before the value.

=========================  ==========================================================================
``size_bytes``             an upper bound; ``size_bytes<=`` is the same
``latency_ms>=``           a lower bound
``latency_ms==``           both
``latency_ms=``            an upper bound, or a range ``5:20``
``size_bytes+peak_bytes``  a bound on a sum of metrics; any of the signs above may follow
=========================  ==========================================================================

A cell is a number, may have a unit (``1.5MB``), or is a share (``60%``, ``60% of teacher``). An empty cell is no bound.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from qabwnas.errors import InputError
from qabwnas.lut.lut import Lut, Metric
from qabwnas.search.constraints.budgets import (
    Budgeted,
    Operator,
    bounded_above,
    bounded_below,
    check_sense,
    negated_sum,
    parse_bounds,
    split_operator,
    subject_metrics,
)
from qabwnas.search.constraints.shares import Shares, shares_of
from qabwnas.search.front.budgets import front_budget
from qabwnas.search.frontier import Frontier
from qabwnas.search.model.derived import DerivedMetric, MixedSum
from qabwnas.search.model.grid import UNLIMITED, Grid

MAX_CACHED_CELLS = 1 << 16


@dataclass(frozen=True)
class Reach:
    """A lower bound on a maximum: its value decides which rows reach it, so every value is a problem of its own."""

    metric: Metric
    grid: Grid


Target = tuple[int, ...] | Reach
"""What is bounded above: the sum of the totals of some compared columns, or a maximum that must reach the bound."""


@dataclass(frozen=True)
class Bound:
    """One bound of a heading.

    Attributes:
        target: what is bounded.
        grid: the grid of the bound.
        is_lower: whether it is a lower bound: an upper bound on the negated total, so that values are negated.
    """

    target: Target
    grid: Grid
    is_lower: bool = False

    def units(self, value: Decimal) -> int:
        """Return a value as an upper bound, in units."""
        return self.grid.floor(value.copy_negate() if self.is_lower else value)


@dataclass(frozen=True)
class Heading:
    """One column of budgets.

    Attributes:
        text: the heading.
        metrics: the names of the metrics; values have the unit of the first.
        bounds: one or two bounds; an upper one comes first.
        shares: gives what shares are of.
    """

    text: str
    metrics: tuple[str, ...]
    bounds: tuple[Bound, ...]
    shares: Shares
    _cells: dict[str, tuple[int, ...]] = field(default_factory=dict, repr=False, compare=False)

    @property
    def is_upper_bound(self) -> bool:
        """Whether the heading is one upper bound, whose cells a kernel can read."""
        return len(self.bounds) == 1 and not self.bounds[0].is_lower

    def units(self, cell: str) -> tuple[int, ...]:
        """Return the cell as one upper bound in units per bound.

        Raises:
            InputError: the cell is neither empty nor a quantity, a share or, under ``metric=``, a range.
        """
        found = self._cells.get(cell)
        if found is None:
            found = self._parsed(cell.strip())
            if len(self._cells) < MAX_CACHED_CELLS:
                self._cells[cell] = found
        return found

    def _parsed(self, cell: str) -> tuple[int, ...]:
        if not cell:
            return (UNLIMITED,) * len(self.bounds)
        subject, operator, takes_range = split_heading(self.text)
        if ":" in cell and not takes_range:
            raise InputError(
                f"{self.text}: {cell!r} is a range: call the column {subject + '='!r}, or give two columns, "
                f"{subject + '>='!r} and {subject + '<='!r}"
            )
        low, high = parse_bounds(self.text, operator, self.metrics, self.shares, cell)
        if low is not None and high is not None and low > high:
            raise InputError(f"{self.text}: no total lies from {low} to {high}")
        values = ((low if bound.is_lower else high) for bound in self.bounds)
        return tuple(
            UNLIMITED if value is None else bound.units(value) for value, bound in zip(values, self.bounds, strict=True)
        )


def split_heading(text: str) -> tuple[str, Operator, bool]:
    """Return the metrics of a heading, its operator, and whether its cells may be ranges."""
    subject, operator = split_operator(text)
    if subject == text and text.endswith("="):
        return text[:-1].strip(), operator, True
    return subject, operator, False


@dataclass(frozen=True)
class AskedHeading:
    """A heading of a batch over a LUT, before the problem is known.

    Attributes:
        upper: what has the upper bound; ``None`` if it has none.
        lower: the column of the lower bound, or the maximum that it is on; ``None`` if it has none.
    """

    text: str
    metrics: tuple[Metric, ...]
    upper: Budgeted | None
    lower: DerivedMetric | Metric | None

    @classmethod
    def of(cls, lut: Lut, text: str) -> AskedHeading:
        """Return what a heading asks.

        Raises:
            InputError: the LUT lacks a metric, or there is no such bound.
        """
        subject, operator, takes_range = split_heading(text)
        metrics = subject_metrics(lut, subject)
        if text == subject:
            check_sense(f"column {text!r}", metrics)
        upper = bounded_above(metrics) if operator != ">=" else None
        lower: DerivedMetric | Metric | None = None
        if operator != "<=" or takes_range:
            lower = metrics[0]
            if any(metric.aggregation == "sum" for metric in metrics) or len(metrics) > 1:
                bounded_below(f"column {text!r}", metrics, Decimal(0))  # raises for sums with a maximum
                lower = negated_sum(metrics)
        return cls(text, metrics, upper, lower)

    @property
    def columns(self) -> list[Budgeted]:
        """What is bounded and does not depend on values."""
        lower = [self.lower] if isinstance(self.lower, DerivedMetric) else []
        return [*([] if self.upper is None else [self.upper]), *lower]

    def resolved(
        self,
        lut: Lut,
        positions_of: Callable[[Budgeted], tuple[int, ...]],
        grids: Sequence[Grid],
        grid_of: Callable[[Metric], Grid],
        reference: str | None,
    ) -> Heading:
        """Return the heading for a problem with these grids; ``grid_of`` gives the grid of a maximum to reach."""
        bounds = []
        for bounded, is_lower in ((self.upper, False), (self.lower, True)):
            if bounded is None:
                continue
            if isinstance(bounded, str | DerivedMetric | MixedSum):
                positions = positions_of(bounded)
                finest = Grid(max(grids[m].decimals for m in positions))
                bounds.append(Bound(positions, finest, is_lower))
            else:
                grid = grid_of(bounded)
                bounds.append(Bound(Reach(bounded, grid), grid, is_lower))
        names = tuple(metric.name for metric in self.metrics)
        return Heading(self.text, names, tuple(bounds), shares_of(lut, self.metrics, reference))


def front_heading(front: Frontier, text: str) -> Heading:
    """Return a heading of a batch over a front; raises InputError as :func:`.front_budget`."""
    budget = front_budget(front.metrics, text)
    bound = Bound(budget.positions, budget.grid(front.grids), budget.is_lower)
    names = tuple(front.metric_names[m] for m in budget.positions)
    return Heading(text, names, (bound,), front.shares(names))


def check_headings(headings: Sequence[Heading]) -> None:
    """Check that no two headings bound the same from the same side.

    Raises:
        InputError: two do.
    """
    seen: dict[tuple[Target, bool], str] = {}
    for heading in headings:
        for bound in heading.bounds:
            target = tuple(sorted(bound.target)) if isinstance(bound.target, tuple) else bound.target
            other = seen.setdefault((target, bound.is_lower), heading.text)
            if other != heading.text:
                raise InputError(f"the columns {other!r} and {heading.text!r} are the same bound")

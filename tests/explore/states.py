"""Hypothesis strategies: what users set on pages, with budgets around the totals that a table has."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import strategies as st

from qabwnas.explore.state import PageState, Range
from qabwnas.lut.lut import Lut
from qabwnas.search import Scope


@st.composite
def ranges(draw: st.DrawFn, lut: Lut, limits: dict[str, tuple[Decimal, Decimal]], with_low: bool) -> dict[str, Range]:
    """Bounds on some metrics, as texts, with more digits than any slider gives."""
    found = {}
    for metric in lut.metrics:
        smallest, largest = limits[metric.name]

        def bound(smallest: Decimal = smallest, largest: Decimal = largest) -> str:
            share = Decimal(draw(st.integers(-1, 11))) / 10
            return f"{smallest + share * (largest - smallest):f}"

        low = bound() if with_low and draw(st.integers(0, 3)) == 0 else ""
        high = bound() if draw(st.booleans()) else ""
        if low and high and Decimal(low) > Decimal(high):
            low, high = high, low
        found[metric.name] = Range(low, high)
    return found


@st.composite
def states(draw: st.DrawFn, lut: Lut, limits: dict[str, tuple[Decimal, Decimal]], scope: Scope) -> PageState:
    metric = draw(st.sampled_from(lut.metrics))
    senses = ["minimize", "maximize"] if metric.aggregation == "sum" else ["minimize"]
    return PageState(
        objective=metric.name,
        sense=draw(st.sampled_from(senses)),
        ranges=draw(ranges(lut, limits, with_low=True)),
        top=draw(st.integers(1, 4)),
        min_distance=draw(st.integers(1, 2)) if not scope.has_named_sets else 1,
        bits=tuple(map(str, scope.bits)),
        pin=tuple(scope.pin),
        forbid=tuple(scope.forbid),
        weights={block: f"{weight}" for block, weight in scope.weights.items()},
    )

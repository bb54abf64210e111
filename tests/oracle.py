"""The slow, obvious way: every subnet is made and compared, with exact fractions of Python's own arithmetic.

It shares nothing with the package's arithmetic: a double is read as its shortest decimal, through its text.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction

from qabwnas.lut.lut import Lut

Vector = tuple[Fraction, ...]
Choice = tuple[int, ...]


def shortest(value: float) -> Fraction:
    return Fraction(Decimal(repr(float(value))))


def subnets(lut: Lut, metrics: Sequence[str]) -> list[tuple[Vector, Choice]]:
    """Every subnet's totals and candidates, in candidate order."""
    columns = {name: [[shortest(v) for v in block.column(name)] for block in lut.blocks] for name in metrics}
    result = []
    for choice in itertools.product(*(range(block.n_candidates) for block in lut.blocks)):
        vector = []
        for name in metrics:
            metric = lut.metric(name)
            parts = [columns[name][b][c] for b, c in enumerate(choice)]
            if metric.fixed is not None:
                parts.append(shortest(metric.fixed))
            vector.append(sum(parts, Fraction(0)) if metric.aggregation == "sum" else max(parts))
        result.append((tuple(vector), choice))
    return result


def at_most(a: Vector, b: Vector) -> bool:
    return all(x <= y for x, y in zip(a, b, strict=True))


def front(lut: Lut, metrics: Sequence[str]) -> list[tuple[Vector, Choice]]:
    """The non-dominated subnets, in the order of totals; of equal totals the one with the lowest candidates."""
    ordered = sorted(subnets(lut, metrics))
    kept: list[tuple[Vector, Choice]] = []
    for vector, choice in ordered:
        if not any(at_most(other, vector) for other, _ in kept):
            kept.append((vector, choice))
    return kept


def best(
    lut: Lut, minimize: str, budgets: Mapping[str, Fraction], top: int, distance: int = 1
) -> list[tuple[Vector, Choice]]:
    """The first ``top`` subnets that keep every budget, by objective, budgeted metrics in LUT order, candidates.

    Each differs from those before it in ``distance`` blocks or more.
    """
    metrics = [minimize, *(name for name in lut.metric_names if name in budgets and name != minimize)]
    bounds = [budgets.get(name) for name in metrics]
    feasible = [
        (vector, choice)
        for vector, choice in subnets(lut, metrics)
        if all(bound is None or total <= bound for total, bound in zip(vector, bounds, strict=True))
    ]
    taken: list[tuple[Vector, Choice]] = []
    for vector, choice in sorted(feasible):
        if len(taken) < top and all(differences(choice, other) >= distance for _, other in taken):
            taken.append((vector, choice))
    return taken


def differences(a: Choice, b: Choice) -> int:
    return sum(x != y for x, y in zip(a, b, strict=True))

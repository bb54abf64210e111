"""The slow, obvious way: every subnet is made and compared, with exact fractions of Python's own arithmetic.

It shares nothing with the package's arithmetic: a double is read as its shortest decimal, through its text.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction

from qabwnas.lut.lut import Lut

Vector = tuple[Fraction, ...]
Choice = tuple[int, ...]


def shortest(value: float) -> Fraction:
    return Fraction(Decimal(repr(float(value))))


Place = tuple[str | None, int | None, str]
"""Where an operation is pinned or forbidden: a block or all, a layer or all, and its name or ``#`` and a candidate."""


@dataclass(frozen=True)
class Limited:
    """What a scope says, spelled out: bit widths are names such as ``w4a8``."""

    weights: Mapping[str, Fraction] = field(default_factory=dict)
    everywhere: frozenset[str] = frozenset()
    own: Mapping[str, frozenset[str]] = field(default_factory=dict)
    homogeneous: bool = False
    pin: Sequence[Place] = ()
    forbid: Sequence[Place] = ()

    def may_be_chosen(self, lut: Lut, choice: Choice) -> bool:
        described = [
            lut.describe(block.name, candidate).split() for block, candidate in zip(lut.blocks, choice, strict=True)
        ]
        if self.homogeneous and len({words[-1] for words in described}) > 1:
            return False
        for block, candidate, words in zip(lut.block_names, choice, described, strict=True):
            widths = self.own.get(block, self.everywhere)
            if widths and words[-1] not in widths:
                return False
            for places, wanted in ((self.pin, True), (self.forbid, False)):
                for of_block, layer, what in places:
                    if of_block not in (None, block):
                        continue
                    if what.startswith("#"):
                        found = [what == f"#{candidate}"]
                    else:
                        found = [name == what for name in (words[:-1] if layer is None else [words[layer]])]
                    if not (all(found) if wanted else not any(found)):
                        return False
        return True


FREE = Limited()


def subnets(lut: Lut, metrics: Sequence[str], limited: Limited = FREE) -> list[tuple[Vector, Choice]]:
    """Every subnet's totals and candidates, in candidate order; the first metric is weighted."""
    columns = {name: [[shortest(v) for v in block.column(name)] for block in lut.blocks] for name in metrics}
    result = []
    for choice in itertools.product(*(range(block.n_candidates) for block in lut.blocks)):
        if limited != FREE and not limited.may_be_chosen(lut, choice):
            continue
        vector = []
        for m, name in enumerate(metrics):
            metric = lut.metric(name)
            parts = [columns[name][b][c] for b, c in enumerate(choice)]
            if m == 0:
                parts = [
                    part * limited.weights.get(block, 1) for part, block in zip(parts, lut.block_names, strict=True)
                ]
            if metric.fixed is not None:
                parts.append(shortest(metric.fixed))
            vector.append(sum(parts, Fraction(0)) if metric.aggregation == "sum" else max(parts))
        result.append((tuple(vector), choice))
    return result


def at_most(a: Vector, b: Vector) -> bool:
    return all(x <= y for x, y in zip(a, b, strict=True))


def front(lut: Lut, metrics: Sequence[str], limited: Limited = FREE) -> list[tuple[Vector, Choice]]:
    """The non-dominated subnets, in the order of totals; of equal totals the one with the lowest candidates."""
    ordered = sorted(subnets(lut, metrics, limited))
    kept: list[tuple[Vector, Choice]] = []
    for vector, choice in ordered:
        if not any(at_most(other, vector) for other, _ in kept):
            kept.append((vector, choice))
    return kept


def best(
    lut: Lut,
    minimize: str,
    budgets: Mapping[str, Fraction],
    top: int,
    distance: int = 1,
    limited: Limited = FREE,
) -> list[tuple[Vector, Choice]]:
    """The first ``top`` subnets that keep every budget, by objective, budgeted metrics in LUT order, candidates.

    Each differs from every one before it in ``distance`` blocks. A budget on a weighted objective is on its plain
    total.
    """
    weighted = any(weight != 1 for weight in limited.weights.values())
    budgeted = [name for name in lut.metric_names if name in budgets and (weighted or name != minimize)]
    bounds = [None if weighted else budgets.get(minimize), *(budgets[name] for name in budgeted)]
    found: list[tuple[Vector, Choice]] = []
    for vector, choice in sorted(subnets(lut, [minimize, *budgeted], limited)):
        fits = all(bound is None or total <= bound for total, bound in zip(vector, bounds, strict=True))
        apart = all(differences(choice, other) >= distance for _, other in found)
        if fits and apart and len(found) < top:
            found.append((vector, choice))
    return found


def differences(a: Choice, b: Choice) -> int:
    return sum(x != y for x, y in zip(a, b, strict=True))


def next_budget(
    lut: Lut, minimize: str, budgets: Mapping[str, Fraction], name: str, limited: Limited = FREE
) -> tuple[Fraction, Fraction] | None:
    """The smallest budget on ``name`` under which the best objective is better than it is, and that objective."""
    current = best(lut, minimize, budgets, 1, limited=limited)[0][0][0]
    columns = [minimize, *budgets]
    weighted = any(weight != 1 for weight in limited.weights.values())
    steps = []
    for vector, _ in subnets(lut, columns, limited):
        total = dict(zip(columns[1:], vector[1:], strict=True))
        if vector[0] < current and all(total[other] <= bound for other, bound in budgets.items() if other != name):
            steps.append((total[name], vector[0]))
    if not steps or (name == minimize and not weighted):
        return None
    least = min(total for total, _ in steps)
    return least, min(objective for total, objective in steps if total == least)

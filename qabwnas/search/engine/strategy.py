"""The strategy for one search: search directly, or build the front within the budgets if that is faster."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from qabwnas.io.numeric import Number
from qabwnas.search.engine.backend import COMPLETE, INFEASIBLE, LIMIT, Backend
from qabwnas.search.engine.bit_width_groups import UNBOUNDED, Limits, Subnets, best, front
from qabwnas.search.model.grid import UNLIMITED, exact_negative
from qabwnas.search.model.problem import Problem

if TYPE_CHECKING:
    from qabwnas.search.constraints.budgets import Budgeted
    from qabwnas.search.engine.coupled import Coupling

Method = Literal["auto", "front", "direct"]
METHODS: tuple[Method, ...] = get_args(Method)
MethodUsed = Literal["front", "direct"]

DEFAULT_MAX_MEMORY = 4 << 30
"""How many bytes building a front may use."""

_TURNS = ((50_000, 64 << 20), (1_000_000, DEFAULT_MAX_MEMORY))
"""The limits of each turn: partial subnets of the direct search, then bytes of the front. The first turns take less
than a second."""

_MAX_FRONT_METRICS = 3


def solve(
    problem: Problem,
    bounds: NDArray[np.int64],
    k: int,
    kernels: Backend,
    min_distance: int = 1,
    method: Method = "auto",
    limits: Limits = UNBOUNDED,
    couplings: Sequence[Coupling] = (),
) -> tuple[Subnets, MethodUsed]:
    """Return the ``k`` best subnets within ``bounds`` that keep all coupled budgets, and which method found them.

    ``auto`` searches directly. If a front could answer too, both take turns with growing limits until one finishes:
    on hard instances with many nearly equal subnets the front is faster, on instances with huge fronts the direct
    search is, and neither is known in advance. The front takes turns only for one subnet, over at most three metrics
    (fronts over more grow too fast), and without limits, because it could not observe them.
    """
    if method == "front":
        return _first_of_front(problem, bounds, DEFAULT_MAX_MEMORY, kernels, couplings), "front"
    if couplings:
        from qabwnas.search.engine.coupled import best_coupled

        return best_coupled(problem, bounds, k, kernels, couplings, limits), "direct"
    if method == "auto" and k == 1 and limits == UNBOUNDED and 1 < len(problem.metrics) <= _MAX_FRONT_METRICS:
        for n_nodes, n_bytes in _TURNS:
            found = best(problem, bounds, k, kernels, limits=Limits(n_nodes))
            if found.status != LIMIT:
                return found, "direct"
            found = _first_of_front(problem, bounds, n_bytes, kernels)
            if found.status != LIMIT:
                return found, "front"
    return best(problem, bounds, k, kernels, min_distance, limits), "direct"


def _first_of_front(
    problem: Problem,
    bounds: NDArray[np.int64],
    n_bytes: int,
    kernels: Backend,
    couplings: Sequence[Coupling] = (),
) -> Subnets:
    points = front(problem, bounds, 0.0, n_bytes, kernels)
    keep = np.ones(len(points.totals), dtype=np.bool_)
    for coupling in couplings:
        keep &= coupling.holds(points.totals)
    first = np.flatnonzero(keep)[:1]
    if points.status == COMPLETE and not first.size:
        return Subnets(INFEASIBLE, points.totals[first], points.choices.of(first))
    bound = int(points.totals[first[0], 0]) if points.status == COMPLETE else 0
    return Subnets(points.status, points.totals[first], points.choices.of(first), bound)


def smallest_totals(
    problem: Problem, budgets: Mapping[Budgeted, Number], kernels: Backend, limits: Limits = UNBOUNDED
) -> dict[Budgeted, Decimal | None]:
    """Return for everything budgeted its smallest total under the other budgets; ``None`` if no subnet keeps those.

    Columns are left out whose smallest total is not proved within the limits, or is no total that a user named.
    """
    from qabwnas.search.engine.coupled import best_coupled, couplings_of, smallest_mixed_sum
    from qabwnas.search.model.derived import MixedSum

    smallest: dict[Budgeted, Decimal | None] = {}
    for name in budgets:
        if isinstance(name, MixedSum):
            status, total = smallest_mixed_sum(problem, name, budgets, kernels, limits)
            if status != LIMIT:
                smallest[name] = total
            continue
        if not (isinstance(name, str) or name.has_user_total):
            continue
        minimizing = problem.with_objective(problem.position(name))
        bounds = minimizing.budget_units(budgets)
        bounds[0] = UNLIMITED
        found = best_coupled(minimizing, bounds, 1, kernels, couplings_of(minimizing, budgets), limits)
        if found.status != LIMIT:
            smallest[name] = minimizing.grids[0].decimal(found.bound) if found.status == COMPLETE else None
    return smallest


def by_bound(
    extremes: Mapping[Budgeted, Decimal | None],
) -> tuple[dict[str, Decimal | None], dict[str, Decimal | None]]:
    """Return the smallest totals by metric, and the largest ones, from those of :func:`smallest_totals`."""
    from qabwnas.search.model.derived import MixedSum

    smallest: dict[str, Decimal | None] = {}
    largest: dict[str, Decimal | None] = {}
    for column, total in extremes.items():
        if isinstance(column, str):
            smallest[column] = total
        elif isinstance(column, MixedSum) or column.sign > 0:
            smallest[column.subject] = total
        else:
            largest[column.subject] = None if total is None else exact_negative(total)
    return smallest, largest

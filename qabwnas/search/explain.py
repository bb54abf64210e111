"""Explanation of an answer: which budgets bind, which larger budget would improve the objective, and by how much."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from qabwnas.errors import InputError
from qabwnas.io.numeric import Number, WholeNumber, exact_number
from qabwnas.search.arguments import (
    Budget,
    LutSource,
    checked_budgets,
    checked_objective,
    compared_metrics,
    opened_lut,
)
from qabwnas.search.callable_module import make_callable
from qabwnas.search.constraints.budgets import Budgeted, Column
from qabwnas.search.constraints.scope import Scope
from qabwnas.search.engine.backend import INFEASIBLE, LIMIT, Backend, select_backend
from qabwnas.search.engine.bit_width_groups import UNBOUNDED, Limits, Subnets
from qabwnas.search.engine.coupled import best_coupled, coupling_of, couplings_of, grid_of_sum, smallest_mixed_sum
from qabwnas.search.engine.strategy import by_bound, smallest_totals, solve
from qabwnas.search.model.derived import DerivedMetric, MixedSum
from qabwnas.search.model.grid import UNLIMITED, exact_difference, exact_negative
from qabwnas.search.model.problem import Problem, objective_of


@dataclass(frozen=True)
class BudgetEffect:
    """The effect of one budget on the best subnet, while the other budgets stay the same.

    Attributes:
        metric, budget: the budget; of a lower bound, all about smaller and larger budgets is the other way round.
        slack: how much of the budget the best subnet does not use.
        next_budget: the smallest budget that improves the objective; ``None`` if none does: the budget does not bind.
            Under a larger budget a tie in the objective may still be broken differently.
        growth: ``next_budget`` − ``budget``.
        next_objective: the best objective under ``next_budget``.
        gain: by how much ``next_objective`` is better than the current best.
        sense: whether the budget is an upper bound, ``at most``, or a lower one, ``at least``.
    """

    metric: str
    budget: Decimal
    slack: Decimal
    next_budget: Decimal | None = None
    growth: Decimal | None = None
    next_objective: Decimal | None = None
    gain: Decimal | None = None
    sense: Literal["at most", "at least"] = "at most"

    @property
    def binds(self) -> bool:
        return self.next_budget is not None


@dataclass(frozen=True)
class Explanation:
    """The explanation of the answer to a search.

    Attributes:
        minimized: the name of the minimised metric: ``weighted loss`` if blocks have weights.
        objective: the best objective; ``None`` if nothing fits, or if it was not proved within the limits.
        effects: one per budget, in the given order, without those that were not proved within the limits; empty if
            nothing fits.
        smallest, largest: as in :class:`~qabwnas.search.api.SearchResult`.
    """

    minimized: str
    objective: Decimal | None
    effects: tuple[BudgetEffect, ...]
    smallest: dict[str, Decimal | None]
    largest: dict[str, Decimal | None] = field(default_factory=dict)

    def __hash__(self) -> int:
        return hash((self.minimized, self.objective, self.effects))


def explain(
    lut: LutSource,
    *,
    minimize: str | None = None,
    maximize: str | None = None,
    budgets: Mapping[str, Budget] | None = None,
    scope: Scope | None = None,
    time_limit: Number | None = None,
    node_limit: WholeNumber | None = None,
    backend: str | None = None,
) -> Explanation:
    """Explain the answer of :func:`qabwnas.search` to the same arguments; raises the same errors.

    It also refuses a lower bound on a maximum, which has no next budget.

    >>> explanation = qabwnas.explain(lut, budgets={"size_bytes": 1_500_000, "latency_ms": 20})
    >>> [effect.metric for effect in explanation.effects if effect.binds]

    The time limit holds for all searches together, the node limit for each of them.

    Complexity: two direct searches per budget: one for its metric under the other budgets, one for the objective.
    """
    limits = Limits.of(time_limit, node_limit, time.perf_counter())
    lut = opened_lut(lut)
    kernels = select_backend(backend)
    bounds = checked_budgets(lut, budgets)
    columns = compared_metrics(lut, checked_objective(lut, minimize, maximize), bounds, scope)
    return explain_problem(Problem.of(lut, columns, kernels, scope, k=1), bounds, kernels, limits)


def explain_problem(
    problem: Problem, budgets: Mapping[Budgeted, Number], kernels: Backend, limits: Limits = UNBOUNDED
) -> Explanation:
    """Explain the best subnet of a problem under budgets on its metrics, as far as the limits allow a proof."""
    for column in budgets:
        if isinstance(column, DerivedMetric) and not column.has_user_total:
            raise InputError(f"explain: the lower bound on the maximum {column.subject!r} has no next budget")
    minimized, sense = objective_of(problem)
    couplings = couplings_of(problem, budgets)
    found, _ = solve(problem, problem.budget_units(budgets), 1, kernels, limits=limits, couplings=couplings)
    if found.status == INFEASIBLE:
        return Explanation(minimized, None, (), *by_bound(smallest_totals(problem, budgets, kernels, limits)))
    if found.status == LIMIT:
        return Explanation(minimized, None, (), {})
    effects = (
        _mixed_effect(problem, column, budgets, found.totals[0], kernels, limits)
        if isinstance(column, MixedSum)
        else _effect(problem, column, budgets, found.totals[0], kernels, limits)
        for column in budgets
    )
    objective = problem.grids[0].decimal(int(found.totals[0, 0]))
    if sense == "maximize":
        objective = exact_negative(objective)
    return Explanation(minimized, objective, tuple(effect for effect in effects if effect is not None), {})


def _effect(
    problem: Problem,
    column: Column,
    budgets: Mapping[Budgeted, Number],
    totals: NDArray[np.int64],
    kernels: Backend,
    limits: Limits,
) -> BudgetEffect | None:
    """Return the effect of a budget, or ``None`` if it was not proved within the limits."""
    m = problem.position(column)
    grid = problem.grids[m]
    name = column if isinstance(column, str) else column.subject
    is_lower = not isinstance(column, str) and column.sign < 0
    budget = exact_difference(exact_number(f"budget {name!r}", budgets[column]), Decimal(0))
    slack = exact_difference(budget, grid.decimal(int(totals[m])))
    unbound = BudgetEffect(name, _turned(budget, is_lower), slack, sense="at least" if is_lower else "at most")
    if m == 0:  # the objective is already minimal
        return unbound
    objective = int(totals[0])
    by_metric = problem.with_objective(m)
    bounds = by_metric.budget_units(budgets)
    bounds[0] = UNLIMITED
    bounds[1] = objective - 1
    better = best_coupled(by_metric, bounds, 1, kernels, couplings_of(by_metric, budgets), limits)
    if better.status == LIMIT:
        return None
    if better.status == INFEASIBLE:
        return unbound
    bounds = problem.budget_units(budgets)
    bounds[m] = better.totals[0, 0]
    best_there = best_coupled(problem, bounds, 1, kernels, couplings_of(problem, budgets), limits)
    return _bound_effect(problem, unbound, objective, best_there, grid.decimal(int(better.totals[0, 0])), is_lower)


def _bound_effect(
    problem: Problem, unbound: BudgetEffect, objective: int, best_there: Subnets, next_budget: Decimal, is_lower: bool
) -> BudgetEffect | None:
    """Return the effect of a budget that binds, from the best subnet under the next one; ``None`` if it is unproved."""
    if best_there.status == LIMIT:
        return None
    gained, budget = int(best_there.totals[0, 0]), _turned(unbound.budget, is_lower)
    return replace(
        unbound,
        next_budget=_turned(next_budget, is_lower),
        growth=_turned(exact_difference(next_budget, budget), is_lower),
        next_objective=_turned(problem.grids[0].decimal(gained), objective_of(problem)[1] == "maximize"),
        gain=problem.grids[0].decimal(objective - gained),
    )


def _mixed_effect(
    problem: Problem,
    mixed: MixedSum,
    budgets: Mapping[Budgeted, Number],
    totals: NDArray[np.int64],
    kernels: Backend,
    limits: Limits,
) -> BudgetEffect | None:
    """Return the effect of a budget on a sum with a maximum, or ``None`` if it was not proved within the limits."""
    coupling = coupling_of(problem, mixed)
    grid = grid_of_sum([problem.grids[m] for m in coupling.scales])
    total = grid.decimal(sum(int(totals[m]) * scale for m, scale in coupling.scales.items()))
    budget = exact_difference(exact_number(f"budget {mixed.subject!r}", budgets[mixed]), Decimal(0))
    unbound = BudgetEffect(mixed.subject, budget, exact_difference(budget, total))
    objective = int(totals[0])
    status, next_budget = smallest_mixed_sum(problem, mixed, budgets, kernels, limits, objective - 1)
    if status == LIMIT:
        return None
    if next_budget is None:
        return unbound
    widened = {**budgets, mixed: next_budget}
    bounds = problem.budget_units(widened)
    best_there = best_coupled(problem, bounds, 1, kernels, couplings_of(problem, widened), limits)
    return _bound_effect(problem, unbound, objective, best_there, next_budget, is_lower=False)


def _turned(value: Decimal, is_negated: bool) -> Decimal:
    return exact_negative(value) if is_negated else value


make_callable(__name__)  # so that `from qabwnas.search import explain` gives a function too

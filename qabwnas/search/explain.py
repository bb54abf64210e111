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
from qabwnas.search.engine.bit_width_groups import UNBOUNDED, Limits, best
from qabwnas.search.engine.strategy import by_bound, smallest_totals, solve
from qabwnas.search.model.derived import MixedSum
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

    It also refuses a lower bound on a maximum, and a budget on a sum that includes one: they have no next budget.

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
        if isinstance(column, MixedSum) or not (isinstance(column, str) or column.has_user_total):
            raise InputError(f"explain: the budget on {column.subject!r} involves a maximum and has no next budget")
    minimized, sense = objective_of(problem)
    found, _ = solve(problem, problem.budget_units(budgets), 1, kernels, limits=limits)
    if found.status == INFEASIBLE:
        return Explanation(minimized, None, (), *by_bound(smallest_totals(problem, budgets, kernels, limits)))
    if found.status == LIMIT:
        return Explanation(minimized, None, (), {})
    columns = [column for column in budgets if not isinstance(column, MixedSum)]
    effects = (_effect(problem, name, budgets, found.totals[0], kernels, limits) for name in columns)
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
    grid, objective_grid = problem.grids[m], problem.grids[0]
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
    better = best(by_metric, bounds, 1, kernels, limits=limits)
    if better.status == LIMIT:
        return None
    if better.status == INFEASIBLE:
        return unbound
    bounds = problem.budget_units(budgets)
    bounds[m] = better.totals[0, 0]
    best_there = best(problem, bounds, 1, kernels, limits=limits)
    if best_there.status == LIMIT:
        return None
    gained = int(best_there.totals[0, 0])
    next_budget = grid.decimal(int(better.totals[0, 0]))
    return replace(
        unbound,
        next_budget=_turned(next_budget, is_lower),
        growth=_turned(exact_difference(next_budget, budget), is_lower),
        next_objective=_turned(objective_grid.decimal(gained), objective_of(problem)[1] == "maximize"),
        gain=objective_grid.decimal(objective - gained),
    )


def _turned(value: Decimal, is_negated: bool) -> Decimal:
    return exact_negative(value) if is_negated else value


make_callable(__name__)  # so that `from qabwnas.search import explain` gives a function too

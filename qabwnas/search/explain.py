"""Explanation of an answer: which budgets bind, which larger budget would improve the objective, and by how much."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from qabwnas.io.numeric import Number, WholeNumber, exact_number
from qabwnas.search.arguments import LutSource, checked_budgets, compared_metrics, opened_lut
from qabwnas.search.callable_module import make_callable
from qabwnas.search.constraints.scope import Scope
from qabwnas.search.engine.backend import INFEASIBLE, LIMIT, Backend, select_backend
from qabwnas.search.engine.bit_width_groups import UNBOUNDED, Limits, best
from qabwnas.search.engine.strategy import smallest_totals, solve
from qabwnas.search.model.grid import UNLIMITED, exact_difference
from qabwnas.search.model.problem import Problem


@dataclass(frozen=True)
class BudgetEffect:
    """The effect of one budget on the best subnet, while the other budgets stay the same.

    Attributes:
        metric, budget: the budget.
        slack: how much of the budget the best subnet does not use.
        next_budget: the smallest budget that improves the objective; ``None`` if none does: the budget does not bind.
            Under a larger budget a tie in the objective may still be broken differently.
        growth: ``next_budget`` − ``budget``.
        next_objective: the best objective under ``next_budget``.
        gain: by how much ``next_objective`` is smaller than the current best.
    """

    metric: str
    budget: Decimal
    slack: Decimal
    next_budget: Decimal | None = None
    growth: Decimal | None = None
    next_objective: Decimal | None = None
    gain: Decimal | None = None

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
        smallest: as in :class:`~qabwnas.search.api.SearchResult`.
    """

    minimized: str
    objective: Decimal | None
    effects: tuple[BudgetEffect, ...]
    smallest: dict[str, Decimal | None]

    def __hash__(self) -> int:
        return hash((self.minimized, self.objective, self.effects))


def explain(
    lut: LutSource,
    *,
    minimize: str | None = None,
    budgets: Mapping[str, Number] | None = None,
    scope: Scope | None = None,
    time_limit: Number | None = None,
    node_limit: WholeNumber | None = None,
    backend: str | None = None,
) -> Explanation:
    """Explain the answer of :func:`qabwnas.search` to the same arguments; raises the same errors.

    >>> explanation = qabwnas.explain(lut, budgets={"size_bytes": 1_500_000, "latency_ms": 20})
    >>> [effect.metric for effect in explanation.effects if effect.binds]

    The time limit holds for all searches together, the node limit for each of them.

    Complexity: two direct searches per budget: one for its metric under the other budgets, one for the objective.
    """
    limits = Limits.of(time_limit, node_limit, time.perf_counter())
    lut = opened_lut(lut)
    kernels = select_backend(backend)
    budgets = checked_budgets(budgets)
    problem = Problem.of(lut, compared_metrics(lut, minimize, budgets, scope), kernels, scope, k=1)
    return explain_problem(problem, budgets, kernels, limits)


def explain_problem(
    problem: Problem, budgets: Mapping[str, Number], kernels: Backend, limits: Limits = UNBOUNDED
) -> Explanation:
    """Explain the best subnet of a problem under budgets on its metrics, as far as the limits allow a proof."""
    minimized = problem.metric_names[0]
    found, _ = solve(problem, problem.budget_units(budgets), 1, kernels, limits=limits)
    if found.status == INFEASIBLE:
        return Explanation(minimized, None, (), smallest_totals(problem, budgets, kernels, limits))
    if found.status == LIMIT:
        return Explanation(minimized, None, (), {})
    effects = (_effect(problem, name, budgets, found.totals[0], kernels, limits) for name in budgets)
    objective = problem.grids[0].decimal(int(found.totals[0, 0]))
    return Explanation(minimized, objective, tuple(effect for effect in effects if effect is not None), {})


def _effect(
    problem: Problem,
    name: str,
    budgets: Mapping[str, Number],
    totals: NDArray[np.int64],
    kernels: Backend,
    limits: Limits,
) -> BudgetEffect | None:
    """Return the effect of a budget, or ``None`` if it was not proved within the limits."""
    m = problem.metric_names.index(name)
    grid, objective_grid = problem.grids[m], problem.grids[0]
    budget = exact_difference(exact_number(f"budget {name!r}", budgets[name]), Decimal(0))
    slack = exact_difference(budget, grid.decimal(int(totals[m])))
    if m == 0:  # the objective is already minimal
        return BudgetEffect(name, budget, slack)
    objective = int(totals[0])
    by_metric = problem.with_objective(m)
    bounds = by_metric.budget_units(budgets)
    bounds[0] = UNLIMITED
    bounds[1] = objective - 1
    better = best(by_metric, bounds, 1, kernels, limits=limits)
    if better.status == LIMIT:
        return None
    if better.status == INFEASIBLE:
        return BudgetEffect(name, budget, slack)
    bounds = problem.budget_units(budgets)
    bounds[m] = better.totals[0, 0]
    best_there = best(problem, bounds, 1, kernels, limits=limits)
    if best_there.status == LIMIT:
        return None
    gained = int(best_there.totals[0, 0])
    next_budget = grid.decimal(int(better.totals[0, 0]))
    return BudgetEffect(
        name,
        budget,
        slack,
        next_budget,
        exact_difference(next_budget, budget),
        objective_grid.decimal(gained),
        objective_grid.decimal(objective - gained),
    )


make_callable(__name__)  # so that `from qabwnas.search import explain` gives a function too

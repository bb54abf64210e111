"""What an answer rests on: which budgets bind, what the next larger one of each is, and what that gains."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from qabwnas.io.numeric import Number, WholeNumber, exact_number
from qabwnas.lut.lut import Lut
from qabwnas.search.api import checked_budgets, compared_metrics, limits_of, smallest_totals
from qabwnas.search.constraints.scope import Scope
from qabwnas.search.engine.backend import INFEASIBLE, LIMIT, Backend, select_backend
from qabwnas.search.engine.bit_width_groups import UNBOUNDED, Limits, best
from qabwnas.search.engine.strategy import solve
from qabwnas.search.model.grid import UNLIMITED, exact_difference
from qabwnas.search.model.problem import Problem


@dataclass(frozen=True)
class BudgetEffect:
    """What one budget does to the best subnet, the other budgets being as they are.

    Attributes:
        metric, budget: the budget.
        slack: what the best subnet leaves of it.
        next_budget: the smallest one under which the objective is better; ``None`` where none makes it so: the budget
            does not bind. A tie in the objective may still be broken another way under a larger budget.
        growth: by how much it is larger than ``budget``.
        next_objective: the best objective under it.
        gain: by how much that is smaller.
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
    """What the answer to a search rests on.

    Attributes:
        minimized: the name of what was minimised: ``weighted loss`` where blocks have weights.
        objective: the best; ``None`` where nothing fits, or it was not proved within the limits.
        effects: one a budget, in the order given, but for those that were not proved within the limits; empty where
            nothing fits.
        smallest: as in a :class:`~qabwnas.search.api.SearchResult`.
    """

    minimized: str
    objective: Decimal | None
    effects: tuple[BudgetEffect, ...]
    smallest: dict[str, Decimal | None]

    def __hash__(self) -> int:
        return hash((self.minimized, self.objective, self.effects))


def explain(
    lut: Lut,
    *,
    minimize: str | None = None,
    budgets: Mapping[str, Number] | None = None,
    scope: Scope | None = None,
    time_limit: Number | None = None,
    node_limit: WholeNumber | None = None,
    backend: str | None = None,
) -> Explanation:
    """Explain what :func:`qabwnas.search` answers to the same arguments; raises what that does.

    The time limit holds for all of it, the node limit for each of its searches.

    Complexity: two direct searches a budget, one for its metric under the others, and one for the objective.
    """
    limits = limits_of(time_limit, node_limit, time.perf_counter())
    kernels = select_backend(backend)
    budgets = checked_budgets(budgets)
    problem = Problem.of(lut, compared_metrics(lut, minimize, budgets, scope), kernels, scope, k=1)
    return explain_problem(problem, budgets, kernels, limits)


def explain_problem(
    problem: Problem, budgets: Mapping[str, Number], kernels: Backend, limits: Limits = UNBOUNDED
) -> Explanation:
    """Explain the best subnet of a problem under budgets on its metrics, as far as that is proved within the limits."""
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
    """Return what a budget does; ``None`` where that is not proved within the limits."""
    m = problem.metric_names.index(name)
    grid, objective_grid = problem.grids[m], problem.grids[0]
    budget = exact_difference(exact_number(f"budget {name!r}", budgets[name]), Decimal(0))
    slack = exact_difference(budget, grid.decimal(int(totals[m])))
    if m == 0:  # what is minimised is as small as it can be
        return BudgetEffect(name, budget, slack)
    objective = int(totals[0])
    led = problem.led_by(m)
    bounds = led.budget_units(budgets)
    bounds[0] = UNLIMITED
    bounds[1] = objective - 1
    better = best(led, bounds, 1, kernels, limits=limits)
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

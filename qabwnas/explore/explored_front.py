"""A built front on the page: every answer is that of :meth:`.Frontier.query`."""

from __future__ import annotations

import shlex
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from functools import cache

import numpy as np
from numpy.typing import NDArray

from qabwnas.errors import InputError
from qabwnas.explore.outcome import Outcome
from qabwnas.explore.state import MAXIMIZE, PageState
from qabwnas.search import BudgetEffect, Explanation, Frontier, SearchResult
from qabwnas.search.model.grid import exact_difference


class ExploredFront:
    """A front; :class:`.Explored` documents the attributes. Threads may share it.

    The smallest budgets and the effects of budgets are read off the points: O(points) for each budget.
    """

    def __init__(self, front: Frontier, path: str) -> None:
        self.path, self.run = path, ""
        self.metrics, self.block_names = front.metrics, front.block_names
        self.facts = f"{len(front.block_names):,} blocks · {len(front):,} points of a front"
        if front.region.epsilon > 0:
            self.facts += f", thinned: ε = {front.region.epsilon:f}"
        self.maximizable: frozenset[str] = frozenset()
        self.widths: tuple[str, ...] = ()
        self.operations: tuple[str, ...] = ()
        self.has_scope = False
        self.has_unmeasured = False
        self._front = front
        self._sorted_by = cache(self._with_objective)

    def limits(self, metric: str) -> tuple[Decimal, Decimal]:
        m = self._front.metric_names.index(metric)
        grid, units = self._front.grids[m], self._front.units[:, m]
        return grid.decimal(int(units.min())), grid.decimal(int(units.max()))

    def describe(self, block: str, candidate: int) -> str:
        describe = self._front.describe
        return f"#{candidate}" if describe is None else describe(block, candidate)

    def answer(self, state: PageState, page: str) -> Outcome:  # noqa: ARG002 - a front needs no session
        started = time.perf_counter()
        front, budgets = self._sorted_by(state.objective), _upper_bounds(state)
        # Points are sorted, so without budgets the first one is the best.
        point = front.query({name: np.array([bound]) for name, bound in budgets.items()}).item() if budgets else 0
        result = SearchResult(
            status="infeasible" if point < 0 else "optimal",
            minimized=state.objective,
            answers=() if point < 0 else (front[point],),
            method="front",
            backend=front.backend,
            seconds=time.perf_counter() - started,
            bound=None if point < 0 else front[point].objective,
            gap=None if point < 0 else Decimal(0),
            smallest=_smallest(front, budgets) if point < 0 else {},
        )
        if point < 0 or not budgets:
            return Outcome(result, budgets)
        effects = tuple(_effect(front, point, metric, budgets) for metric in budgets)
        return Outcome(result, budgets, Explanation(state.objective, result.bound, effects, {}))

    def front(self, state: PageState, others: Sequence[str]) -> Frontier:  # noqa: ARG002 - it has all metrics
        return self._sorted_by(state.objective)

    def command(self, state: PageState) -> str:
        """Return a batch of one row, which it reads from a pipe."""
        budgets = state.budget_texts() or {state.objective: ""}
        table = f"{','.join(map(_csv_cell, budgets))}\\n{','.join(budgets.values())}\\n"
        batch = shlex.join(["qabwnas", "batch", self.path, "-", "-o", "-", "--minimize", state.objective])
        return f"printf {shlex.quote(table.replace('%', '%%'))} | {batch}"

    def python(self, state: PageState) -> str:
        budgets = {metric: str(bound) for metric, bound in _upper_bounds(state).items()}
        numbers = ", ".join(f"{metric!r}: Decimal({bound!r})" for metric, bound in budgets.items())
        lines = ["from decimal import Decimal", ""] if budgets else []
        lines += ["import qabwnas", "", f"front = qabwnas.Frontier.open({self.path!r})"]
        if state.objective != self._front.metric_names[0]:
            lines.append(f"front = front.with_objective({state.objective!r})")
        point = f"front.query({{{numbers}}}).item()" if budgets else "0"
        lines.append(f"point = {point}")
        answer = "front[point].totals, front[point].choice"
        return "\n".join([*lines, f'print(*({answer}) if point >= 0 else ("nothing fits",))'])

    def _with_objective(self, objective: str) -> Frontier:
        front = self._front
        return front if objective == front.metric_names[0] else front.with_objective(objective)


def _upper_bounds(state: PageState) -> dict[str, Decimal]:
    if state.sense == MAXIMIZE:
        raise InputError("a front is searched for its smallest totals; explore its LUT to maximize")
    budgets = state.budgets()
    for key in budgets:
        if key.endswith(">="):
            raise InputError(f"{key}: a front answers upper bounds only; explore its LUT for lower bounds")
    return budgets


def _csv_cell(name: str) -> str:
    return '"' + name.replace('"', '""') + '"' if set(name) & set(',"\n\r') else name


def _fitting(front: Frontier, budgets: Mapping[str, Decimal], without: str) -> NDArray[np.bool_]:
    """Return which points are within all budgets but one, bool ``(n_points,)``."""
    fit = np.ones(len(front), dtype=np.bool_)
    for metric, bound in budgets.items():
        if metric != without:
            m = front.metric_names.index(metric)
            fit &= front.units[:, m] <= front.grids[m].floor(bound)
    return fit


def _smallest(front: Frontier, budgets: Mapping[str, Decimal]) -> dict[str, Decimal | None]:
    smallest: dict[str, Decimal | None] = {}
    for metric in budgets:
        m = front.metric_names.index(metric)
        units = front.units[_fitting(front, budgets, metric), m]
        smallest[metric] = front.grids[m].decimal(int(units.min())) if len(units) else None
    return smallest


def _effect(front: Frontier, point: int, metric: str, budgets: Mapping[str, Decimal]) -> BudgetEffect:
    """Return the effect of a budget, as :func:`qabwnas.explain` defines it."""
    m = front.metric_names.index(metric)
    grid, units = front.grids[m], front.units[:, m]
    unbound = BudgetEffect(metric, budgets[metric], exact_difference(budgets[metric], grid.decimal(int(units[point]))))
    fit, objective = _fitting(front, budgets, metric), int(front.units[point, 0])
    better = fit & (front.units[:, 0] < objective)
    if m == 0 or not better.any():
        return unbound
    next_units = int(units[better].min())
    best = int(front.units[fit & (units <= next_units), 0].min())
    next_budget = grid.decimal(next_units)
    return replace(
        unbound,
        next_budget=next_budget,
        growth=exact_difference(next_budget, budgets[metric]),
        next_objective=front.grids[0].decimal(best),
        gain=front.grids[0].decimal(objective - best),
    )

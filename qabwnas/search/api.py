"""The best subnets of a LUT under budgets: validated here, found and proved by a backend."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from qabwnas.errors import FrontLimitError, InputError
from qabwnas.io.numeric import Number, WholeNumber, exact_number, shown, whole_number
from qabwnas.lut.lut import Lut
from qabwnas.search.engine.backend import COMPLETE, INFEASIBLE, LIMIT, Backend, select_backend
from qabwnas.search.engine.bit_width_groups import UNBOUNDED, Limits, Subnets, best
from qabwnas.search.engine.strategy import DEFAULT_MAX_MEMORY, METHODS, Method, MethodUsed, solve
from qabwnas.search.model.grid import UNLIMITED, Grid
from qabwnas.search.model.problem import Problem, check_lut, check_scope
from qabwnas.search.model.totals import totals_in

if TYPE_CHECKING:
    from qabwnas.search.constraints.scope import Scope

TotalsIn = Callable[[Lut, str, NDArray[np.int32], Backend], Sequence[Decimal | None]]
"""What :func:`.totals_in` computes, or has kept."""

_GAP_GRID = Grid(decimals=6)
_MOST_ANSWERS = 2**31 - 1


@dataclass(frozen=True)
class Answer:
    """One subnet.

    Attributes:
        objective: what was minimised, exactly: the total of that metric, or, with weights, its weighted total.
        totals: exact totals, unweighted, of every metric that was measured for all its candidates.
        choice: block name → candidate.
    """

    objective: Decimal
    totals: dict[str, Decimal]
    choice: dict[str, int]

    def __hash__(self) -> int:
        return hash((self.objective, frozenset(self.choice.items())))


@dataclass(frozen=True, repr=False)
class SearchResult:
    """What a search found.

    Attributes:
        status: ``optimal``: the answers are proved to be the best. ``infeasible``: no subnet fits. At a limit
            ``feasible``: the answers keep the budgets, and any distance, but none is proved: better ones may be missing
            before, between and behind them, and there may be fewer than fit. Or ``unknown``: none was found yet.
        minimized: the name of what was minimised: ``weighted loss`` where blocks have weights.
        answers: subnets, best first; fewer than asked for where fewer fit.
        method: ``direct`` or ``front``, whichever gave the answers.
        backend: which kernels made it, ``cpp`` or ``numba``.
        seconds: wall time of the search, setting up included.
        bound: no subnet that keeps the budgets has a smaller objective; that of the first answer where the status is
            ``optimal``, and ``None`` where it is ``infeasible``.
        gap: how far the first answer's objective may be from the best: (objective − bound) / |objective|, rounded up to
            6 decimals; 0 where they are equal, and ``None`` where there is no answer, or its objective is 0 and the
            bound is not. At gap 0 the objective is the best, though a tie may be broken another way.
        smallest: where nothing fits, for every budgeted metric the smallest total that the other budgets allow, or
            ``None`` where they allow nothing by themselves; empty otherwise. A limit may leave metrics out.
    """

    status: Literal["optimal", "infeasible", "feasible", "unknown"]
    minimized: str
    answers: tuple[Answer, ...]
    method: MethodUsed
    backend: str
    seconds: float
    bound: Decimal | None
    gap: Decimal | None
    smallest: dict[str, Decimal | None]

    def __hash__(self) -> int:
        return hash((self.status, self.minimized, self.answers, self.seconds))

    def __repr__(self) -> str:
        best = f", best {self.minimized!r} {self.answers[0].objective:f}" if self.answers else ""
        return f"<SearchResult {self.status} ({self.method}, {self.backend}): answers {len(self.answers)}{best}>"


def search(
    lut: Lut,
    *,
    minimize: str | None = None,
    budgets: Mapping[str, Number] | None = None,
    top: WholeNumber = 1,
    scope: Scope | None = None,
    distance: WholeNumber = 1,
    method: Method = "auto",
    time_limit: Number | None = None,
    node_limit: WholeNumber | None = None,
    backend: str | None = None,
) -> SearchResult:
    """Find the ``top`` subnets with the smallest total of ``minimize`` whose totals keep every budget, and prove it.

    Subnets are ordered by the objective, then by the budgeted metrics in the LUT's order, then by candidates in block
    order; so an answer is never dominated, and every backend gives the same one. Arithmetic is exact: a budget equal to
    a subnet's total admits it.

    Args:
        lut: the tables.
        minimize: the objective, a metric of the LUT; by default :func:`default_objective`.
        budgets: metric name → inclusive upper bound on the total, fixed part included, never weighted.
        top: how many answers, 1 or more.
        scope: what may be chosen, and weights of the objective; by default anything, unweighted.
        distance: in how many blocks answers must differ, 1 or more: the first is the best, each further one the best of
            those that differ so much from every answer before it.
        method: ``direct`` searches; ``front`` builds the front within the budgets, for one answer without limits;
            ``auto`` takes the one that is likely the quicker.
        time_limit: seconds, above 0, after which the direct search stops with what it has; setting up and pruning are
            always finished.
        node_limit: partial subnets, 1 or more, after which it does; their count is the backend's own.
        backend: ``auto``, ``cpp`` or ``numba``; by default what ``QABWNAS_BACKEND`` says.

    Raises:
        InputError: a metric is unknown or not measured throughout, a budget is not a number, the scope does not suit
            the LUT, or an argument is not of its kind.
        FrontLimitError: ``method`` is ``front``, which takes more than 4 GiB.
        BackendError: the backend cannot be loaded.
        KeyboardInterrupt: Ctrl-C, answered within a fifth of a second.

    Complexity: O(rows log rows) for pruning; then as the direct search (``csrc/solve/top.hpp``): exponential in the
    number of blocks at worst, microseconds to milliseconds on look-up tables of real networks.
    """
    question = Question.of(lut, minimize, budgets, top, scope, distance, method, time_limit, node_limit, backend)
    problem = Problem.of(lut, question.metric_names, question.kernels, scope, k=question.top)
    return question.answer(lut, problem, totals_in)


class Question(NamedTuple):
    """A validated search: what is compared, within what, and how; ``started`` is by :func:`time.perf_counter`."""

    metric_names: list[str]
    budgets: dict[str, Number]
    top: int
    scope: Scope | None
    distance: int
    method: Method
    limits: Limits
    kernels: Backend
    started: float

    @classmethod
    def of(
        cls,
        lut: Lut,
        minimize: str | None,
        budgets: Mapping[str, Number] | None,
        top: WholeNumber,
        scope: Scope | None,
        distance: WholeNumber,
        method: Method,
        time_limit: Number | None,
        node_limit: WholeNumber | None,
        backend: str | None,
    ) -> Question:
        """Validate the arguments of :func:`search`; raises as that does."""
        started = time.perf_counter()
        check_lut(lut)
        top, distance = whole_number("top", top), whole_number("distance", distance)
        limits = limits_of(time_limit, node_limit, started)
        _check_method(method, top, distance, limits)
        # No more than there are answers, and blocks to differ in: so both fit the integers that kernels count with.
        top, distance = min(top, lut.n_subnets, _MOST_ANSWERS), min(distance, len(lut.blocks) + 1)
        kernels = select_backend(backend)
        budgets = checked_budgets(budgets)
        names = compared_metrics(lut, minimize, budgets, scope)
        return cls(names, budgets, top, scope, distance, method, limits, kernels, started)

    def answer(self, lut: Lut, problem: Problem, totals: TotalsIn) -> SearchResult:
        """Return the answer; the problem is over ``metric_names``, within the scope, for ``top`` subnets at least."""
        bounds = problem.budget_units(self.budgets)
        found, used = solve(problem, bounds, self.top, self.kernels, self.distance, self.method, self.limits)
        if self.method == "front" and found.status == LIMIT:
            raise FrontLimitError(f"the front within the budgets takes more than {DEFAULT_MAX_MEMORY} bytes")
        smallest: dict[str, Decimal | None] = {}
        if found.status == INFEASIBLE:
            smallest = smallest_totals(problem, self.budgets, self.kernels, self.limits)
        answers = _answers(lut, problem, found, totals, self.kernels)
        bound = None if found.status == INFEASIBLE else problem.grids[0].decimal(found.bound)
        return SearchResult(
            status=_status(found),
            minimized=problem.metric_names[0],
            answers=answers,
            method=used,
            backend=self.kernels.name,
            seconds=time.perf_counter() - self.started,
            bound=bound,
            gap=_gap(int(found.totals[0, 0]), found.bound) if answers else None,
            smallest=smallest,
        )


def default_objective(metric_names: Sequence[str]) -> str:
    """Return the metric that is minimised where none is named: ``loss``, or ``nsr`` in a table without a ``loss``.

    Raises:
        InputError: there is neither.
    """
    for name in ("loss", "nsr"):
        if name in metric_names:
            return name
    raise InputError(f"there is neither 'loss' nor 'nsr' among {', '.join(metric_names)}: name what to minimize")


def checked_budgets(budgets: object) -> dict[str, Number]:
    """Return budgets as a dictionary, an empty one of ``None``.

    Raises:
        InputError: they are no mapping.
    """
    if budgets is None:
        return {}
    if not isinstance(budgets, Mapping):
        raise InputError(f"budgets: {shown(budgets)} is not a mapping of metric to number")
    return dict(budgets)


def compared_metrics(
    lut: Lut, minimize: str | None, budgets: Mapping[str, object] | Sequence[str], scope: Scope | None
) -> list[str]:
    """Return the metrics that a search compares: the objective, then those with budgets in the LUT's order.

    The objective is :func:`default_objective` where none is named. A weighted objective is another metric than the
    plain one, which may have a budget.

    Raises:
        InputError: the LUT is none, the objective is not one of its metrics, nor is what has a budget, or the scope is
            none.
    """
    check_lut(lut)
    check_scope(scope)
    if minimize is None:
        minimize = default_objective(lut.metric_names)
    if not isinstance(minimize, str):
        raise InputError(f"minimize: {shown(minimize)} is not the name of one metric; a Frontier is over several")
    for name in (minimize, *budgets):
        lut.metric(name)
    weighted = scope is not None and scope.is_weighted
    return [minimize, *(name for name in lut.metric_names if name in budgets and (weighted or name != minimize))]


def smallest_totals(
    problem: Problem, budgets: Mapping[str, Number], kernels: Backend, limits: Limits = UNBOUNDED
) -> dict[str, Decimal | None]:
    """Return every budgeted metric's smallest total under the others' budgets; ``None`` if nothing keeps those.

    Metrics whose smallest total is not proved within the limits are left out.
    """
    smallest: dict[str, Decimal | None] = {}
    for name in budgets:
        led = problem.led_by(problem.metric_names.index(name))
        bounds = led.budget_units(budgets)
        bounds[0] = UNLIMITED
        found = best(led, bounds, 1, kernels, limits=limits)
        if found.status != LIMIT:
            smallest[name] = led.grids[0].decimal(found.bound) if found.status == COMPLETE else None
    return smallest


def _answers(lut: Lut, problem: Problem, found: Subnets, totals: TotalsIn, kernels: Backend) -> tuple[Answer, ...]:
    if not len(found.totals):
        return ()
    others = [name for name in lut.metric_names if name not in problem.metric_names]
    other_totals = [totals(lut, name, found.candidates, kernels) for name in others]
    answers = []
    for n, candidates in enumerate(found.candidates):
        known = problem.decimals(found.totals[n])
        objective = known[problem.metric_names[0]]
        for name, column in zip(others, other_totals, strict=True):
            if (total := column[n]) is not None:
                known[name] = total
        in_order = {name: known[name] for name in lut.metric_names if name in known}
        answers.append(Answer(objective, in_order, dict(zip(lut.block_names, candidates.tolist(), strict=True))))
    return tuple(answers)


def _status(found: Subnets) -> Literal["optimal", "infeasible", "feasible", "unknown"]:
    if found.status == INFEASIBLE:
        return "infeasible"
    if found.status == LIMIT:
        return "feasible" if len(found.totals) else "unknown"
    return "optimal"


def _gap(objective: int, bound: int) -> Decimal | None:
    """The gap of an objective and a bound in the same units."""
    if objective == bound:
        return Decimal(0)
    if objective == 0:
        return None
    return _GAP_GRID.decimal(-((bound - objective) * 10**_GAP_GRID.decimals // abs(objective)))  # rounded up


def limits_of(time_limit: Number | None, node_limit: WholeNumber | None, started: float) -> Limits:
    """Return the limits of a search that started at a time of :func:`time.perf_counter`.

    Raises:
        InputError: a limit is not a positive number.
    """
    n_nodes = 2**62 if node_limit is None else min(whole_number("node_limit", node_limit), 2**62)
    seconds = math.inf if time_limit is None else float(exact_number("time_limit", time_limit))
    if isinstance(time_limit, str) or seconds <= 0:
        raise InputError(f"time_limit: {shown(time_limit)} is not a number of seconds above 0")
    return Limits(n_nodes, started + seconds)


def _check_method(method: Method, top: int, distance: int, limits: Limits) -> None:
    if method not in METHODS:
        raise InputError(f"method: {method!r} is not one of {', '.join(METHODS)}")
    if method == "front" and (top > 1 or distance > 1 or limits != UNBOUNDED):
        raise InputError("method: a front gives one answer, and keeps no limits; take 'auto' or 'direct'")

"""Search: the best subnets of a LUT under budgets, proved by a backend. Arguments are validated here."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Literal, NamedTuple

from qabwnas.errors import FrontLimitError, InputError
from qabwnas.io.numeric import Number, WholeNumber, whole_number
from qabwnas.lut.lut import Lut
from qabwnas.search.arguments import (
    Budget,
    LutSource,
    check_lut,
    checked_budgets,
    checked_objective,
    compared_metrics,
    is_coupled,
    opened_lut,
)
from qabwnas.search.engine.backend import INFEASIBLE, LIMIT, Backend, select_backend
from qabwnas.search.engine.bit_width_groups import UNBOUNDED, Limits, Subnets
from qabwnas.search.engine.strategy import (
    DEFAULT_MAX_MEMORY,
    METHODS,
    Method,
    MethodUsed,
    by_bound,
    smallest_totals,
    solve,
)
from qabwnas.search.model.grid import Grid, exact_negative
from qabwnas.search.model.problem import Problem, objective_of
from qabwnas.search.model.totals import TotalsIn, totals_in
from qabwnas.search.presentation import PresentedAnswer, PresentedResult, shown_total

if TYPE_CHECKING:  # scopes load when one is used, so that other searches start sooner
    from qabwnas.search.constraints.budgets import Budgeted, Column
    from qabwnas.search.constraints.scope import Scope
    from qabwnas.search.engine.coupled import Coupling

_GAP_GRID = Grid(decimals=6)
_MAX_ANSWERS = 2**31 - 1


@dataclass(frozen=True)
class Answer(PresentedAnswer):
    """One subnet. ``descriptions`` says in words what ``choice`` has as numbers.

    Attributes:
        objective: the exact total of the minimised or maximised metric; with weights, its weighted total.
        totals: exact totals, never weighted, of every metric that was measured for all candidates of the subnet.
        choice: block name → candidate.
    """

    objective: Decimal
    totals: dict[str, Decimal]
    choice: dict[str, int]

    def __hash__(self) -> int:
        return hash((self.objective, frozenset(self.choice.items())))


@dataclass(frozen=True, repr=False)
class SearchResult(PresentedResult[Answer]):
    """The result of a search. It is a sequence of its answers: it has a length, and ``result[0]`` is the best.

    Attributes:
        status: ``optimal``: the answers are proved to be the best. ``infeasible``: no subnet fits. If a limit stopped
            the search, ``feasible``: the answers satisfy the budgets and ``min_distance``, but none is proved, so that
            better answers may be missing at any rank, and more may fit. Or ``unknown``: no answer was found yet.
        minimized: the name of the minimised metric: ``weighted loss`` if blocks have weights.
        answers: subnets, best first; fewer than requested if fewer fit.
        method: ``direct`` or ``front``: the method that gave the answers.
        backend: the backend that searched, ``cpp`` or ``numba``.
        seconds: wall time of the search, including setup.
        bound: no subnet within the budgets has a smaller objective. Equals the objective of the first answer if the
            status is ``optimal``; ``None`` if it is ``infeasible``.
        gap: an upper limit of how far the first answer is from the best: (objective − bound) / |objective|, rounded up
            to 6 decimals. 0 if both are equal; ``None`` if there is no answer, or if its objective is 0 and the bound
            is not. At gap 0 the objective is the best, although a tie may be broken differently.
        smallest: if nothing fits, for every metric, or sum of metrics, with an upper bound its smallest total under
            the other budgets, or ``None`` if the other budgets already exclude every subnet; empty otherwise. Metrics
            may be missing if a limit stopped the search. Lower bounds on a maximum are left out.
        largest: the same for lower bounds: the largest totals.
        sense: ``maximize`` if the objective is maximised; all about smaller objectives is then about larger ones.
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
    largest: dict[str, Decimal | None] = field(default_factory=dict)
    sense: Literal["minimize", "maximize"] = "minimize"

    def __hash__(self) -> int:
        return hash((self.status, self.minimized, self.answers, self.seconds))

    def __repr__(self) -> str:
        best = f", best {self.minimized!r} {shown_total(self.answers[0].objective)}" if self.answers else ""
        return f"<SearchResult {self.status} ({self.method}, {self.backend}): answers {len(self.answers)}{best}>"


def search(
    lut: LutSource,
    *,
    minimize: str | None = None,
    maximize: str | None = None,
    budgets: Mapping[str, Budget] | None = None,
    top: WholeNumber = 1,
    scope: Scope | None = None,
    min_distance: WholeNumber = 1,
    method: Method = "auto",
    time_limit: Number | None = None,
    node_limit: WholeNumber | None = None,
    backend: str | None = None,
) -> SearchResult:
    """Find the ``top`` subnets with the smallest total of ``minimize`` that satisfy all budgets, and prove it.

    >>> result = qabwnas.search(lut, minimize="loss", budgets={"size_bytes": 1_500_000}, top=5)
    >>> result.answers[0].choice  # block name → candidate

    Subnets are ordered by the objective, then by the budgeted metrics in the LUT's order, then by the columns of other
    budgets (:mod:`qabwnas.search.model.derived`), then by candidates in block order. So an answer is never dominated,
    and every backend gives the same one. Arithmetic is exact: a subnet whose total equals a budget fits it.

    Args:
        lut: the LUT, or the path of its file, or of a table (.csv, .csv.gz, .parquet) that imports without options.
        minimize: the objective, a metric of the LUT; by default ``loss``, or ``nsr`` if there is no ``loss``.
        maximize: instead of ``minimize``: a metric that is a sum over blocks.
        budgets: metric name → inclusive upper bound on the total, including the fixed part, never weighted. A text may
            have a unit, as in the command: ``"1.5MB"``. Or one of the forms of
            :mod:`qabwnas.search.constraints.budgets`: ``{"latency_ms": (5, 20)}``, ``{"accuracy>=": "0.9"}``,
            ``{"size_bytes": "60%"}``, ``{"size_bytes+peak_bytes": 1_000_000}``.
        top: how many answers, 1 or more.
        scope: which candidates may be chosen, and weights of the objective; by default anything, unweighted.
        min_distance: the minimum Hamming distance between answers: in how many blocks they must differ, 1 or more. The
            first answer is the best; each further answer is the best of those at that distance from all before it.
        method: ``direct`` searches; ``front`` builds the front within the budgets, for one answer without limits;
            ``auto`` uses the one that is likely to be faster.
        time_limit: seconds, above 0, after which the direct search stops with its best answers; setup and pruning
            always finish.
        node_limit: after how many partial subnets the direct search stops, 1 or more; each backend counts its own.
        backend: ``auto``, ``cpp`` or ``numba``; by default the value of ``QABWNAS_BACKEND``.

    Raises:
        InputError: a metric is unknown or not measured for every candidate, a budget is not a number, the scope does
            not suit the LUT, or an argument has the wrong type or value.
        FrontLimitError: ``method`` is ``front``, and the front needs more than 4 GiB.
        BackendError: the backend cannot be loaded.
        KeyboardInterrupt: Ctrl-C, raised within a fifth of a second.

    Columns are converted to integers in the first call and kept as long as the LUT; repeated calls are faster.

    Complexity: O(rows log rows) for pruning; then that of the direct search (``csrc/solve/top.hpp``): exponential in
    the number of blocks in the worst case, microseconds to milliseconds on look-up tables of real networks.
    """
    lut = opened_lut(lut)
    request = SearchRequest.of(
        lut, minimize, maximize, budgets, top, scope, min_distance, method, time_limit, node_limit, backend
    )
    problem = Problem.of(lut, request.columns, request.kernels, scope, k=request.top)
    return request.answer(lut, problem, totals_in)


class SearchRequest(NamedTuple):
    """The validated arguments of a search; ``started`` is a time of :func:`time.perf_counter`."""

    columns: list[Column]
    budgets: dict[Budgeted, Number]
    top: int
    scope: Scope | None
    min_distance: int
    method: Method
    limits: Limits
    kernels: Backend
    started: float

    @classmethod
    def of(
        cls,
        lut: Lut,
        minimize: str | None,
        maximize: str | None,
        budgets: Mapping[str, Budget] | None,
        top: WholeNumber,
        scope: Scope | None,
        min_distance: WholeNumber,
        method: Method,
        time_limit: Number | None,
        node_limit: WholeNumber | None,
        backend: str | None,
    ) -> SearchRequest:
        """Validate the arguments of :func:`search`; raises the same errors."""
        started = time.perf_counter()
        check_lut(lut)
        top, min_distance = whole_number("top", top), whole_number("min_distance", min_distance)
        limits = Limits.of(time_limit, node_limit, started)
        _check_method(method, top, min_distance, limits)
        # At most the number of subnets and of blocks, so that both fit the integers of the kernels.
        top, min_distance = min(top, lut.n_subnets, _MAX_ANSWERS), min(min_distance, len(lut.blocks) + 1)
        kernels = select_backend(backend)
        bounds = checked_budgets(lut, budgets)
        columns = compared_metrics(lut, checked_objective(lut, minimize, maximize), bounds, scope)
        if min_distance > 1 and scope is not None and scope.has_named_sets:
            raise InputError("min_distance: not with sets of blocks of equal bit widths")
        if min_distance > 1 and is_coupled(bounds):
            raise InputError("min_distance: not with a budget on a sum that includes a maximum")
        return cls(columns, bounds, top, scope, min_distance, method, limits, kernels, started)

    def answer(self, lut: Lut, problem: Problem, totals: TotalsIn) -> SearchResult:
        """Return the result; the problem is over ``columns``, within the scope, for at least ``top`` subnets."""
        bounds = problem.budget_units(self.budgets)
        couplings: Sequence[Coupling] = ()
        if is_coupled(self.budgets):
            from qabwnas.search.engine.coupled import couplings_of

            couplings = couplings_of(problem, self.budgets)
        found, used = solve(
            problem, bounds, self.top, self.kernels, self.min_distance, self.method, self.limits, couplings
        )
        if self.method == "front" and found.status == LIMIT:
            raise FrontLimitError(f"the front within the budgets takes more than {DEFAULT_MAX_MEMORY} bytes")
        extremes: dict[Budgeted, Decimal | None] = {}
        if found.status == INFEASIBLE:
            extremes = smallest_totals(problem, self.budgets, self.kernels, self.limits)
        smallest, largest = by_bound(extremes)
        answers = _answers(lut, problem, found, totals, self.kernels)
        bound = None if found.status == INFEASIBLE else problem.grids[0].decimal(found.bound)
        minimized, sense = objective_of(problem)
        if sense == "maximize":
            answers = tuple(replace(answer, objective=exact_negative(answer.objective)) for answer in answers)
            bound = None if bound is None else exact_negative(bound)
        return SearchResult(
            status=_status(found),
            minimized=minimized,
            answers=answers,
            method=used,
            backend=self.kernels.name,
            seconds=time.perf_counter() - self.started,
            bound=bound,
            gap=_gap(int(found.totals[0, 0]), found.bound) if answers else None,
            smallest=smallest,
            largest=largest,
            sense=sense,
        )


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
        choice = dict(zip(lut.block_names, candidates.tolist(), strict=True))
        answers.append(Answer(objective, in_order, choice).described_by(lut.describe))
    return tuple(answers)


def _status(found: Subnets) -> Literal["optimal", "infeasible", "feasible", "unknown"]:
    if found.status == INFEASIBLE:
        return "infeasible"
    if found.status == LIMIT:
        return "feasible" if len(found.totals) else "unknown"
    return "optimal"


def _gap(objective: int, bound: int) -> Decimal | None:
    """Return the gap between an objective and a bound in the same units."""
    if objective == bound:
        return Decimal(0)
    if objective == 0:
        return None
    return _GAP_GRID.decimal(-((bound - objective) * 10**_GAP_GRID.decimals // abs(objective)))  # rounded up


def _check_method(method: Method, top: int, min_distance: int, limits: Limits) -> None:
    if method not in METHODS:
        raise InputError(f"method: {method!r} is not one of {', '.join(METHODS)}")
    if method == "front" and (top > 1 or min_distance > 1 or limits != UNBOUNDED):
        raise InputError("method: a front gives one answer and observes no limits; use 'auto' or 'direct'")

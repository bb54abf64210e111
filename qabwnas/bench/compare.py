"""Compare the exact search with its baselines on one LUT: answers, times, gaps."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from importlib.util import find_spec
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from qabwnas.bench import baselines
from qabwnas.bench.baselines.exhaustive import brute_force_seconds
from qabwnas.bench.baselines.result import BaselineResult
from qabwnas.errors import BackendError, InputError, QabwnasError
from qabwnas.io.numeric import Number
from qabwnas.lut.lut import Lut
from qabwnas.search.arguments import default_objective
from qabwnas.search.engine.backend import COMPLETE, INFEASIBLE, Backend, select_backend
from qabwnas.search.model.grid import UNLIMITED
from qabwnas.search.model.problem import Problem

Kind = Literal["exact", "tolerance", "heuristic"]
"""Whether a method's "optimal" is exact, within floating-point tolerances, or never claimed."""

BRUTE_FORCE = "brute force"
TIGHT_FRACTION = 5
_SOLVERS: dict[str, tuple[str, Kind, Callable[..., BaselineResult]]] = {
    "HiGHS": ("scipy", "tolerance", baselines.highs),
    "CBC": ("pulp", "tolerance", baselines.cbc),
    "CP-SAT": ("ortools", "exact", baselines.cp_sat),
}


@dataclass(frozen=True)
class Entry:
    """The result of one method for a case.

    Attributes:
        method: name of the method.
        kind: how exact its claims are.
        result: its result, with the median of its times; ``None`` if it did not run.
        note: why it did not run, or that it was stopped.
        full_seconds: time of a stopped brute force for all subnets, extrapolated from its rate.
    """

    method: str
    kind: Kind
    result: BaselineResult | None
    note: str = ""
    full_seconds: float | None = None


@dataclass(frozen=True)
class Case:
    """One set of budgets, with the results of every method.

    Attributes:
        problem: the objective and the metrics with budgets.
        budgets: in units.
        entries: one per method, exact search first.
        optimum: the proved optimum of the objective in units, or ``None`` if no subnet fits.
    """

    problem: Problem
    budgets: NDArray[np.int64]
    entries: tuple[Entry, ...]
    optimum: int | None

    @property
    def budget_totals(self) -> dict[str, Decimal]:
        """The budgets as decimals, by metric."""
        of_all = zip(self.problem.metrics, self.problem.grids, self.budgets.tolist(), strict=True)
        return {metric.name: grid.decimal(units) for metric, grid, units in of_all if units != UNLIMITED}

    def value(self, result: BaselineResult) -> Decimal | None:
        """Return the objective as a decimal."""
        return None if result.value is None else self.problem.grids[0].decimal(result.value)

    def gap(self, result: BaselineResult) -> float | None:
        """Return the relative distance of a value from the optimum, or ``None`` without a value or an optimum.

        If the optimum is 0, the gap is 0 or infinite.
        """
        if result.value is None or self.optimum is None:
            return None
        above = result.value - self.optimum
        return above / abs(self.optimum) if self.optimum else (0.0 if above == 0 else float("inf"))


def compare(
    lut: Lut,
    *,
    minimize: str | None = None,
    budgets: Mapping[str, Number] | None = None,
    repeats: int = 5,
    time_limit: float = 10.0,
    announce: Callable[[str], None] = lambda _: None,
) -> tuple[Case, ...]:
    """Run the exact search on every available backend, and all installed baselines.

    Args:
        lut: the tables.
        minimize: the objective; the default is that of :func:`qabwnas.search`.
        budgets: the budgets of one case, as for :func:`qabwnas.search`. By default there are two cases: a tight budget
            on the first cost only (DNA's traversal takes one budget), and tight budgets on all costs.
        repeats: runs per method; the median counts. No run starts after a method's runs took ``time_limit`` in total.
        time_limit: seconds after which a baseline is stopped; the exact search is never stopped.
        announce: called with the name of each method before it runs.

    Raises:
        InputError: see :func:`qabwnas.search`; or the LUT has no cost.
        QabwnasError: exact methods disagree.
        BackendError: no backend is available.
    """
    minimize = default_objective(lut.metric_names) if minimize is None else minimize
    if lut.metric(minimize).higher_is_better:
        raise InputError(f"minimize: higher {minimize!r} is better, and the baselines only minimise")
    for name in budgets or {}:
        lut.metric(name)
    lower = [metric.name for metric in lut.metrics if not metric.higher_is_better]
    costs = [name for name in lower if name != minimize and (budgets is None or name in budgets)]
    if not costs:
        raise InputError(f"there is no cost other than {minimize!r} to put a budget on")
    cases = []
    for names in [costs] if budgets is not None or len(costs) == 1 else [costs[:1], costs]:
        problem = Problem.of(lut, [minimize, *names], select_backend())
        units = tight_budgets(problem) if budgets is None else problem.budget_units(budgets)
        entries = tuple(_entries(problem, units, repeats, time_limit, announce))
        cases.append(Case(problem, units, entries, _agreed_optimum(entries)))
    return tuple(cases)


def tight_budgets(problem: Problem) -> NDArray[np.int64]:
    """Return budgets that bind but leave a choice: a fifth of the way from the smallest to the largest total.

    int64 ``(n_metrics,)`` in units. The objective, the first metric, has no budget.
    """
    blocks = [problem.values[:, first:last] for first, last in pairwise(problem.offsets)]
    ends = []
    for smallest_or_largest in (np.min, np.max):
        values = np.stack([smallest_or_largest(block, axis=1) for block in blocks])
        sums, maxima = problem.origin + values.sum(axis=0), np.maximum(problem.origin, values.max(axis=0))
        ends.append(np.where(problem.is_max == 1, maxima, sums))
    budgets: NDArray[np.int64] = ends[0] + (ends[1] - ends[0]) // TIGHT_FRACTION
    budgets[0] = UNLIMITED
    return budgets


def _entries(
    problem: Problem, budgets: NDArray[np.int64], repeats: int, time_limit: float, announce: Callable[[str], None]
) -> Iterator[Entry]:
    for name in ("cpp", "numba"):
        announce(f"exact search, {name}")
        try:
            call = partial(exact_search, problem, budgets, select_backend(name))
        except BackendError as error:
            yield Entry(f"exact search, {name}", "exact", None, str(error))
            continue
        call()  # Numba compiles
        yield Entry(f"exact search, {name}", "exact", _median(call, repeats, time_limit))
    for baseline in _baselines(problem, budgets, time_limit):
        announce(baseline.method)
        yield _entry(problem, baseline, repeats, time_limit)


@dataclass(frozen=True)
class _Baseline:
    method: str
    kind: Kind
    call: Callable[[], BaselineResult]


def _baselines(problem: Problem, budgets: NDArray[np.int64], time_limit: float) -> list[_Baseline]:
    kernels = select_backend()
    traverse = partial(baselines.dna_traversal, problem, budgets, kernels, max_seconds=time_limit)
    enumerate_all = partial(baselines.brute_force, problem, budgets, kernels, max_seconds=time_limit)
    methods = [
        _Baseline("DNA traversal, published", "heuristic", partial(traverse, variant="published")),
        _Baseline("DNA traversal, repaired", "exact", partial(traverse, variant="repaired")),
        _Baseline(BRUTE_FORCE, "exact", enumerate_all),
    ]
    for name, (package, kind, solve) in _SOLVERS.items():
        methods.append(_Baseline(name, kind, partial(_solve, package, solve, problem, budgets, time_limit)))
    methods.append(_Baseline("random search", "heuristic", partial(baselines.random_search, problem, budgets)))
    methods.append(
        _Baseline("evolutionary search", "heuristic", partial(baselines.evolutionary_search, problem, budgets))
    )
    return methods


def _solve(
    package: str, solve: Callable[..., BaselineResult], problem: Problem, budgets: NDArray[np.int64], time_limit: float
) -> BaselineResult:
    if find_spec(package) is None:
        raise InputError(f"not installed: {package} (pip install 'qabwnas[bench]')")
    return solve(problem, budgets, time_limit)


def _entry(problem: Problem, baseline: _Baseline, repeats: int, time_limit: float) -> Entry:
    try:
        result = _median(baseline.call, repeats, time_limit)
    except InputError as error:  # this method cannot take the problem; the others continue
        return Entry(baseline.method, baseline.kind, None, str(error))
    note = ""
    if result.status == "outside":
        note = "breaks a budget: rounding"
    elif result.seconds >= time_limit or (baseline.kind != "heuristic" and result.status in ("feasible", "unknown")):
        note = f"stopped after {result.seconds:.1f} s"
    if baseline.method != BRUTE_FORCE or not note:
        return Entry(baseline.method, baseline.kind, result, note)
    n_subnets = float(np.prod(np.diff(problem.offsets).astype(np.float64)))
    return Entry(baseline.method, baseline.kind, result, note, brute_force_seconds(result, n_subnets))


def exact_search(problem: Problem, budgets: NDArray[np.int64], kernels: Backend) -> BaselineResult:
    """Run the exact search; its wall time excludes the setup of the problem."""
    started = time.perf_counter()
    status, _, choice, bound, n_nodes = kernels.top(
        problem.values, problem.offsets, problem.is_max, problem.origin, budgets, 1
    )
    seconds = time.perf_counter() - started
    assert status in (COMPLETE, INFEASIBLE)
    if status == INFEASIBLE:
        return BaselineResult.checked(problem, budgets, None, "infeasible", evaluations=n_nodes, seconds=seconds)
    return BaselineResult.checked(
        problem, budgets, choice[0], "optimal", bound=bound, evaluations=n_nodes, seconds=seconds
    )


def _median(call: Callable[[], BaselineResult], repeats: int, time_limit: float) -> BaselineResult:
    runs = [call()]
    while len(runs) < repeats and sum(run.seconds for run in runs) + runs[0].seconds < time_limit:
        runs.append(call())
    return replace(runs[0], seconds=statistics.median(run.seconds for run in runs))


def _agreed_optimum(entries: tuple[Entry, ...]) -> int | None:
    """Return the optimum that all exact methods claim, or ``None`` if they claim that no subnet fits.

    Raises:
        QabwnasError: their claims differ, or some method found a better subnet that fits.
    """
    run = [entry for entry in entries if entry.result is not None]
    claims = {
        entry.method: entry.result.value
        for entry in run
        if entry.kind == "exact" and entry.result is not None and entry.result.status in ("optimal", "infeasible")
    }
    said = ", ".join(f"{method} {'nothing fits' if value is None else value}" for method, value in claims.items())
    if len(set(claims.values())) != 1:
        raise QabwnasError(f"exact methods disagree, in units of the objective: {said}")
    (optimum,) = set(claims.values())
    for entry in run:
        fitting = entry.result is not None and entry.result.status in ("optimal", "feasible")
        value = entry.result.value if entry.result is not None else None
        if fitting and value is not None and (optimum is None or value < optimum):
            raise QabwnasError(f"{entry.method} found a subnet of {value}, better than the proved optimum: {said}")
    return optimum

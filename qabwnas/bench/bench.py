"""The search against its baselines on one LUT in one run: answers compared, times and gaps side by side."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from importlib.util import find_spec
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from qabwnas.bench import baselines
from qabwnas.bench.baselines.found import Found
from qabwnas.errors import BackendError, InputError, QabwnasError
from qabwnas.io.numeric import Number
from qabwnas.lut.lut import Lut
from qabwnas.search.arguments import default_objective
from qabwnas.search.engine.backend import COMPLETE, INFEASIBLE, Backend, select_backend
from qabwnas.search.model.grid import UNLIMITED
from qabwnas.search.model.problem import Problem

Kind = Literal["exact", "tolerance", "heuristic"]
"""Whether "optimal" is meant in whole numbers, within floating tolerances, or not at all."""

BRUTE_FORCE = "brute force"
_SOLVERS: dict[str, tuple[str, Kind, Callable[..., Found]]] = {
    "HiGHS": ("scipy", "tolerance", baselines.highs),
    "CBC": ("pulp", "tolerance", baselines.cbc),
    "CP-SAT": ("ortools", "exact", baselines.cp_sat),
}


@dataclass(frozen=True)
class Entry:
    """What one method made of a case.

    Attributes:
        method: its name.
        kind: what its claims are worth.
        found: what it found, ``seconds`` being the median over its runs; ``None`` where it could not be run.
        note: why it was not run, or that it was stopped.
        full_seconds: how long all subnets would take at the rate of a brute force that was stopped: an extrapolation.
    """

    method: str
    kind: Kind
    found: Found | None
    note: str = ""
    full_seconds: float | None = None


@dataclass(frozen=True)
class Case:
    """One set of budgets, and what every method made of it.

    Attributes:
        problem: the objective and the budgeted metrics.
        budgets: in units.
        entries: exact search first.
        optimum: the proved smallest objective in units, or ``None`` where no subnet fits.
    """

    problem: Problem
    budgets: NDArray[np.int64]
    entries: tuple[Entry, ...]
    optimum: int | None

    @property
    def budget_totals(self) -> dict[str, Decimal]:
        """The budgets, as decimals by metric."""
        of_all = zip(self.problem.metrics, self.problem.grids, self.budgets.tolist(), strict=True)
        return {metric.name: grid.decimal(units) for metric, grid, units in of_all if units != UNLIMITED}

    def value(self, found: Found) -> Decimal | None:
        """Return the objective as a decimal."""
        return None if found.value is None else self.problem.grids[0].decimal(found.value)

    def gap(self, found: Found) -> float | None:
        """Return by which share of the optimum a value lies above it; ``None`` without a value or an optimum.

        Where the optimum is 0 the gap is 0 or infinite.
        """
        if found.value is None or self.optimum is None:
            return None
        above = found.value - self.optimum
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
    """Run exact search, on every backend that loads, and all baselines that are installed.

    Args:
        lut: the tables.
        minimize: the objective; by default that of :func:`qabwnas.search.api`.
        budgets: one case, as for :func:`qabwnas.search.api`. By default two: a tight budget on the first cost
            alone, which is what DNA's traversal can take, and tight budgets on all costs.
        repeats: runs a method; the median counts. No further run starts once they took ``time_limit`` together.
        time_limit: seconds after which a baseline is stopped; the exact search is not.
        announce: called with the name of each method before it runs.

    Raises:
        InputError: as :func:`qabwnas.search.api`; or the LUT has no cost.
        QabwnasError: methods that are exact disagree.
        BackendError: no backend can be loaded.
    """
    minimize = default_objective(lut.metric_names) if minimize is None else minimize
    lut.metric(minimize)
    for name in budgets or {}:
        lut.metric(name)
    costs = [name for name in lut.metric_names if name != minimize and (budgets is None or name in budgets)]
    if not costs:
        raise InputError(f"there is no cost beside {minimize!r} to put a budget on")
    cases = []
    for names in [costs] if budgets is not None or len(costs) == 1 else [costs[:1], costs]:
        problem = Problem.of(lut, [minimize, *names], select_backend())
        units = baselines.tight_budgets(problem) if budgets is None else problem.budget_units(budgets)
        entries = tuple(_entries(problem, units, repeats, time_limit, announce))
        cases.append(Case(problem, units, entries, _agreed_optimum(entries)))
    return tuple(cases)


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
    for peer in _peers(problem, budgets, time_limit):
        announce(peer.method)
        yield _entry(problem, peer, repeats, time_limit)


@dataclass(frozen=True)
class _Peer:
    method: str
    kind: Kind
    call: Callable[[], Found]


def _peers(problem: Problem, budgets: NDArray[np.int64], time_limit: float) -> list[_Peer]:
    kernels = select_backend()
    traverse = partial(baselines.dna_traversal, problem, budgets, kernels, max_seconds=time_limit)
    make_all = partial(baselines.brute_force, problem, budgets, kernels, max_seconds=time_limit)
    peers = [
        _Peer("DNA traversal, published", "heuristic", partial(traverse, variant="published")),
        _Peer("DNA traversal, repaired", "exact", partial(traverse, variant="repaired")),
        _Peer(BRUTE_FORCE, "exact", make_all),
    ]
    for name, (package, kind, solve) in _SOLVERS.items():
        peers.append(_Peer(name, kind, partial(_solve, package, solve, problem, budgets, time_limit)))
    peers.append(_Peer("random search", "heuristic", partial(baselines.random_search, problem, budgets)))
    peers.append(_Peer("evolutionary search", "heuristic", partial(baselines.evolutionary_search, problem, budgets)))
    return peers


def _solve(
    package: str, solve: Callable[..., Found], problem: Problem, budgets: NDArray[np.int64], time_limit: float
) -> Found:
    if find_spec(package) is None:
        raise InputError(f"not installed: {package} (pip install 'qabwnas[bench]')")
    return solve(problem, budgets, time_limit)


def _entry(problem: Problem, peer: _Peer, repeats: int, time_limit: float) -> Entry:
    try:
        found = _median(peer.call, repeats, time_limit)
    except InputError as error:  # a method that cannot take this problem says so, and the others go on
        return Entry(peer.method, peer.kind, None, str(error))
    note = ""
    if found.status == "outside":
        note = "breaks a budget: rounding"
    elif found.seconds >= time_limit or (peer.kind != "heuristic" and found.status in ("feasible", "unknown")):
        note = f"stopped after {found.seconds:.1f} s"
    if peer.method != BRUTE_FORCE or not note:
        return Entry(peer.method, peer.kind, found, note)
    n_subnets = float(np.prod(np.diff(problem.offsets).astype(np.float64)))
    return Entry(peer.method, peer.kind, found, note, baselines.brute_force_seconds(found, n_subnets))


def exact_search(problem: Problem, budgets: NDArray[np.int64], kernels: Backend) -> Found:
    """Search as :func:`qabwnas.search.api` does, without setting up; wall time."""
    started = time.perf_counter()
    status, _, choice, bound, n_nodes = kernels.top(
        problem.values, problem.offsets, problem.is_max, problem.origin, budgets, 1
    )
    seconds = time.perf_counter() - started
    assert status in (COMPLETE, INFEASIBLE)
    if status == INFEASIBLE:
        return Found.checked(problem, budgets, None, "infeasible", evaluations=n_nodes, seconds=seconds)
    return Found.checked(problem, budgets, choice[0], "optimal", bound=bound, evaluations=n_nodes, seconds=seconds)


def _median(call: Callable[[], Found], repeats: int, time_limit: float) -> Found:
    runs = [call()]
    while len(runs) < repeats and sum(run.seconds for run in runs) + runs[0].seconds < time_limit:
        runs.append(call())
    return replace(runs[0], seconds=statistics.median(run.seconds for run in runs))


def _agreed_optimum(entries: tuple[Entry, ...]) -> int | None:
    """Return the optimum that all exact methods claim.

    Raises:
        QabwnasError: their claims differ, or some subnet that fits is better.
    """
    run = [entry for entry in entries if entry.found is not None]
    claims = {
        entry.method: entry.found.value
        for entry in run
        if entry.kind == "exact" and entry.found is not None and entry.found.status in ("optimal", "infeasible")
    }
    said = ", ".join(f"{method} {'nothing fits' if value is None else value}" for method, value in claims.items())
    if len(set(claims.values())) != 1:
        raise QabwnasError(f"exact methods disagree, in units of the objective: {said}")
    (optimum,) = set(claims.values())
    for entry in run:
        fitting = entry.found is not None and entry.found.status in ("optimal", "feasible")
        value = entry.found.value if entry.found is not None else None
        if fitting and value is not None and (optimum is None or value < optimum):
            raise QabwnasError(f"{entry.method} found a subnet of {value}, better than what is proved: {said}")
    return optimum

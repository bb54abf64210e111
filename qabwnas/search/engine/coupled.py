"""Exact search under budgets on sums plus maxima over blocks: branch and bound on the maxima.

A budget on S + M, where S is a sum and M a maximum over blocks, couples two columns: it is no bound on either. But with
M in an interval from a to b it implies S ≤ B − a and M ≤ b, which are bounds on columns. So a node of the search is one
interval per maximum; its relaxation replaces every coupled budget by these bounds, and the direct search of
:func:`.best` solves it exactly. If its best subnets keep the coupled budgets, the node is solved. Otherwise the first
subnet that does not keep one, with totals s and m, divides the node at a value t with B − s < t ≤ m: below t the subnet
exceeds b, from t on its s exceeds B − t. Every subnet that keeps the budgets is in one of the halves. The middle of
these values of t halves the interval.

Nodes are divided in the order of the first subnet that does not keep a budget, and the search stops when no open node
has a better one than the answers.

Complexity: one direct search per node. There are at most two nodes per distinct value of a maximum, for any number of
blocks; in practice a few dozens, because intervals are halved.
"""

from __future__ import annotations

import heapq
import itertools
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qabwnas.io.numeric import Number, exact_number
from qabwnas.search.constraints.budgets import Budgeted
from qabwnas.search.engine.backend import COMPLETE, INFEASIBLE, LIMIT, Backend
from qabwnas.search.engine.bit_width_groups import UNBOUNDED, Limits, Subnets, best
from qabwnas.search.model.derived import MixedSum
from qabwnas.search.model.grid import LARGEST_UNITS, UNLIMITED, Grid
from qabwnas.search.model.problem import NO_MAXIMUM, Problem

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Coupling:
    """One budget on the sum of several columns of a problem.

    Attributes:
        summed: the position of the column of the sums; ``None`` if there are only maxima.
        maxima: the positions of the maxima.
        scales: one unit of each column, in units of the budget's grid, by position.
        bound: the budget, in units of its grid, the finest of the columns' grids.
    """

    summed: int | None
    maxima: tuple[int, ...]
    scales: Mapping[int, int]
    bound: int

    @classmethod
    def of(cls, problem: Problem, positions: Sequence[int], bound: int) -> Coupling:
        """Return the coupling of the columns at some positions. At most one of them is a sum."""
        finest = grid_of_sum([problem.grids[m] for m in positions]).decimals
        scales = {m: 10 ** (finest - problem.grids[m].decimals) for m in positions}
        summed = next((m for m in positions if not problem.is_max[m]), None)
        return cls(summed, tuple(m for m in positions if problem.is_max[m]), scales, bound)

    def holds(self, totals: Ints) -> NDArray[np.bool_]:
        """Return which totals ``(n, n_metrics)`` keep the budget, bool ``(n,)``."""
        largest = sum(scale * int(np.abs(totals[:, m]).max(initial=0)) for m, scale in self.scales.items())
        exact = totals if largest <= LARGEST_UNITS else totals.astype(object)
        total = sum(exact[:, m] * scale for m, scale in self.scales.items())
        return np.asarray(total <= self.bound, dtype=np.bool_)


def coupling_of(problem: Problem, mixed: MixedSum) -> Coupling:
    """Return the coupling of the columns of a problem, without a bound."""
    return Coupling.of(problem, [problem.position(column) for column in mixed.columns], UNLIMITED)


def couplings_of(problem: Problem, budgets: Mapping[Budgeted, Number]) -> list[Coupling]:
    """Return the couplings of those budgets that are no bounds on columns.

    Raises:
        InputError: a budget is not a number.
    """
    couplings = []
    for mixed, budget in budgets.items():
        if isinstance(mixed, MixedSum):
            coupling = coupling_of(problem, mixed)
            grid = grid_of_sum([problem.grids[m] for m in coupling.scales])
            bound = grid.floor(exact_number(f"budget {mixed.subject!r}", budget))
            couplings.append(replace(coupling, bound=bound))
    return couplings


def grid_of_sum(grids: Sequence[Grid]) -> Grid:
    """Return the grid on which totals of several columns are added: the finest one."""
    return Grid(max(grid.decimals for grid in grids))


class _Node(NamedTuple):
    """An interval per maximum, by position, inclusive, in units."""

    low: dict[int, int]
    high: dict[int, int]

    def bounds(self, bounds: Ints, couplings: Sequence[Coupling]) -> Ints | None:
        """Return the bounds of the relaxation, or ``None`` if the node has no subnet."""
        relaxed = [int(bound) for bound in bounds]
        for m, high in self.high.items():
            relaxed[m] = min(relaxed[m], high)
        for coupling in couplings:
            left = coupling.bound - sum(coupling.scales[m] * self.low[m] for m in coupling.maxima)
            if coupling.summed is not None:
                m = coupling.summed
                relaxed[m] = min(relaxed[m], left // coupling.scales[m])
                continue
            if left < 0:
                return None
            for m in coupling.maxima:
                relaxed[m] = min(relaxed[m], self.low[m] + left // coupling.scales[m])
        if any(relaxed[m] < low for m, low in self.low.items()):
            return None
        return np.array([max(bound, -LARGEST_UNITS - 1) for bound in relaxed], dtype=np.int64)

    def halves(self, m: int, values: Ints, divider: int) -> Iterator[_Node]:
        """Yield the nodes below a divider and from it on; ``values`` are all values of the maximum, ascending."""
        yield _Node(self.low, {**self.high, m: divider - 1})
        above = int(np.searchsorted(values, divider))
        if above < len(values):
            yield _Node({**self.low, m: int(values[above])}, self.high)


def best_coupled(
    problem: Problem,
    bounds: Ints,
    k: int,
    kernels: Backend,
    couplings: Sequence[Coupling],
    limits: Limits = UNBOUNDED,
) -> Subnets:
    """Return the ``k`` best subnets within ``bounds`` ``(n_metrics,)`` that keep all coupled budgets.

    The node limit holds for every node of this search by itself, the time limit for all of them together.
    """
    if not couplings:
        return best(problem, bounds, k, kernels, limits=limits)
    positions = sorted({m for coupling in couplings for m in coupling.maxima})
    root = _Node({m: _smallest(problem, m) for m in positions}, dict.fromkeys(positions, LARGEST_UNITS))
    values = {m: np.unique(np.append(problem.values[m], problem.origin[m])) for m in positions}
    order = itertools.count()
    open_nodes: list[tuple[tuple[int, ...], int, _Node, Subnets]] = []
    answers: dict[tuple[int, ...], tuple[int, ...]] = {}  # candidates → totals
    unproved: list[int] = []  # bounds on the objective of nodes that a limit stopped

    def ranked() -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
        return heapq.nsmallest(k, ((totals, choice) for choice, totals in answers.items()))

    def push(node: _Node) -> None:
        relaxed = node.bounds(bounds, couplings)
        if relaxed is None:
            return
        found_before = ranked()
        if len(found_before) == k:  # a worse objective is of no use
            relaxed[0] = min(relaxed[0], found_before[-1][0][0])
        found = best(problem, relaxed, k, kernels, limits=limits)
        keeps = _keep(couplings, found.totals)
        for i in np.flatnonzero(keeps).tolist():
            answers[tuple(found.candidates[i].tolist())] = tuple(found.totals[i].tolist())
        if found.status == LIMIT:
            unproved.append(found.bound)
        elif not keeps.all():
            heapq.heappush(open_nodes, (_key(found, int(np.argmin(keeps))), next(order), node, found))

    push(root)
    while open_nodes and not unproved:
        first, _, node, found = heapq.heappop(open_nodes)
        known = ranked()
        if len(known) == k and known[-1][0] + known[-1][1] <= first:
            break
        if time.perf_counter() >= limits.ends:
            unproved.append(first[0])
            break
        rank = int(np.argmin(_keep(couplings, found.totals)))
        m, divider = _division(node, couplings, found.totals[rank].tolist())
        for half in node.halves(m, values[m], divider):
            push(half)
    unproved += [first[0] for first, *_ in open_nodes] if unproved else []
    return _subnets(problem, ranked(), unproved)


def smallest_sum(
    problem: Problem,
    coupling: Coupling,
    bounds: Ints,
    kernels: Backend,
    others: Sequence[Coupling] = (),
    limits: Limits = UNBOUNDED,
) -> tuple[int, int]:
    """Return a status, and the smallest sum of a coupling under all other budgets, in units of its grid.

    The first column of the problem is that of the sums S, or the first maximum if there are only maxima. The relaxation
    of a node minimises S with every maximum at most its high end. S plus the low ends bounds the sums of the node, and
    its subnet gives one. Complexity: as :func:`best_coupled`.
    """
    values = {m: np.unique(np.append(problem.values[m], problem.origin[m])) for m in coupling.maxima}
    order = itertools.count()
    open_nodes: list[tuple[int, int, _Node, list[int]]] = []
    smallest: int | None = None
    pending: list[tuple[_Node, list[int] | None]] = [
        (_Node({m: _smallest(problem, m) for m in values}, dict.fromkeys(values, LARGEST_UNITS)), None)
    ]
    while pending:
        for node, totals in pending:
            if totals is None:
                relaxed = bounds.copy()
                for m, high in node.high.items():
                    relaxed[m] = min(int(relaxed[m]), high)
                found = best_coupled(problem, relaxed, 1, kernels, others, limits)
                if found.status == LIMIT:
                    return LIMIT, 0
                if found.status == INFEASIBLE:
                    continue
                totals = found.totals[0].tolist()
            total = sum(totals[m] * scale for m, scale in coupling.scales.items())
            smallest = total if smallest is None else min(smallest, total)
            excess = sum((totals[m] - node.low[m]) * coupling.scales[m] for m in coupling.maxima)
            heapq.heappush(open_nodes, (total - excess, next(order), node, totals))
        pending = []
        if open_nodes and smallest is not None and open_nodes[0][0] < smallest:
            _, _, node, totals = heapq.heappop(open_nodes)
            m = max(coupling.maxima, key=lambda m: (totals[m] - node.low[m]) * coupling.scales[m])
            below, above = node.halves(m, values[m], (node.low[m] + totals[m] + 1) // 2)
            pending = [(below, None), (above, totals)]  # the subnet has the smallest S of both
    return (INFEASIBLE, 0) if smallest is None else (COMPLETE, smallest)


def smallest_mixed_sum(
    problem: Problem,
    mixed: MixedSum,
    budgets: Mapping[Budgeted, Number],
    kernels: Backend,
    limits: Limits = UNBOUNDED,
    objective: int | None = None,
) -> tuple[int, Decimal | None]:
    """Return a status, and the smallest total of a mixed sum under the other budgets; ``None`` if nothing keeps them.

    ``objective`` bounds the objective of the problem, in units.
    """
    first = problem.position(mixed.columns[0])
    minimizing = problem.with_objective(first)
    bounds = minimizing.budget_units(budgets)
    if objective is not None:
        m = 0 if first == 0 else 1
        bounds[m] = min(int(bounds[m]), objective)
    others = couplings_of(minimizing, {each: budget for each, budget in budgets.items() if each != mixed})
    coupling = coupling_of(minimizing, mixed)
    status, units = smallest_sum(minimizing, coupling, bounds, kernels, others, limits)
    grid = grid_of_sum([minimizing.grids[m] for m in coupling.scales])
    return status, grid.decimal(units) if status == COMPLETE else None


def _division(node: _Node, couplings: Sequence[Coupling], totals: Sequence[int]) -> tuple[int, int]:
    """Return the maximum to divide at, and the divider, for a subnet of the relaxation that does not keep a budget."""
    broken = next(each for each in couplings if sum(totals[m] * s for m, s in each.scales.items()) > each.bound)
    m = max(broken.maxima, key=lambda m: (totals[m] - node.low[m]) * broken.scales[m])
    others = sum(node.low[other] * broken.scales[other] for other in broken.maxima if other != m)
    summed = 0 if broken.summed is None else totals[broken.summed] * broken.scales[broken.summed]
    least = max(node.low[m], (broken.bound - others - summed) // broken.scales[m]) + 1
    return m, (min(least, totals[m]) + totals[m] + 1) // 2


def _keep(couplings: Sequence[Coupling], totals: Ints) -> NDArray[np.bool_]:
    keeps = np.ones(len(totals), dtype=np.bool_)
    for coupling in couplings:
        keeps &= coupling.holds(totals)
    return keeps


def _key(found: Subnets, i: int) -> tuple[int, ...]:
    return (*found.totals[i].tolist(), *found.candidates[i].tolist())


def _smallest(problem: Problem, m: int) -> int:
    """Return the smallest value that a maximum can have."""
    blocks: Iterator[tuple[int, int]] = pairwise(problem.offsets.tolist())
    smallest = max(int(problem.values[m, first:last].min()) for first, last in blocks)
    fixed = int(problem.origin[m])
    return smallest if fixed == NO_MAXIMUM else max(smallest, fixed)


def _subnets(
    problem: Problem, ranked: Sequence[tuple[tuple[int, ...], tuple[int, ...]]], unproved: Sequence[int]
) -> Subnets:
    totals = np.array([totals for totals, _ in ranked], dtype=np.int64).reshape(-1, len(problem.metrics))
    candidates = np.array([choice for _, choice in ranked], dtype=np.int32).reshape(-1, len(problem.block_names))
    if unproved:
        best_known = [int(totals[0, 0])] if len(ranked) else []
        return Subnets(LIMIT, totals, candidates, min([*unproved, *best_known]))
    if not len(ranked):
        return Subnets(INFEASIBLE, totals, candidates)
    return Subnets(COMPLETE, totals, candidates, int(totals[0, 0]))

"""The best subnets of a LUT under budgets: validated here, found and proved by a backend."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

import numpy as np

from qabwnas.errors import InputError
from qabwnas.lut.lut import Lut
from qabwnas.search.backend import COMPLETE, INFEASIBLE, Backend, select_backend
from qabwnas.search.grid import UNLIMITED
from qabwnas.search.problem import Number, Problem
from qabwnas.search.totals import totals_in


@dataclass(frozen=True)
class Answer:
    """One subnet: exact totals of every metric that was measured for all its candidates, and a candidate a block."""

    totals: dict[str, Decimal]
    choice: dict[str, int]


@dataclass(frozen=True)
class SearchResult:
    """What a search found.

    Attributes:
        status: ``optimal`` (the answers are proved to be the best), or ``infeasible`` (no subnet fits).
        answers: the best subnets, best first; fewer than asked for where fewer fit.
        backend: which kernels made it, ``cpp`` or ``numba``.
        seconds: wall time of the search, setting up included.
        smallest: where nothing fits, for every budgeted metric the smallest total that the other budgets allow, or
            ``None`` where they allow nothing by themselves; empty otherwise.
    """

    status: Literal["optimal", "infeasible"]
    answers: tuple[Answer, ...]
    backend: str
    seconds: float
    smallest: dict[str, Decimal | None]


def search(
    lut: Lut,
    *,
    minimize: str | None = None,
    budgets: Mapping[str, Number] | None = None,
    top: int = 1,
    backend: str | None = None,
) -> SearchResult:
    """Find the ``top`` subnets with the smallest total of ``minimize`` whose totals keep every budget, and prove it.

    Subnets are ordered by the objective, then by the budgeted metrics in the LUT's order, then by candidates in block
    order; so an answer is never dominated, and every backend gives the same one. Arithmetic is exact: a budget equal to
    a subnet's total admits it.

    Args:
        lut: the tables.
        minimize: the objective, a metric of the LUT; by default :func:`default_objective`.
        budgets: metric name → inclusive upper bound on the total, fixed part included.
        top: how many answers, 1 or more.
        backend: ``auto``, ``cpp`` or ``numba``; by default what ``QABWNAS_BACKEND`` says.

    Raises:
        InputError: a metric is unknown or not measured throughout, a budget is not a number, or ``top`` is below 1.
        BackendError: the backend cannot be loaded.
        KeyboardInterrupt: Ctrl-C, answered within a fifth of a second.

    Complexity: O(rows log rows) for pruning; then as the direct search (``csrc/qabwnas/top.hpp``): exponential in the
    number of blocks at worst, microseconds to milliseconds on look-up tables of real networks.
    """
    started = time.perf_counter()
    if isinstance(top, bool) or not isinstance(top, int) or top < 1:
        raise InputError(f"top: {top!r} is not a whole number of 1 or more")
    kernels = select_backend(backend)
    minimize = default_objective(lut.metric_names) if minimize is None else minimize
    budgets = dict(budgets or {})
    for name in budgets:
        lut.metric(name)
    budgeted = [name for name in lut.metric_names if name in budgets and name != minimize]
    problem = Problem.of(lut, [minimize, *budgeted], kernels, k=top)
    bounds = problem.budget_units(budgets)
    status, totals, choice, _, _ = kernels.top(
        problem.values, problem.offsets, problem.is_max, problem.origin, bounds, top
    )
    if status == INFEASIBLE:
        smallest = {name: _smallest(problem, name, budgets, kernels) for name in budgets}
        return SearchResult("infeasible", (), kernels.name, time.perf_counter() - started, smallest)
    assert status == COMPLETE
    choice = problem.choice(choice)
    others = [name for name in lut.metric_names if name not in (minimize, *budgeted)]
    other_totals = [totals_in(lut, name, choice, kernels) for name in others]
    answers = []
    for n, rows in enumerate(choice):
        known = problem.decimals(totals[n])
        for name, column in zip(others, other_totals, strict=True):
            if (total := column[n]) is not None:
                known[name] = total
        in_order = {name: known[name] for name in lut.metric_names if name in known}
        answers.append(Answer(in_order, dict(zip(lut.block_names, rows.tolist(), strict=True))))
    return SearchResult("optimal", tuple(answers), kernels.name, time.perf_counter() - started, {})


def default_objective(metric_names: Sequence[str]) -> str:
    """Return the metric that is minimised where none is named: ``loss``, or ``nsr`` in a table without a ``loss``.

    Raises:
        InputError: there is neither.
    """
    for name in ("loss", "nsr"):
        if name in metric_names:
            return name
    raise InputError(f"there is neither 'loss' nor 'nsr' among {', '.join(metric_names)}: name what to minimize")


def _smallest(problem: Problem, name: str, budgets: Mapping[str, Number], kernels: Backend) -> Decimal | None:
    """The smallest total of a metric under the other metrics' budgets; ``None`` if nothing keeps those."""
    m = next(index for index, metric in enumerate(problem.metrics) if metric.name == name)
    first = [m, *(index for index in range(len(problem.metrics)) if index != m)]
    bounds = problem.budget_units(budgets)
    bounds[m] = UNLIMITED
    status, totals, _, _, _ = kernels.top(
        np.ascontiguousarray(problem.values[first]),
        problem.offsets,
        np.ascontiguousarray(problem.is_max[first]),
        np.ascontiguousarray(problem.origin[first]),
        np.ascontiguousarray(bounds[first]),
        1,
    )
    return None if status == INFEASIBLE else problem.grids[m].decimal(int(totals[0, 0]))

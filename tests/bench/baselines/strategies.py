"""Problems with budgets near totals, and the oracle's answer to them in units."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from qabwnas.lut.lut import Lut
from qabwnas.search.engine.backend import select_backend
from qabwnas.search.model.grid import UNLIMITED
from qabwnas.search.model.problem import Problem
from tests import oracle
from tests.search import BACKENDS
from tests.strategies import luts


@dataclass(frozen=True)
class Case:
    """A problem, budgets in units, and all its subnets that fit, best first: totals in units, then candidates."""

    problem: Problem
    budgets: NDArray[np.int64]
    fitting: list[tuple[list[int], list[int]]]


def case_of(lut: Lut, budgets: NDArray[np.int64]) -> Case:
    """The case of a LUT with budgets in units, by the oracle's subnets."""
    problem = Problem.of(lut, lut.metric_names, select_backend(BACKENDS[0]))
    fitting = []
    for vector, choice in sorted(oracle.subnets(lut, lut.metric_names)):
        scaled = [total * 10**grid.decimals for total, grid in zip(vector, problem.grids, strict=True)]
        totals = [int(total) for total in scaled]
        assert totals == scaled
        if all(total <= budget for total, budget in zip(totals, budgets.tolist(), strict=True)):
            fitting.append((totals, list(choice)))
    return Case(problem, budgets, fitting)


@st.composite
def cases(draw: st.DrawFn, max_metrics: int = 4) -> Case:
    """Any number of budgets, each equal to some subnet's total or one unit off."""
    lut = draw(luts(max_metrics=max_metrics))
    everything = case_of(lut, np.full(len(lut.metrics), UNLIMITED))
    budgets = np.full(len(lut.metrics), UNLIMITED)
    for m in draw(st.lists(st.sampled_from(range(len(lut.metrics))), unique=True)):
        totals, _ = draw(st.sampled_from(everything.fitting))
        budgets[m] = totals[m] + draw(st.integers(-1, 1))
    return case_of(lut, budgets)


@st.composite
def sum_cases(draw: st.DrawFn, n_budgets: int) -> Case:
    """Sums only, with a budget on every metric but the objective."""
    lut = draw(luts(min_metrics=n_budgets + 1, max_metrics=n_budgets + 1))
    metrics = tuple(type(metric)(metric.name, fixed=metric.fixed) for metric in lut.metrics)
    lut = Lut(metrics, lut.blocks)
    everything = case_of(lut, np.full(len(metrics), UNLIMITED))
    totals = [draw(st.sampled_from(everything.fitting))[0] for _ in metrics]
    budgets = np.array([total[m] + draw(st.integers(-1, 1)) for m, total in enumerate(totals)])
    budgets[0] = UNLIMITED
    return case_of(lut, budgets)

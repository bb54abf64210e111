"""Searches again and again over one LUT: what does not depend on what has changed is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from itertools import pairwise
from typing import cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qabwnas.errors import InputError
from qabwnas.io.fingerprint import canonical_json
from qabwnas.io.numeric import Number, WholeNumber, check_mapping, exact_number, exact_numbers
from qabwnas.lut.lut import Lut, LutBlock, Metric, Table
from qabwnas.search.api import Question, SearchResult, checked_budgets, compared_metrics
from qabwnas.search.constraints.region import Range, checked_ranges
from qabwnas.search.constraints.scope import Scope
from qabwnas.search.engine.backend import Backend, select_backend
from qabwnas.search.engine.strategy import DEFAULT_MAX_MEMORY, Method
from qabwnas.search.explain import Explanation, explain_problem
from qabwnas.search.frontier import Frontier
from qabwnas.search.model.grid import Grid
from qabwnas.search.model.problem import Problem, check_lut, check_scope, grid_of, known_column, listed_metrics
from qabwnas.search.recent import Recent

KEPT_PROBLEMS = 64
KEPT_FRONTS = 16


@dataclass(frozen=True)
class _Pruning:
    """What the rows that are left of a block depend on, besides its tables.

    ``columns`` are the compared metrics, whose weighted names say more, on their grids; ``metrics`` the LUT's.
    """

    block: str
    columns: frozenset[tuple[str, Grid]]
    metrics: frozenset[str]
    scope: str
    n_answers: int


class Session:
    """A LUT, and of the searches over it what later ones need.

    Kept are columns in units, a block and metric; pruned rows, a block, set of metrics, scope and number of answers;
    and built fronts. Under new budgets a search starts from the pruned rows: they are all that any budgets on the same
    metrics need. :meth:`with_block` and :meth:`with_column` return sessions that keep whatever does not depend on what
    they replace; the LUT itself never changes. Memory: units are kept as long as the session, a column once; of pruned
    rows and fronts the last :data:`KEPT_PROBLEMS` and :data:`KEPT_FRONTS` that were used.

    A session is for one thread; a pickled or copied one arrives with its LUT and nothing kept, on the default backend.
    Answers equal those of :func:`qabwnas.search` and :meth:`.Frontier.build`.

    Attributes:
        lut: the tables.
    """

    def __init__(self, lut: Lut, *, backend: str | None = None) -> None:
        """Start without anything kept.

        Raises:
            BackendError: the backend cannot be loaded.
            InputError: the LUT is none.
        """
        check_lut(lut)
        self.lut = lut
        self._kernels = select_backend(backend)
        self._grids: dict[str, Grid] = {}
        self._units: dict[tuple[str, str, Grid], NDArray[np.int64]] = {}  # by block, metric and grid
        self._kept: Recent[_Pruning, NDArray[np.bool_]] = Recent(KEPT_PROBLEMS * len(lut.blocks))
        self._problems: Recent[tuple[tuple[str, ...], str, int], Problem] = Recent(KEPT_PROBLEMS)
        self._fronts: Recent[tuple[tuple[str, ...], str], Frontier] = Recent(KEPT_FRONTS)

    def __reduce__(self) -> tuple[type[Session], tuple[Lut]]:
        return Session, (self.lut,)

    def __repr__(self) -> str:
        return f"<Session ({self._kernels.name}) over {self.lut!r}>"

    def search(
        self,
        *,
        minimize: str | None = None,
        budgets: Mapping[str, Number] | None = None,
        top: WholeNumber = 1,
        scope: Scope | None = None,
        distance: WholeNumber = 1,
        method: Method = "auto",
        time_limit: Number | None = None,
        node_limit: WholeNumber | None = None,
    ) -> SearchResult:
        """Search as :func:`qabwnas.search` does, with the same options and errors."""
        question = Question.of(
            self.lut,
            minimize,
            budgets,
            top,
            scope,
            distance,
            method,
            time_limit,
            node_limit,
            self._kernels.name,
        )
        problem = self._problem(question.metric_names, question.scope, question.top)
        return question.answer(self.lut, problem, self._totals_in)

    def explain(
        self,
        *,
        minimize: str | None = None,
        budgets: Mapping[str, Number] | None = None,
        scope: Scope | None = None,
    ) -> Explanation:
        """Explain an answer as :func:`qabwnas.search.explain.explain` does."""
        bounds = checked_budgets(budgets)
        names = compared_metrics(self.lut, minimize, bounds, scope)
        return explain_problem(self._problem(names, scope, 1), bounds, self._kernels)

    def front(
        self,
        minimize: Sequence[str],
        *,
        scope: Scope | None = None,
        within: Mapping[str, Range] | None = None,
        epsilon: Number = 0,
        max_memory: WholeNumber = DEFAULT_MAX_MEMORY,
    ) -> Frontier:
        """Build a front as :meth:`.Frontier.build` does, or return it where it was built before."""
        names = listed_metrics("minimize", minimize)
        check_scope(scope)
        ranges, factor = checked_ranges(within), exact_number("epsilon", epsilon)
        extent = sorted((name, str(low), str(high)) for name, (low, high) in ranges.items())
        key = (tuple(names), canonical_json([_text_of(scope), extent, str(factor)]))

        def built() -> Frontier:
            problem = self._problem(names, scope, 1)
            front = Frontier.of_problem(problem, self._kernels, scope, ranges, factor, max_memory)
            return replace(front, provenance=self.lut.provenance)

        return self._fronts.get_or_make(key, built)

    def with_block(self, name: str, tables: Sequence[Table]) -> Session:
        """Return a session in which a block has other tables.

        Raises:
            InputError: there is no such block, or the tables do not suit the LUT.
        """
        changed = LutBlock(self.lut.block(name).name, cast("tuple[Table, ...]", tables))
        lut = replace(self.lut, blocks=tuple(changed if block.name == name else block for block in self.lut.blocks))
        return self._after(lut, {name}, set(self.lut.metric_names))

    def with_column(self, metric: str, columns: Mapping[str, ArrayLike]) -> Session:
        """Return a session in which a metric has other values: ``columns`` has those of every candidate, by block name.

        Raises:
            InputError: there is no such metric or block, or the values are not as many finite numbers as candidates.
        """
        self.lut.metric(metric)
        check_mapping("columns", columns, "block to values")
        for name in columns:
            self.lut.block(name)
        blocks = tuple(
            _with_column(block, metric, columns[block.name]) if block.name in columns else block
            for block in self.lut.blocks
        )
        return self._after(replace(self.lut, blocks=blocks), set(columns), {metric})

    def _after(self, lut: Lut, blocks: set[str], metrics: set[str]) -> Session:
        """The session of a LUT that differs from this one's in the columns of ``metrics`` in ``blocks``."""
        session = Session(lut, backend=self._kernels.name)
        session._grids = {name: grid for name, grid in self._grids.items() if name not in metrics}
        session._units = {
            key: units for key, units in self._units.items() if key[0] not in blocks or key[1] not in metrics
        }
        session._kept = self._kept.where(lambda key: key.block not in blocks or not metrics & key.metrics)
        session._problems = self._problems.where(lambda key: not metrics & set(key[0]))
        session._fronts = self._fronts.where(lambda key: not metrics & set(key[0]))
        return session

    def _problem(self, metric_names: Sequence[str], scope: Scope | None, n_answers: int) -> Problem:
        """The problem over these metrics, of the rows that ``n_answers`` best subnets need under any budgets."""
        key = (tuple(metric_names), _text_of(scope), n_answers)
        return self._problems.get_or_make(key, lambda: self._pruned(metric_names, scope, n_answers))

    def _pruned(self, metric_names: Sequence[str], scope: Scope | None, n_answers: int) -> Problem:
        problem = Problem.of(self.lut, metric_names, self._kernels, scope, self._units_of)
        columns = frozenset(zip(problem.metric_names, problem.grids, strict=True))
        kept = []
        for b, name in enumerate(problem.block_names):
            pruning = _Pruning(name, columns, frozenset(metric_names), _text_of(scope), n_answers)
            rows = partial(_kept_rows, problem, b, n_answers, self._kernels)
            kept.append(self._kept.get_or_make(pruning, rows))
        return problem.with_rows(np.concatenate(kept))

    def _units_of(self, lut: Lut, metric: Metric, kernels: Backend) -> tuple[Grid, NDArray[np.int64]]:
        """As :func:`.units_of`."""
        if metric.name not in self._grids:
            columns = [known_column(block, metric.name) for block in lut.blocks]
            self._grids[metric.name] = grid_of(lut, metric, columns)
        grid = self._grids[metric.name]
        for block in lut.blocks:
            key = (block.name, metric.name, grid)
            if key not in self._units:
                self._units[key] = grid.units(known_column(block, metric.name), kernels, metric.name)
        return grid, np.concatenate([self._units[name, metric.name, grid] for name in lut.block_names])

    def _totals_in(
        self, lut: Lut, metric_name: str, choice: NDArray[np.int32], kernels: Backend
    ) -> list[Decimal | None]:
        """As :func:`.totals_in`."""
        metric = lut.metric(metric_name)
        grid, units = self._units_of(lut, metric, kernels)
        starts = np.cumsum([0, *(block.n_candidates for block in lut.blocks)])[:-1]
        chosen = units[starts + choice]
        if metric.fixed is not None:
            fixed = grid.units(np.array([metric.fixed]), kernels)
            chosen = np.concatenate([chosen, np.tile(fixed, (len(choice), 1))], axis=1)
        totals = chosen.sum(axis=1) if metric.aggregation == "sum" else chosen.max(axis=1)
        known = np.ones(len(choice), dtype=np.bool_)
        for b, block in enumerate(lut.blocks):
            measured = block.measured(metric_name)
            if measured is not None:
                known &= measured[choice[:, b]]
        return [grid.decimal(int(total)) if right else None for total, right in zip(totals, known, strict=True)]


def _kept_rows(problem: Problem, b: int, n_answers: int, kernels: Backend) -> NDArray[np.bool_]:
    """Which rows of a block are left, bool ``(n_rows of the block,)``; rows of different groups replace none."""
    first, last = problem.offsets[b : b + 2]
    groups = problem.groups[first:last] if problem.groups is not None else np.zeros(last - first, dtype=np.int64)
    kept = np.zeros(last - first, dtype=np.bool_)
    for group in np.unique(groups):
        rows = np.flatnonzero(groups == group)
        values = np.ascontiguousarray(problem.values[:, first + rows])
        kept[rows[kernels.prune(values, problem.is_max, n_answers)]] = True
    return kept


def _with_column(block: LutBlock, metric: str, values: ArrayLike) -> LutBlock:
    what = f"metric {metric!r}, block {block.name!r}"
    column = exact_numbers(what, values)
    if column.shape != (block.n_candidates,) or not np.isfinite(column).all():
        raise InputError(f"{what}: expected {block.n_candidates} finite numbers")
    rows = zip(block.tables, pairwise(block.starts), strict=True)
    return LutBlock(block.name, tuple(table.with_column(metric, column[low:high]) for table, (low, high) in rows))


def _text_of(scope: Scope | None) -> str:
    return canonical_json(scope.as_json() if scope is not None else {})

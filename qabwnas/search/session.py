"""Searches again and again over one LUT: what does not depend on what has changed is kept."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from itertools import pairwise
from typing import TypedDict, Unpack, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qabwnas.errors import InputError
from qabwnas.fingerprint import canonical_json
from qabwnas.lut.lut import Lut, LutBlock, Metric, Table
from qabwnas.search.backend import Backend, select_backend
from qabwnas.search.explain import Explanation, explain_problem
from qabwnas.search.extent import Range
from qabwnas.search.frontier import Frontier
from qabwnas.search.grid import Grid
from qabwnas.search.method import DEFAULT_MAX_MEMORY, Method
from qabwnas.search.problem import Number, Problem, grid_of, known_column
from qabwnas.search.recent import Recent
from qabwnas.search.scope import Scope
from qabwnas.search.search import Question, SearchResult, compared_metrics, default_objective

KEPT_PROBLEMS = 64
KEPT_FRONTS = 16


class SearchOptions(TypedDict, total=False):
    """Those of :func:`qabwnas.search`."""

    minimize: str | None
    budgets: Mapping[str, Number] | None
    top: int
    scope: Scope | None
    distance: int
    method: Method
    time_limit: float | None
    node_limit: int | None


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

    A session is for one thread; answers equal those of :func:`qabwnas.search` and :meth:`.Frontier.build`.

    Attributes:
        lut: the tables.
    """

    def __init__(self, lut: Lut, *, backend: str | None = None) -> None:
        """Start without anything kept.

        Raises:
            BackendError: the backend cannot be loaded.
        """
        self.lut = lut
        self._kernels = select_backend(backend)
        self._grids: dict[str, Grid] = {}
        self._units: dict[tuple[str, str, Grid], NDArray[np.int64]] = {}  # by block, metric and grid
        self._kept: Recent[_Pruning, NDArray[np.bool_]] = Recent(KEPT_PROBLEMS * len(lut.blocks))
        self._problems: Recent[tuple[tuple[str, ...], str, int], Problem] = Recent(KEPT_PROBLEMS)
        self._fronts: Recent[tuple[tuple[str, ...], str], Frontier] = Recent(KEPT_FRONTS)

    def search(self, **options: Unpack[SearchOptions]) -> SearchResult:
        """Search as :func:`qabwnas.search` does, with the same options and errors."""
        question = Question.of(
            self.lut,
            options.get("minimize"),
            options.get("budgets") or {},
            options.get("top", 1),
            options.get("scope"),
            options.get("distance", 1),
            options.get("method", "auto"),
            options.get("time_limit"),
            options.get("node_limit"),
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
        minimize = default_objective(self.lut.metric_names) if minimize is None else minimize
        names = compared_metrics(self.lut, minimize, budgets or {}, scope)
        return explain_problem(self._problem(names, scope, 1), budgets or {}, self._kernels)

    def front(
        self,
        minimize: Sequence[str],
        *,
        scope: Scope | None = None,
        within: Mapping[str, Range] | None = None,
        epsilon: Number = 0,
        max_memory: int = DEFAULT_MAX_MEMORY,
    ) -> Frontier:
        """Build a front as :meth:`.Frontier.build` does, or return it where it was built before."""
        if isinstance(minimize, str) or not minimize:
            raise InputError(f"minimize: {minimize!r} is not a list of metrics")
        extent = sorted((name, str(low), str(high)) for name, (low, high) in (within or {}).items())
        key = (tuple(minimize), canonical_json([_text_of(scope), extent, str(epsilon)]))

        def built() -> Frontier:
            problem = self._problem(minimize, scope, 1)
            return Frontier.of_problem(problem, self._kernels, scope, within or {}, epsilon, max_memory)

        return self._fronts.get_or_make(key, built)

    def with_block(self, name: str, tables: Sequence[Table]) -> Session:
        """Return a session in which a block has other tables.

        Raises:
            InputError: there is no such block, or the tables do not suit the LUT.
        """
        changed = LutBlock(self.lut.block(name).name, tuple(tables))
        lut = replace(self.lut, blocks=tuple(changed if block.name == name else block for block in self.lut.blocks))
        return self._after(lut, {name}, set(self.lut.metric_names))

    def with_column(self, metric: str, columns: Mapping[str, ArrayLike]) -> Session:
        """Return a session in which a metric has other values: ``columns`` has those of every candidate, by block name.

        Raises:
            InputError: there is no such metric or block, or the values are not as many finite numbers as candidates.
        """
        self.lut.metric(metric)
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
                self._units[key] = grid.units(known_column(block, metric.name), kernels)
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
    try:
        column = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"metric {metric!r}, block {block.name!r}: {error}") from error
    if column.shape != (block.n_candidates,) or not np.isfinite(column).all():
        raise InputError(f"metric {metric!r}, block {block.name!r}: expected {block.n_candidates} finite numbers")
    tables = []
    for table, (first, last) in zip(block.tables, pairwise(block.starts), strict=True):
        # What the table has may be read late, and is never written through a ChainMap.
        rest = cast("MutableMapping[str, NDArray[np.float64]]", table.columns)
        columns = ChainMap({metric: column[first:last].copy()}, rest)
        measured = {name: mask for name, mask in table.measured.items() if name != metric}
        tables.append(replace(table, columns=columns, measured=measured))
    return LutBlock(block.name, tuple(tables))


def _text_of(scope: Scope | None) -> str:
    return canonical_json(scope.as_json() if scope is not None else {})

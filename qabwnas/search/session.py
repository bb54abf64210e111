"""Sessions: repeated searches over one LUT that reuse every intermediate result that did not change."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import cast

import numpy as np
from numpy.typing import ArrayLike

from qabwnas.errors import InputError
from qabwnas.io.fingerprint import canonical_json
from qabwnas.io.numeric import Number, WholeNumber, check_mapping, exact_number, exact_numbers
from qabwnas.lut.lut import Lut, LutBlock, Table
from qabwnas.search.api import SearchRequest, SearchResult
from qabwnas.search.arguments import (
    Budget,
    LutSource,
    check_scope,
    checked_budgets,
    checked_objective,
    compared_metrics,
    front_columns,
    opened_lut,
)
from qabwnas.search.constraints.scope import Scope
from qabwnas.search.engine.backend import select_backend
from qabwnas.search.engine.bit_width_groups import Limits
from qabwnas.search.engine.strategy import DEFAULT_MAX_MEMORY, Method
from qabwnas.search.explain import Explanation, explain_problem
from qabwnas.search.front.region import Range, checked_ranges
from qabwnas.search.frontier import Frontier
from qabwnas.search.model.totals import kept_totals_in
from qabwnas.search.session_cache import SessionCache


class Session:
    """A LUT, with intermediate results that are kept for the next search.

    >>> session = Session(lut)
    >>> results = [session.search(budgets={"size_bytes": size}) for size in (1e6, 2e6, 3e6)]

    Kept are pruned rows (per block, set of metrics, scope and number of answers) and built fronts. Columns in units are
    kept with the LUT, for all searches of it (:mod:`qabwnas.search.model.kept_columns`). A search under new budgets
    starts from the pruned rows, which suffice for all budgets on the same metrics. :meth:`with_block` and
    :meth:`with_column` return sessions that keep everything that does not depend on the change; a LUT itself never
    changes. Memory: pruned rows and fronts of the last 64 problems and 16 fronts that were used.

    A session is for one thread. A pickled or copied session has its LUT, no kept results, and the default backend.
    Answers equal those of :func:`qabwnas.search` and :meth:`.Frontier.build`.

    Attributes:
        lut: the table.
    """

    def __init__(self, lut: LutSource, *, backend: str | None = None) -> None:
        """Start a session without kept results.

        Raises:
            BackendError: the backend cannot be loaded.
            InputError: ``lut`` is neither a LUT nor a path.
        """
        self.lut = lut = opened_lut(lut)
        self._kernels = select_backend(backend)
        self._cache = SessionCache(lut, self._kernels)

    def __reduce__(self) -> tuple[type[Session], tuple[Lut]]:
        return Session, (self.lut,)

    def __repr__(self) -> str:
        return f"<Session ({self._kernels.name}) over {self.lut!r}>"

    def search(
        self,
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
    ) -> SearchResult:
        """Search like :func:`qabwnas.search`, with the same options and errors."""
        request = SearchRequest.of(
            self.lut,
            minimize,
            maximize,
            budgets,
            top,
            scope,
            min_distance,
            method,
            time_limit,
            node_limit,
            self._kernels.name,
        )
        problem = self._cache.problem(request.columns, request.scope, request.top)
        return request.answer(self.lut, problem, kept_totals_in)

    def explain(
        self,
        *,
        minimize: str | None = None,
        maximize: str | None = None,
        budgets: Mapping[str, Budget] | None = None,
        scope: Scope | None = None,
        time_limit: Number | None = None,
        node_limit: WholeNumber | None = None,
    ) -> Explanation:
        """Explain an answer like :func:`qabwnas.explain`."""
        limits = Limits.of(time_limit, node_limit, time.perf_counter())
        bounds = checked_budgets(self.lut, budgets)
        columns = compared_metrics(self.lut, checked_objective(self.lut, minimize, maximize), bounds, scope)
        return explain_problem(self._cache.problem(columns, scope, 1), bounds, self._kernels, limits)

    def front(
        self,
        minimize: Sequence[str],
        *,
        scope: Scope | None = None,
        within: Mapping[str, Range] | None = None,
        epsilon: Number = 0,
        max_memory: WholeNumber = DEFAULT_MAX_MEMORY,
    ) -> Frontier:
        """Build a front like :meth:`.Frontier.build`, or return the one that was built before."""
        columns = front_columns(self.lut, minimize)
        check_scope(scope)
        ranges, factor = checked_ranges(within, self.lut), exact_number("epsilon", epsilon)
        region = [sorted((name, str(low), str(high)) for name, (low, high) in ranges.items()), str(factor)]

        def built() -> Frontier:
            problem = self._cache.problem(columns, scope, 1)
            front = Frontier.of_problem(problem, self._kernels, scope, ranges, factor, max_memory)
            return front.of_lut(self.lut)

        return self._cache.front(columns, scope, canonical_json(region), built)

    def with_block(self, name: str, tables: Sequence[Table]) -> Session:
        """Return a session in which a block has other tables.

        Raises:
            InputError: there is no such block, or the tables do not suit the LUT.
        """
        changed = LutBlock(self.lut.block(name).name, cast("tuple[Table, ...]", tables))
        lut = replace(self.lut, blocks=tuple(changed if block.name == name else block for block in self.lut.blocks))
        return self._after(lut, {name}, set(self.lut.metric_names))

    def with_column(self, metric: str, columns: Mapping[str, ArrayLike]) -> Session:
        """Return a session in which a metric has other values: ``columns`` maps block names to ``(n_candidates,)``.

        Raises:
            InputError: there is no such metric or block, or a column is not one finite number per candidate.
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
        """Return the session of a LUT that differs from this one in the columns of ``metrics`` in ``blocks``."""
        session = Session(lut, backend=self._kernels.name)
        session._cache = self._cache.after(lut, blocks, metrics)
        return session


def _with_column(block: LutBlock, metric: str, values: ArrayLike) -> LutBlock:
    what = f"metric {metric!r}, block {block.name!r}"
    column = exact_numbers(what, values)
    if column.shape != (block.n_candidates,) or not np.isfinite(column).all():
        raise InputError(f"{what}: expected {block.n_candidates} finite numbers")
    rows = zip(block.tables, pairwise(block.starts), strict=True)
    return LutBlock(block.name, tuple(table.with_column(metric, column[low:high]) for table, (low, high) in rows))

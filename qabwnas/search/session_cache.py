"""What a session keeps between searches: pruned rows, problems and fronts. Columns are kept with the LUT.

Every entry is keyed by all that it depends on. So a session of a changed LUT can keep the entries that do not depend on
the change.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from qabwnas.io.fingerprint import canonical_json
from qabwnas.lut.lut import Lut
from qabwnas.search.constraints.budgets import Column
from qabwnas.search.constraints.scope import Scope
from qabwnas.search.engine.backend import Backend
from qabwnas.search.frontier import Frontier
from qabwnas.search.model.grid import Grid
from qabwnas.search.model.kept_columns import KeptColumns
from qabwnas.search.model.problem import Problem

MAX_PROBLEMS = 64
MAX_FRONTS = 16

Key = TypeVar("Key")
Value = TypeVar("Value")


class RecentCache(Mapping[Key, Value]):
    """A cache of at most ``max_entries`` entries that drops the least recently used one; O(1)."""

    def __init__(self, max_entries: int, entries: Mapping[Key, Value] | None = None) -> None:
        """Start with some entries; if they are too many, the last are kept."""
        self._max_entries = max_entries
        self._entries = OrderedDict(entries or {})
        self._evict()

    def get_or_make(self, key: Key, make: Callable[[], Value]) -> Value:
        """Return the cached value, or cache and return the result of ``make``."""
        if key not in self._entries:
            self._entries[key] = make()
        self._entries.move_to_end(key)
        value = self._entries[key]
        self._evict()
        return value

    def where(self, holds: Callable[[Key], bool]) -> RecentCache[Key, Value]:
        """Return a cache of the entries whose keys satisfy ``holds``."""
        return RecentCache(self._max_entries, {key: value for key, value in self._entries.items() if holds(key)})

    def _evict(self) -> None:
        while len(self._entries) > self._max_entries:
            self._entries.popitem(last=False)

    def __getitem__(self, key: Key) -> Value:
        return self._entries[key]

    def __iter__(self) -> Iterator[Key]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)


@dataclass(frozen=True)
class _Pruning:
    """What the remaining rows of a block depend on, besides its tables.

    ``columns`` are the compared metrics with their grids; a weighted name says more than the LUT's ``metrics``.
    """

    block: str
    columns: frozenset[tuple[str, Grid]]
    metrics: frozenset[str]
    scope: str
    n_answers: int


class SessionCache:
    """The intermediate results of the searches of one session."""

    def __init__(self, lut: Lut, kernels: Backend) -> None:
        self._lut, self._kernels = lut, kernels
        self._kept: RecentCache[_Pruning, NDArray[np.bool_]] = RecentCache(MAX_PROBLEMS * len(lut.blocks))
        self._problems: RecentCache[tuple[tuple[Column, ...], str, int], Problem] = RecentCache(MAX_PROBLEMS)
        self._fronts: RecentCache[tuple[tuple[Column, ...], str], Frontier] = RecentCache(MAX_FRONTS)

    def after(self, lut: Lut, blocks: set[str], metrics: set[str]) -> SessionCache:
        """Return the cache for a LUT that differs from this one in the columns of ``metrics`` in ``blocks``."""
        cache = SessionCache(lut, self._kernels)
        KeptColumns.pass_on(self._lut, lut, blocks, metrics)
        cache._kept = self._kept.where(lambda key: key.block not in blocks or not metrics & key.metrics)
        cache._problems = self._problems.where(lambda key: not metrics & metrics_of(key[0]))
        cache._fronts = self._fronts.where(lambda key: not metrics & metrics_of(key[0]))
        return cache

    def front(
        self, columns: Sequence[Column], scope: Scope | None, region: str, make: Callable[[], Frontier]
    ) -> Frontier:
        """Return the front over these columns; ``region`` says, as text, what else it depends on."""
        return self._fronts.get_or_make((tuple(columns), canonical_json([_text_of(scope), region])), make)

    def problem(self, columns: Sequence[Column], scope: Scope | None, n_answers: int) -> Problem:
        """Return the problem over these columns, with the rows that ``n_answers`` subnets need under any budgets."""
        key = (tuple(columns), _text_of(scope), n_answers)
        return self._problems.get_or_make(key, lambda: self._pruned(columns, scope, n_answers))

    def _pruned(self, compared: Sequence[Column], scope: Scope | None, n_answers: int) -> Problem:
        problem = Problem.of(self._lut, compared, self._kernels, scope)
        columns = frozenset(zip(problem.metric_names, problem.grids, strict=True))
        kept = []
        for b, name in enumerate(problem.block_names):
            pruning = _Pruning(name, columns, frozenset(metrics_of(compared)), _text_of(scope), n_answers)
            rows = partial(_kept_rows, problem, b, n_answers, self._kernels)
            kept.append(self._kept.get_or_make(pruning, rows))
        return problem.with_rows(np.concatenate(kept))


def metrics_of(columns: Iterable[Column]) -> set[str]:
    """Return the metrics of the LUT that columns are made of."""
    names: set[str] = set()
    for column in columns:
        names |= {column} if isinstance(column, str) else {metric.name for metric in column.terms}
    return names


def _kept_rows(problem: Problem, b: int, n_answers: int, kernels: Backend) -> NDArray[np.bool_]:
    """Return which rows of a block remain, bool ``(n_rows of the block,)``; each group is pruned separately."""
    first, last = problem.offsets[b : b + 2]
    groups = problem.groups[first:last] if problem.groups is not None else np.zeros(last - first, dtype=np.int64)
    kept = np.zeros(last - first, dtype=np.bool_)
    for group in np.unique(groups):
        rows = np.flatnonzero(groups == group)
        values = np.ascontiguousarray(problem.values[:, first + rows])
        kept[rows[kernels.prune(values, problem.is_max, n_answers)]] = True
    return kept


def _text_of(scope: Scope | None) -> str:
    return canonical_json(scope.as_json() if scope is not None else {})

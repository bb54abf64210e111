"""The exact Pareto front of a LUT: built once, then queried many times."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qabwnas.errors import FormatError, FrontLimitError, InputError
from qabwnas.io.numeric import Number, WholeNumber, check_mapping, number_array, whole_number
from qabwnas.lut.lut import Lut
from qabwnas.search.arguments import LutSource, front_columns, opened_lut
from qabwnas.search.constraints.scope import Scope
from qabwnas.search.constraints.shares import Shares, largest_totals
from qabwnas.search.engine import bit_width_groups
from qabwnas.search.engine.backend import INFEASIBLE, LIMIT, Backend, select_backend
from qabwnas.search.engine.strategy import DEFAULT_MAX_MEMORY
from qabwnas.search.front.budgets import front_budget, negated_numbers, read_bound, shares_of_largest, summed_units
from qabwnas.search.front.index import MinimumTree
from qabwnas.search.front.presented import PresentedFront
from qabwnas.search.front.region import FrontRegion, Range, checked_ranges
from qabwnas.search.model.derived import as_shown
from qabwnas.search.model.problem import Problem

_INDICES = frozenset({"_index", "_last_sums"})
"""What a front keeps for queries, and does not pickle."""


class Frontier(PresentedFront):
    """The mutually non-dominated subnets over two or more metrics, with the candidates of each.

    >>> front = Frontier.build(lut, ["loss", "size_bytes"])
    >>> front[0].totals, front[0].descriptions  # the point with the smallest loss, as an answer
    >>> points = front.query({"size_bytes": [1e6, 2e6]})  # the number of the best point per budget, −1 if none fits

    Points are sorted by their totals lexicographically, in the order of the metrics. The first metric is the objective
    of queries. No two points have equal totals: of such subnets, the front keeps the one whose candidates come first,
    compared in block order. Fronts compare and hash by identity. A pickled or deep-copied front is in memory and does
    not need its file.

    Points are numbered from 0. A query returns −1 if no point fits. :meth:`candidates_of` and :meth:`values` mask −1.
    Do not index :attr:`units` or :attr:`candidates` with it: numpy would count from the end.

    Attributes:
        metrics: the metrics, in the order given to :meth:`build`. Those that are maximised have ``higher_is_better``.
        grids: the decimal grid of the totals of each metric.
        block_names: in block order.
        units: int64 ``(n_points, n_metrics)``, totals in units of their grids, as they are compared: those of metrics
            that are maximised are negated. All methods take and return true totals.
        choices: the candidates of the points, reconstructed on request. If the front was opened from a file, units and
            candidates are memory-mapped: only the parts that are used are read.
        backend: the name of the backend that built the front.
        region: which part of the exact front this is, and whether it is thinned.
        scope: what the subnets could be chosen from; ``None``: anything. With weights, the first metric is the weighted
            one, and is called so: ``weighted loss``.
        path: the file that the front was opened from.
        provenance: JSON values, copied from the LUT; a file keeps them.
        largest: metric name → the largest total in the LUT, for budgets that are shares of it (``60%``); empty if
            unknown.
        describe: returns the description of a candidate, given block name and number: of the LUT, or of the candidates
            that points have in the front's file; ``None`` if that is not known (:meth:`of_problem`, older files).
    """

    @classmethod
    def build(
        cls,
        lut: LutSource,
        minimize: Sequence[str],
        *,
        scope: Scope | None = None,
        within: Mapping[str, Range] | None = None,
        epsilon: Number = 0,
        max_memory: WholeNumber = DEFAULT_MAX_MEMORY,
        backend: str | None = None,
    ) -> Frontier:
        """Build the front of ``lut`` over the metrics ``minimize``; complexity: see ``csrc/front/front.hpp``.

        >>> whole = Frontier.build(lut, ["loss", "size_bytes", "latency_ms"])
        >>> part = Frontier.build(lut, ["loss", "latency_ms"], within={"latency_ms": (5, 20)}, epsilon="0.01")

        Args:
            lut: the table, or the path of its file.
            minimize: the metrics, or sums of them (``size_bytes+macs``); the first is the objective. Higher-is-better
                metrics are maximised, and so is ``accuracy`` if it is given as ``-accuracy``. With
                weights, the objective is the weighted metric, and the plain metric may be listed again after it, so
                that it can have budgets.
            scope: which candidates may be chosen, and weights of the objective; by default anything, unweighted.
            within: metric name → the smallest and the largest total, inclusive, ``None`` for no bound: build only that
                region of the front. Upper bounds save work; lower bounds only remove points. A text may have a unit, or
                be a share (``"60%"``, ``"60% of teacher"``).
            epsilon: from 0 to 1. Above 0 the front has far fewer points, and for all budgets on the other metrics it
                has a point whose objective is at most 1 + ``epsilon`` times the best. The objective may not be
                negative anywhere.
            max_memory: how many bytes building may use, for points and all working memory. The table itself does not
                count.
            backend: as for :func:`qabwnas.search`.

        Raises:
            InputError: a metric is unknown, listed twice or not measured for every candidate; no metric is listed; the
                scope does not suit the LUT; a bound or ``epsilon`` cannot be used; or no subnet is within the bounds.
            FrontLimitError: building needs more than ``max_memory``, or the front has more points than can be numbered.
            BackendError: the backend cannot be loaded.
            KeyboardInterrupt: Ctrl-C, raised within a fifth of a second.
        """
        lut = opened_lut(lut)
        columns = front_columns(lut, minimize)
        kernels = select_backend(backend)
        problem = Problem.of(lut, columns, kernels, scope, k=1)
        front = cls.of_problem(problem, kernels, scope, checked_ranges(within, lut), epsilon, max_memory)
        return front.of_lut(lut)

    def of_lut(self, lut: Lut) -> Frontier:
        """Return the front with what it keeps of its LUT."""
        names = [name for name in self.metric_names if set(name.split("+")) <= set(lut.metric_names)]
        largest = largest_totals(lut, names)
        return replace(self, provenance=lut.provenance, describe=lut.describe, largest=largest)

    @classmethod
    def of_problem(
        cls,
        problem: Problem,
        kernels: Backend,
        scope: Scope | None,
        within: Mapping[str, Range] | None,
        epsilon: Number,
        max_memory: WholeNumber,
    ) -> Frontier:
        """Build the front of a problem that was set up within ``scope``; other arguments as for :meth:`build`."""
        n_bytes = min(whole_number("max_memory", max_memory), 2**62)
        region = FrontRegion.of(problem, within, epsilon)
        high = np.array(region.high, dtype=np.int64)
        found = bit_width_groups.front(problem, high, region.slack(problem), n_bytes, kernels)
        names = ", ".join(problem.metric_names)
        if found.status == LIMIT and found.n_points >= kernels.max_points:
            raise FrontLimitError(
                f"the front over {names} has more than {kernels.max_points} points, as many as can be numbered, with "
                f"block {found.n_blocks} of {len(problem.block_names)}; take a part of it (within), fewer points "
                "(epsilon), or search directly"
            )
        if found.status == LIMIT:
            progress = (
                f"with block {found.n_blocks} of {len(problem.block_names)} it had {found.n_points} points"
                if found.n_blocks > 0
                else "preparing the blocks alone does"
            )
            raise FrontLimitError(
                f"the front over {names} takes more than {n_bytes} bytes: {progress}; take a part of it (within), "
                "fewer points (epsilon) or more memory (max_memory), or search directly"
            )
        wanted = region.holds(found.totals)
        if found.status == INFEASIBLE or not wanted.any():
            raise InputError(f"no subnet of the front over {names} lies within the bounds")
        totals, choices = found.totals, found.choices
        if not wanted.all():
            totals, choices = totals[wanted], choices.taken(np.flatnonzero(wanted))
        return cls(
            tuple(map(as_shown, problem.metrics)),
            problem.grids,
            problem.block_names,
            totals,
            choices,
            kernels.name,
            region,
            None if scope == Scope() else scope,
        )

    def query(
        self, budgets: Mapping[str, ArrayLike], *, threads: WholeNumber | None = None, backend: str | None = None
    ) -> NDArray[np.int64]:
        """Return for every budget the number of the best point within it, or −1 if no point fits.

        >>> points = front.query({"size_bytes": [1e6, 2e6], "latency_ms": 20})
        >>> front.candidates_of(points)  # one row per budget, one column per block

        Args:
            budgets: metric name → upper bounds on the total, inclusive: numbers of Python or numpy, each of which
                stands for its shortest decimal. Scalars and arrays are broadcast together. NaN and ∞ mean no bound.
                ``size_bytes+peak_bytes`` bounds the sum of the totals of several metrics. A metric that is maximised
                takes lower bounds: ``accuracy>=``. A text may have a unit, or be a share of the largest total of the
                LUT: ``"60%"``.
            threads: how many threads to use at most, 1 or more; by default as many as the process may use cores. A few
                queries use one thread. The answers do not depend on it.
            backend: as for :meth:`build`.

        Returns:
            int64, of the broadcast shape (at least one-dimensional). :meth:`candidates_of` and :meth:`values` accept
            it unchanged, and mask −1.

        Raises:
            InputError: a metric is not one of the front's, bounds are not numbers, shapes do not broadcast,
                ``threads`` is below 1, or the front may lack the answer (:class:`.FrontRegion`,
                :mod:`qabwnas.search.front.budgets`).
            FormatError: the points in the file of the front are not sorted.

        Complexity: O(log points) per query with one budgeted metric; with several, about log points if the metrics
        agree, all points in the worst case. The first call builds the index: O(points × metrics); so does the first
        call for a sum.
        """
        kernels = select_backend(backend)
        check_mapping("budgets", budgets, "metric to numbers")
        if not budgets:
            raise InputError("budgets: none are given")
        bounded = [front_budget(self.metrics, name) for name in budgets]
        arrays = [
            np.atleast_1d(
                number_array(f"budget {name!r}", read_bound(self.metrics, self.largest, budget, name, values))
            )
            for budget, (name, values) in zip(bounded, budgets.items(), strict=True)
        ]
        try:
            bounds = np.broadcast_arrays(*arrays)
        except ValueError as error:
            raise InputError(f"budgets: {error}") from error
        units = np.column_stack(
            [
                budget.grid(self.grids).budget_units(
                    negated_numbers(bound.ravel()) if budget.is_lower else bound.ravel(), kernels, f"budget {name!r}"
                )
                for budget, name, bound in zip(bounded, budgets, bounds, strict=True)
            ]
        )
        positions = [budget.positions for budget in bounded]
        return self.first_within(positions, units, kernels, threads).reshape(bounds[0].shape)

    def shares(self, names: Sequence[str]) -> Shares:
        """Return what shares of the sum of some metrics are of: the largest total in the LUT."""
        return shares_of_largest([self.metrics[self._position(name)] for name in names], self.largest)

    def first_within(
        self,
        positions: Sequence[tuple[int, ...]],
        units: NDArray[np.int64],
        kernels: Backend,
        threads: WholeNumber | None = None,
    ) -> NDArray[np.int64]:
        """Return the best point within every row of ``units`` ``(n, len(positions))``, bounds in grid units, or −1.

        ``positions`` are those of the metrics whose stored totals are added, on the finest of their grids;
        :data:`qabwnas.search.model.grid.UNLIMITED` means no bound; ``threads`` as for :meth:`query`.
        """
        single = [i for i, metrics in enumerate(positions) if len(metrics) == 1]
        self.region.check_budgets(self.metric_names, [positions[i][0] for i in single], units[:, single])
        if len(single) == len(positions):
            return self._index.first_within([m for (m,) in positions], units, kernels, threads)
        index = self._index_of_sums(tuple(positions))
        return index.first_within(range(len(positions)), units, kernels, threads)

    def _index_of_sums(self, positions: tuple[tuple[int, ...], ...]) -> MinimumTree:
        """Return the index over the totals of sums of metrics; the last one is kept."""
        known: tuple[tuple[tuple[int, ...], ...], MinimumTree] | None = self.__dict__.get("_last_sums")
        if known is not None and known[0] == positions:
            return known[1]
        self._check_sorted()
        tree = MinimumTree.over(np.stack([summed_units(self.units, self.grids, metrics) for metrics in positions]))
        self.__dict__["_last_sums"] = positions, tree
        return tree

    def with_objective(self, metric: str) -> Frontier:
        """Return the same front, sorted so that ``metric`` is the objective of queries; O(points log points).

        Raises:
            InputError: the front has no such metric, or was thinned for another objective.
        """
        m = self._position(metric)
        order = [m, *(other for other in range(len(self.metrics)) if other != m)]
        units = self.units[:, order]
        points = np.lexsort(units.T[::-1])
        return replace(
            self,
            metrics=tuple(self.metrics[i] for i in order),
            grids=tuple(self.grids[i] for i in order),
            units=np.ascontiguousarray(units[points]),
            choices=self.choices.taken(points),
            region=self.region.reordered(order),
            path=None,
        )

    def save(self, path: str | os.PathLike[str], *, provenance: Mapping[str, Any] | None = None) -> None:
        """Write the front to HDF5 (``lut/FORMAT.md``), atomically, with its provenance or the given one.

        >>> front.save("front.h5")
        >>> front = Frontier.open("front.h5")

        Raises:
            InputError: the name ends like another kind of file, or the provenance is not made of JSON values.
            OSError: the file cannot be written.
        """
        from qabwnas.search.front.file import write_front

        write_front(self, path, self.provenance if provenance is None else provenance)

    def save_csv(self, path: str | os.PathLike[str]) -> None:
        """Write the front as CSV, atomically: one row per point, with its exact totals and the candidate of each block.

        Raises:
            InputError: the name ends like another kind of file.
            OSError: the file cannot be written.
        """
        from qabwnas.search.front.file import write_front_csv

        write_front_csv(self, path)

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Frontier:
        """Open a front that :meth:`save` wrote, in a few milliseconds for any size: points are memory-mapped.

        Raises:
            FormatError: the file is not a front, or is damaged; the message names the path inside the file.
            OSError: the file cannot be read.
        """
        from qabwnas.search.front.file import read_front

        return read_front(path, cls)

    def __getstate__(self) -> dict[str, Any]:
        from qabwnas.search.front.descriptions import stored_descriptions

        state = {
            name: value for name, value in vars(self).items() if name not in _INDICES
        }  # the index is quick to rebuild
        return {**state, "describe": stored_descriptions(self)}  # not the LUT

    @cached_property
    def _index(self) -> MinimumTree:
        self._check_sorted()
        return MinimumTree.over(np.ascontiguousarray(self.units.T))

    def _check_sorted(self) -> None:
        objective = self.units[:, 0]
        if self.path is not None and (objective[1:] < objective[:-1]).any():
            raise FormatError(f"{self.path}: /totals: the points are not sorted by the first metric")

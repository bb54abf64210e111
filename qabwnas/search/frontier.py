"""The exact front of a LUT, built once and asked many times."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qabwnas.errors import FormatError, FrontLimitError, InputError
from qabwnas.io.numeric import Number, WholeNumber, check_mapping, number_array, shown, whole_number
from qabwnas.lut.lut import Lut, Metric
from qabwnas.search.constraints.region import Extent, Range
from qabwnas.search.constraints.scope import Scope
from qabwnas.search.engine import bit_width_groups as parts
from qabwnas.search.engine.backend import INFEASIBLE, LIMIT, Backend, select_backend
from qabwnas.search.engine.choices import Choices
from qabwnas.search.engine.minimum_tree import MinimumTree
from qabwnas.search.engine.strategy import DEFAULT_MAX_MEMORY
from qabwnas.search.model.grid import Grid
from qabwnas.search.model.problem import Problem, check_lut, listed_metrics

NO_POINT = -1
"""What a query answers where no point fits."""

_MOST_THREADS = 1024


@dataclass(frozen=True, eq=False, repr=False)
class Frontier:
    """The mutually non-dominated subnets over two or more metrics, each with the candidates that make it.

    Points are sorted by their totals lexicographically, in the order of the metrics: the first metric is the objective
    of queries. No two points have equal totals; of equal subnets the one with the lowest candidates in block order is
    kept. Fronts compare and hash by identity. A pickled or deep-copied front is held in memory, without its file.

    Points are numbered from 0. A query answers −1 where no point fits. :meth:`candidates_of` and :meth:`values` mask
    −1. Do not index :attr:`units` or :attr:`candidates` with it: numpy would count from the end.

    Attributes:
        metrics: the metrics, in the order that they were asked for.
        grids: the decimal grid of every metric's totals.
        block_names: in block order.
        units: int64 ``(n_points, n_metrics)``, totals in units of their grids.
        choices: the chosen candidates, of which those that are asked for are rebuilt.
            Of a front that was opened from a file, both are mapped: read when, and where, they are looked at.
        backend: which kernels built it.
        extent: which part of the exact front it is, and how closely.
        scope: what its subnets were chosen from; ``None`` for anything. With weights the first metric is the weighted
            one, under a name that says so, such as ``weighted loss``.
        path: the file that it was opened from.
        provenance: JSON values, those of the LUT; a file keeps them.
    """

    metrics: tuple[Metric, ...]
    grids: tuple[Grid, ...]
    block_names: tuple[str, ...]
    units: NDArray[np.int64]
    choices: Choices
    backend: str
    extent: Extent
    scope: Scope | None = None
    path: Path | None = None
    provenance: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def build(
        cls,
        lut: Lut,
        minimize: Sequence[str],
        *,
        scope: Scope | None = None,
        within: Mapping[str, Range] | None = None,
        epsilon: Number = 0,
        max_memory: WholeNumber = DEFAULT_MAX_MEMORY,
        backend: str | None = None,
    ) -> Frontier:
        """Build the front of ``lut`` over the metrics ``minimize``; complexity as ``csrc/front/front.hpp``.

        Args:
            lut: the table.
            minimize: the metrics; the first is the objective. With weights that is the weighted metric, and the plain
                one may be named again behind it, as one to set budgets on.
            scope: what may be chosen, and weights of the objective; by default anything, unweighted.
            within: metric name → the least and the largest total wanted, inclusive, ``None`` for no bound: only that
                part of the exact front. Upper bounds spare work, lower bounds only points.
            epsilon: from 0 to 1. Not 0: far fewer points, and at every budget on the other metrics one whose objective
                is at most 1 + ``epsilon`` times the best. The objective may not be negative anywhere.
            max_memory: bytes that building it may take: points, and all that is held to find them. The table itself is
                not counted.
            backend: as for :func:`qabwnas.search`.

        Raises:
            InputError: a metric is unknown, named twice or not measured throughout; fewer than one is named; the scope
                does not suit the LUT; a bound or ``epsilon`` cannot be used; or nothing lies within the bounds.
            FrontLimitError: it would take more than ``max_memory``, or have more points than can be numbered.
            BackendError: the backend cannot be loaded.
            KeyboardInterrupt: Ctrl-C, answered within a fifth of a second.
        """
        check_lut(lut)
        names = listed_metrics("minimize", minimize)
        kernels = select_backend(backend)
        problem = Problem.of(lut, names, kernels, scope, k=1)
        front = cls.of_problem(problem, kernels, scope, within, epsilon, max_memory)
        return replace(front, provenance=lut.provenance)

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
        """Build the front of a problem that was set up within ``scope``; the rest as for :meth:`build`."""
        n_bytes = min(whole_number("max_memory", max_memory), 2**62)
        extent = Extent.of(problem, within, epsilon)
        high = np.array(extent.high, dtype=np.int64)
        found = parts.front(problem, high, extent.slack(problem), n_bytes, kernels)
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
        wanted = extent.holds(found.totals)
        if found.status == INFEASIBLE or not wanted.any():
            raise InputError(f"no subnet of the front over {names} lies within the bounds")
        totals, choices = found.totals, found.choices
        if not wanted.all():
            totals, choices = totals[wanted], choices.taken(np.flatnonzero(wanted))
        return cls(
            problem.metrics,
            problem.grids,
            problem.block_names,
            totals,
            choices,
            kernels.name,
            extent,
            None if scope == Scope() else scope,
        )

    def __len__(self) -> int:
        return len(self.units)

    def __repr__(self) -> str:
        return f"<Frontier ({self.backend}): points {len(self)}, metrics {', '.join(map(repr, self.metric_names))}>"

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_tree"}  # the index is soon rebuilt

    @property
    def metric_names(self) -> tuple[str, ...]:
        return tuple(metric.name for metric in self.metrics)

    @property
    def candidates(self) -> NDArray[np.int32]:
        """The chosen candidates of all points, int32 ``(n_points, n_blocks)``.

        They are written anew at every look, unless they are mapped: of a large front ask for some.
        """
        return self.choices.all()

    def totals(self, point: int) -> dict[str, Decimal]:
        """Return a point's totals as exact decimals, by metric name.

        Raises:
            InputError: there is no such point. −1, which a query answers where no point fits, is refused too.
        """
        units = self.units[self._point(point)]
        return {
            metric.name: grid.decimal(int(total))
            for metric, grid, total in zip(self.metrics, self.grids, units, strict=True)
        }

    def choice(self, point: int) -> dict[str, int]:
        """Return a point's candidates, by block name; raises as :meth:`totals`."""
        (candidates,) = self.candidates_of([self._point(point)])
        return dict(zip(self.block_names, candidates.tolist(), strict=True))

    def candidates_of(self, points: ArrayLike) -> NDArray[np.int32]:
        """Return the chosen candidates of some points, int32 ``(*points.shape, n_blocks)``; O(blocks) per point.

        A point of −1, which a query answers where no point fits, gives −1 for every block.

        Raises:
            InputError: there is no such point, or it is not a whole number.
        """
        numbers = self._numbers(points)
        candidates = np.full((numbers.size, len(self.block_names)), NO_POINT, dtype=np.int32)
        found = numbers.ravel() != NO_POINT
        candidates[found] = self.choices.of(numbers.ravel()[found])
        return candidates.reshape(*numbers.shape, len(self.block_names))

    def values(self, metric: str, points: ArrayLike | None = None) -> NDArray[np.float64]:
        """Return a metric's totals as the nearest doubles: of every point, ``(n_points,)``, or of some points.

        With ``points`` the result has their shape. A point of −1, which a query answers where no point fits, gives NaN.

        Raises:
            InputError: the front has no such metric, or ``points`` are refused as by :meth:`candidates_of`.
        """
        m = self._index(metric)
        if points is None:
            return self._doubles(m, self.units[:, m])
        numbers = self._numbers(points)
        found = numbers != NO_POINT
        values = np.full(numbers.shape, np.nan)
        values[found] = self._doubles(m, self.units[numbers[found], m])
        return values

    def _doubles(self, m: int, units: NDArray[np.int64]) -> NDArray[np.float64]:
        decimals = self.grids[m].decimals
        if decimals <= 22 and np.abs(units).max(initial=0) <= 2**53:
            return np.asarray(units / 10.0**decimals)  # both exact, so the quotient is the nearest double
        return np.array([float(self.grids[m].decimal(int(total))) for total in units])

    def _point(self, point: int) -> int:
        number = whole_number("point", point, smallest=None)
        if not 0 <= number < len(self):
            hint = " (a query answers -1 where no point fits)" if number == NO_POINT else ""
            raise InputError(f"point {number} of a front of {len(self)}: there is no such point{hint}")
        return number

    def _numbers(self, points: ArrayLike) -> NDArray[np.int64]:
        """Return the numbers of points, int64; −1 stands for no point."""
        numbers = number_array("points", points)
        if numbers.size == 0:
            return numbers.astype(np.int64)
        if numbers.dtype.kind not in "iu":
            raise InputError(f"points: {shown(points)} are not whole numbers")
        wrong = numbers[(numbers < NO_POINT) | (numbers >= len(self))]
        if wrong.size:
            raise InputError(f"point {wrong[0]} of a front of {len(self)}: there is no such point")
        return numbers.astype(np.int64)

    def query(
        self, budgets: Mapping[str, ArrayLike], *, threads: WholeNumber | None = None, backend: str | None = None
    ) -> NDArray[np.int64]:
        """Return for every budget the number of the best point within it, or −1 where none is.

        Args:
            budgets: metric name → upper bounds on the total, inclusive: numbers of Python or numpy, each standing for
                its shortest decimal. Scalars and arrays are broadcast together. NaN and ∞ mean no bound.
            threads: at most so many, 1 or more; by default as many as the process may use cores. Few queries take one.
                The answers are the same on any number.
            backend: as for :meth:`build`.

        Returns:
            int64, of the broadcast shape (at least one-dimensional). :meth:`candidates_of` and :meth:`values` accept
            it as it is, and mask −1.

        Raises:
            InputError: a metric is not one of the front's, bounds are not numbers, shapes do not broadcast,
                ``threads`` is below 1, or this part of the front need not hold the answer (:class:`.Extent`).
            FormatError: the points of the file that it was opened from are not sorted.

        Complexity: O(log points) a query with one budgeted metric; with several, of the order of log points where the
        metrics agree, all points at worst. The first call makes the index: O(points × metrics).
        """
        kernels = select_backend(backend)
        check_mapping("budgets", budgets, "metric to numbers")
        if not budgets:
            raise InputError("budgets: none are given")
        indices = [self._index(name) for name in budgets]
        arrays = [np.atleast_1d(number_array(f"budget {name!r}", values)) for name, values in budgets.items()]
        try:
            bounds = np.broadcast_arrays(*arrays)
        except ValueError as error:
            raise InputError(f"budgets: {error}") from error
        units = np.column_stack(
            [
                self.grids[m].budget_units(bound.ravel(), kernels, f"budget {name!r}")
                for m, name, bound in zip(indices, budgets, bounds, strict=True)
            ]
        )
        return self.first_within(indices, units, kernels, threads).reshape(bounds[0].shape)

    def first_within(
        self, metrics: Sequence[int], units: NDArray[np.int64], kernels: Backend, threads: WholeNumber | None = None
    ) -> NDArray[np.int64]:
        """Return the best point within every row of ``units`` ``(n, len(metrics))``, bounds in grid units, or −1.

        ``metrics`` are positions in :attr:`metrics`; a bound of :data:`qabwnas.search.model.grid.UNLIMITED` is none;
        ``threads`` as for :meth:`query`.
        """
        n_threads = usable_cores() if threads is None else min(whole_number("threads", threads), _MOST_THREADS)
        self.extent.check_budgets(self.metric_names, metrics, units)
        tree = self._tree
        return kernels.first_fit(tree.points, tree.minima, list(metrics), np.ascontiguousarray(units), n_threads)

    def led_by(self, metric: str) -> Frontier:
        """Return the same front sorted for queries whose objective is ``metric``; O(points log points).

        Raises:
            InputError: the front has no such metric, or was thinned for another one.
        """
        m = self._index(metric)
        order = [m, *(other for other in range(len(self.metrics)) if other != m)]
        units = self.units[:, order]
        points = np.lexsort(units.T[::-1])
        return replace(
            self,
            metrics=tuple(self.metrics[i] for i in order),
            grids=tuple(self.grids[i] for i in order),
            units=np.ascontiguousarray(units[points]),
            choices=self.choices.taken(points),
            extent=self.extent.reordered(order),
            path=None,
        )

    def save(self, path: str | os.PathLike[str], *, provenance: Mapping[str, Any] | None = None) -> None:
        """Write the front to HDF5 (``lut/FORMAT.md``), atomically, with its provenance or another one."""
        from qabwnas.search.front_file import save_front

        save_front(self, path, self.provenance if provenance is None else provenance)

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Frontier:
        """Open a front that :meth:`save` wrote, of whatever size in a few milliseconds: its points are mapped.

        Raises:
            FormatError: the file is not one, or is damaged; the message names the path inside it.
        """
        from qabwnas.search.front_file import open_front

        return open_front(path)

    def _index(self, metric: str) -> int:
        if not isinstance(metric, str) or metric not in self.metric_names:
            raise InputError(f"metric {metric!r} is not in the front, which has {', '.join(self.metric_names)}")
        return self.metric_names.index(metric)

    @cached_property
    def _tree(self) -> MinimumTree:
        objective = self.units[:, 0]
        if self.path is not None and (objective[1:] < objective[:-1]).any():
            raise FormatError(f"{self.path}: /totals: the points are not sorted by the first metric")
        return MinimumTree.over(np.ascontiguousarray(self.units.T))


def usable_cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS and Windows
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1

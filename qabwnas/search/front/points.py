"""The points of a front: totals in grid units, and the candidates of each point."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qabwnas.errors import InputError
from qabwnas.io.numeric import number_array, shown, whole_number
from qabwnas.lut.lut import Metric
from qabwnas.search.constraints.scope import Scope
from qabwnas.search.engine.choices import Choices
from qabwnas.search.front.region import FrontRegion
from qabwnas.search.model.grid import Grid
from qabwnas.search.presentation import Describe

NO_POINT = -1
"""The answer of a query if no point fits."""


@dataclass(frozen=True, eq=False, repr=False)
class FrontPoints:
    """The numbered points of a front, as they are stored; :class:`.Frontier` documents the attributes."""

    metrics: tuple[Metric, ...]
    grids: tuple[Grid, ...]
    block_names: tuple[str, ...]
    units: NDArray[np.int64]
    choices: Choices
    backend: str
    region: FrontRegion
    scope: Scope | None = None
    path: Path | None = None
    provenance: Mapping[str, Any] = field(default_factory=dict)
    describe: Describe | None = None
    largest: Mapping[str, Decimal] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.units)

    def __repr__(self) -> str:
        name, metrics = type(self).__name__, ", ".join(map(repr, self.metric_names))
        return f"<{name} ({self.backend}): points {len(self)}, metrics {metrics}>"

    def shown_units(self, units: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return stored totals ``(n, n_metrics)`` as users see them: those that are maximised have the other sign."""
        signs = [-1 if metric.higher_is_better else 1 for metric in self.metrics]
        return units if -1 not in signs else units * np.array(signs, dtype=np.int64)

    @property
    def metric_names(self) -> tuple[str, ...]:
        return tuple(metric.name for metric in self.metrics)

    @property
    def candidates(self) -> NDArray[np.int32]:
        """The candidates of all points, int32 ``(n_points, n_blocks)``.

        Each access reconstructs them, unless they are memory-mapped. For a few points use :meth:`candidates_of`.
        """
        return self.choices.all()

    def totals(self, point: int) -> dict[str, Decimal]:
        """Return the totals of a point as exact decimals, by metric name.

        Raises:
            InputError: there is no such point. −1, the answer of a query if no point fits, is refused too.
        """
        units = self.shown_units(self.units[self._point(point)])
        return {
            metric.name: grid.decimal(int(total))
            for metric, grid, total in zip(self.metrics, self.grids, units, strict=True)
        }

    def choice(self, point: int) -> dict[str, int]:
        """Return the candidates of a point, by block name; raises like :meth:`totals`."""
        (candidates,) = self.candidates_of([self._point(point)])
        return dict(zip(self.block_names, candidates.tolist(), strict=True))

    def candidates_of(self, points: ArrayLike) -> NDArray[np.int32]:
        """Return the candidates of some points, int32 ``(*points.shape, n_blocks)``; O(blocks) per point.

        A point of −1, the answer of a query if no point fits, gives −1 for every block.

        Raises:
            InputError: there is no such point, or it is not a whole number.
        """
        numbers = self._numbers(points)
        candidates = np.full((numbers.size, len(self.block_names)), NO_POINT, dtype=np.int32)
        found = numbers.ravel() != NO_POINT
        candidates[found] = self.choices.of(numbers.ravel()[found])
        return candidates.reshape(*numbers.shape, len(self.block_names))

    def values(self, metric: str, points: ArrayLike | None = None) -> NDArray[np.float64]:
        """Return the totals of a metric as the nearest doubles: of all points, ``(n_points,)``, or of some points.

        With ``points`` the result has their shape. A point of −1, the answer of a query if no point fits, gives NaN.

        Raises:
            InputError: the front has no such metric, or ``points`` are refused as by :meth:`candidates_of`.
        """
        m = self._position(metric)
        if points is None:
            return self._doubles(m, self.units[:, m])
        numbers = self._numbers(points)
        found = numbers != NO_POINT
        values = np.full(numbers.shape, np.nan)
        values[found] = self._doubles(m, self.units[numbers[found], m])
        return values

    def _doubles(self, m: int, units: NDArray[np.int64]) -> NDArray[np.float64]:
        return self.grids[m].doubles(-units if self.metrics[m].higher_is_better else units)

    def _point(self, point: int) -> int:
        number = whole_number("point", point, smallest=None)
        if not 0 <= number < len(self):
            hint = " (a query answers -1 if no point fits)" if number == NO_POINT else ""
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

    def _position(self, metric: str) -> int:
        if not isinstance(metric, str) or metric not in self.metric_names:
            raise InputError(f"metric {metric!r} is not in the front, which has {', '.join(self.metric_names)}")
        return self.metric_names.index(metric)

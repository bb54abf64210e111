"""A front as text: a row a point, its totals as exact decimals and the chosen candidate of every block."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from qabwnas.io.atomic import atomic_path
from qabwnas.io.file_kinds import CSV, check_suffix
from qabwnas.search.frontier import Frontier
from qabwnas.search.model.grid import Grid

_POINTS_AT_ONCE = 1 << 16


def write_front_csv(front: Frontier, path: str | os.PathLike[str]) -> None:
    """Write a column a metric and a column a block, rows in the order of the points, atomically.

    Raises:
        OSError: the folder cannot be written.
        InputError: the name is that of another kind of file.
    """
    check_suffix(path, CSV)
    with atomic_path(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as stream:
        out = csv.writer(stream)
        out.writerow([*front.metric_names, *front.block_names])
        for start in range(0, len(front), _POINTS_AT_ONCE):
            part = np.arange(start, min(start + _POINTS_AT_ONCE, len(front)))
            out.writerows(point_cells(front.grids, front.units[part], front.candidates_of(part)))


def point_cells(
    grids: Sequence[Grid], units: NDArray[np.int64], candidates: NDArray[np.int32]
) -> Iterator[tuple[str, ...]]:
    """Give the cells of every point: its totals in ``units`` ``(n, n_metrics)``, then its ``candidates``."""
    totals = [map(grid.text, column.tolist()) for grid, column in zip(grids, units.T, strict=True)]
    return zip(*totals, *(map(str, column.tolist()) for column in candidates.T), strict=True)

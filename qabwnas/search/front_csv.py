"""A front as text: a row a point, its totals as exact decimals and the chosen candidate of every block."""

from __future__ import annotations

import csv
import os

from qabwnas.atomic import atomic_path
from qabwnas.search.frontier import Frontier


def write_front_csv(front: Frontier, path: str | os.PathLike[str]) -> None:
    """Write a column a metric and a column a block, rows in the order of the points, atomically.

    Raises:
        OSError: the folder cannot be written.
    """
    with atomic_path(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as stream:
        out = csv.writer(stream)
        out.writerow([*front.metric_names, *front.block_names])
        for point in range(len(front)):
            totals = [format(total, "f") for total in front.totals(point).values()]
            out.writerow([*totals, *front.candidates[point].tolist()])

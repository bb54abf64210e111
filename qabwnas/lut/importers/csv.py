"""CSV in the project's own columns; see :mod:`qabwnas.lut.csv_format`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from qabwnas.lut.csv_read import read_csv
from qabwnas.lut.importers.options import ImportOptions
from qabwnas.lut.lut import Lut


def read_table(paths: Sequence[Path], options: ImportOptions) -> Lut:
    """Read ``.csv`` or ``.csv.gz``; raises as :func:`qabwnas.lut.csv_read.read_csv` does."""
    return read_csv(paths[0], options.aggregate, options.fixed)

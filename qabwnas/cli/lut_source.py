"""The LUT that a command searches: a LUT file, or a table that is imported in memory."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qabwnas.io.file_kinds import TABLE

if TYPE_CHECKING:
    from qabwnas.lut.lut import Lut
    from qabwnas.search.frontier import Frontier


def open_lut(path: Path) -> Lut:
    """Open a LUT file, or import a table (.csv, .csv.gz, .parquet) as ``qabwnas lut import`` does without options.

    Raises:
        OSError: the file cannot be read.
        FormatError: it is not a LUT, or is damaged.
        InputError: it is not a table that can be imported without options.
    """
    if _is_table(path):
        from qabwnas.lut.importers.formats import import_table

        return import_table([path])
    from qabwnas.lut.lut import Lut

    return Lut.open(path)


def open_lut_or_front(path: Path) -> Lut | Frontier:
    """Open a front, or a LUT like :func:`open_lut`; raises the same errors."""
    if not _is_table(path):
        from qabwnas.search.front.file import is_front

        if is_front(path):
            from qabwnas.search.frontier import Frontier

            return Frontier.open(path)
    return open_lut(path)


def _is_table(path: Path) -> bool:
    return path.name.lower().endswith(TABLE.suffixes)

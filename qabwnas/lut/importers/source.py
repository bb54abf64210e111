"""A LUT from any file that holds one: a LUT file, or a table that is imported in memory."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from qabwnas.io.file_kinds import TABLE, is_named_as

if TYPE_CHECKING:
    from qabwnas.lut.lut import Lut


def open_lut(path: str | os.PathLike[str]) -> Lut:
    """Open a LUT file, or import a table (.csv, .csv.gz, .parquet) as ``qabwnas lut import`` does without options.

    Raises:
        OSError: the file cannot be read.
        FormatError: it is not a LUT, or is damaged.
        InputError: it is not a table that can be imported without options.
    """
    if is_named_as(path, TABLE):
        from qabwnas.lut.importers.formats import import_table

        return import_table([Path(path)])
    from qabwnas.lut.lut import Lut

    return Lut.open(path)

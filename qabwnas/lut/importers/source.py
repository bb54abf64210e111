"""A LUT from any file that holds one: a LUT file, or a table that is imported in memory."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from qabwnas.io.file_kinds import TABLE, is_named_as

if TYPE_CHECKING:
    from qabwnas.lut.lut import Lut


def open_lut(path: str | os.PathLike[str], *, for_command: bool = False) -> Lut:
    """Open a LUT file, or import a table (.csv, .csv.gz, .parquet) as ``qabwnas lut import`` does without options.

    If a table needs options, the message names what takes them: ``qabwnas lut import`` if the path was given to a
    command (``for_command``), otherwise ``Lut.from_csv`` or ``Lut.from_dataframe``.

    Raises:
        OSError: the file cannot be read.
        FormatError: it is not a LUT, or is damaged.
        InputError: it is not a table that can be imported without options.
    """
    if is_named_as(path, TABLE):
        from qabwnas.lut.exchange.layout import TableLayout
        from qabwnas.lut.exchange.option_names import OptionNames
        from qabwnas.lut.importers.formats import guess_format, import_table
        from qabwnas.lut.importers.inputs import ImportOptions

        if for_command:
            names = OptionNames.of_command("qabwnas lut import")
        elif guess_format(path) == "csv":
            names = OptionNames("Lut.from_csv")
        else:
            names = OptionNames.without_text("Lut.from_dataframe")
        return import_table([Path(path)], options=ImportOptions(layout=TableLayout(options=names)))
    from qabwnas.lut.lut import Lut

    return Lut.open(path)

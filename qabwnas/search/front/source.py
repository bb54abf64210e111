"""What a path holds that can answer budgets: a front, a LUT, or a table that is imported in memory."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from qabwnas.io.file_kinds import TABLE, is_named_as
from qabwnas.lut.importers.source import open_lut

if TYPE_CHECKING:
    from qabwnas.lut.lut import Lut
    from qabwnas.search.frontier import Frontier


def open_lut_or_front(path: str | os.PathLike[str]) -> Lut | Frontier:
    """Open a front, or a LUT like :func:`open_lut`, for a command; raises the same errors."""
    if not is_named_as(path, TABLE):
        from qabwnas.search.front.file import is_front

        if is_front(path):
            from qabwnas.search.frontier import Frontier

            return Frontier.open(path)
    return open_lut(path, for_command=True)

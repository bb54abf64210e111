"""Figures of matplotlib that are written to a file when they are complete."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from qabwnas.errors import InputError
from qabwnas.io.atomic import atomic_path

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = (".png", ".svg", ".pdf")
PANEL_INCHES = (6.4, 4.6)


@contextmanager
def picture(path: str | os.PathLike[str], width: float, height: float) -> Iterator[Figure]:
    """Give an empty figure of this size in inches, and write it when the block ends without an error.

    The suffix of ``path`` gives the format.

    Raises:
        InputError: the format is none of ``FORMATS``.
        OSError: the file cannot be written.
    """
    from matplotlib.figure import Figure

    if Path(path).suffix.lower() not in FORMATS:
        raise InputError(f"{os.fspath(path)}: pictures are written as {', '.join(FORMATS)}")
    figure = Figure(figsize=(width, height), layout="constrained")
    yield figure
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=160)

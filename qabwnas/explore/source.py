"""What a path is: a LUT, a front, or the folder of a run, whose LUT is explored."""

from __future__ import annotations

from pathlib import Path

from qabwnas.errors import FormatError
from qabwnas.explore.explored_front import ExploredFront
from qabwnas.explore.explored_lut import ExploredLut
from qabwnas.lut.lut import Lut
from qabwnas.search import Frontier
from qabwnas.search.front.file import is_front

RUN_LUTS = ("lut-latency.h5", "lut.h5")
"""The LUTs of a run, the one with the latencies of its devices first."""


def open_source(path: Path) -> ExploredLut | ExploredFront:
    """Open a LUT, a front, or the LUT of a run.

    Raises:
        OSError: the file cannot be read.
        FormatError: it is none of the three, or is damaged.
    """
    if path.is_dir():
        for name in RUN_LUTS:
            if (path / name).is_file():
                return ExploredLut(Lut.open(path / name), str(path / name), str(path))
        raise FormatError(f"{path}: not a run with a LUT: it has no {RUN_LUTS[-1]}")
    if is_front(path):
        return ExploredFront(Frontier.open(path), str(path))
    return ExploredLut(Lut.open(path), str(path))

"""What is explored: a LUT, a table, a front, or the LUT of a run."""

from __future__ import annotations

from pathlib import Path

from qabwnas.errors import FormatError
from qabwnas.explore.explored_front import ExploredFront
from qabwnas.explore.explored_lut import ExploredLut
from qabwnas.lut.lut import Lut
from qabwnas.search import Frontier
from qabwnas.search.front.source import open_lut_or_front

RUN_LUTS = ("lut-latency.h5", "lut.h5")
"""The LUTs of a run, the one with the latencies of its devices first."""


def open_source(path: Path) -> ExploredLut | ExploredFront:
    """Open a LUT, a front, or the LUT of a run, or import a table as ``qabwnas lut import`` does without options.

    Raises:
        OSError: the file cannot be read.
        FormatError: it is none of them, or is damaged.
        InputError: it is a table that cannot be imported without options.
    """
    if path.is_dir():
        for name in RUN_LUTS:
            if (path / name).is_file():
                return ExploredLut(Lut.open(path / name), str(path / name), str(path))
        raise FormatError(f"{path}: not a run with a LUT: it has no {RUN_LUTS[-1]}")
    source = open_lut_or_front(path)
    return ExploredFront(source, str(path)) if isinstance(source, Frontier) else ExploredLut(source, str(path))

"""SpaceEvo's block tables (microsoft/Moonlit, ``SpaceEvo/data/block_lut``; Wang et al., ICCV 2023).

A folder of ``stage1_0_0.csv``, ``stage1_0_1.csv`` …: stage, block type and width window of a superspace (older files
have no window). There is no header::

    3#32#6_5#40#8,1x24x80x80,0.3021,98.1234,0.0521,6.1234

are the layers of a sampled block (kernel, width and expansion joined by ``#``; ``None`` if there is no expansion), the
shape of the input, the block-wise loss against the teacher's features, millions of FLOPs and of parameters, and
predicted milliseconds. The resolution of the network, 160, 192 or 224, follows from the input's side. A network has one
resolution, so one is imported; a user has to choose it if a table mixes several. The files say neither device nor bit
widths.

Every stage becomes a block, and every line a candidate, described as ``type1_width1:3#32#6_5#40#8@1x24x80x80``. The
files of a stage are concatenated. As in SpaceEvo's own search, all columns add up, and any choice is compatible with
any other. The files do not say what stem and head add; ``fixed`` can.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from qabwnas.errors import InputError
from qabwnas.lut.content import LutBlock
from qabwnas.lut.exchange.csv_source import open_csv_without_header
from qabwnas.lut.exchange.text_table import TextTable
from qabwnas.lut.importers.inputs import ImportOptions, stages_of
from qabwnas.lut.lut import Lut
from qabwnas.lut.table import Metric, Table
from qabwnas.lut.units import unit_of

_NAME = re.compile(r"stage([0-9]+)_([0-9]+)(?:_([0-9]+))?\.csv")
_COLUMNS = ("layers", "input_shape", "loss", "flops_M", "params_M", "latency_ms")
_VALUES = _COLUMNS[2:]
_LAYERS = re.compile(r"[0-9]+#[0-9]+#(?:[0-9.]+|None)(?:_[0-9]+#[0-9]+#(?:[0-9.]+|None))*")
_SHAPE = re.compile(r"[0-9]+x[0-9]+x([0-9]+)x([0-9]+)")
_RESOLUTIONS = {resolution >> halvings: resolution for resolution in (160, 192, 224) for halvings in range(6)}


def read_table(paths: Sequence[Path], options: ImportOptions) -> Lut:
    """Read the files of some or all stages, or a folder of them.

    Raises:
        OSError: a file cannot be read.
        InputError: a file's name or a line has another form, or the resolution has to be chosen.
    """
    stages = stages_of(paths, ".csv", _NAME, "stage1_0_0.csv")
    rows = {stage: [row for file in files for row in _rows(file)] for stage, files in stages.items()}
    resolution = _resolution(options.resolution, rows, paths[0])
    names = (*_VALUES[:-1], options.latency_metric)
    blocks = []
    for stage, found in rows.items():
        chosen = [row for row in found if row.resolution == resolution]
        if not chosen:
            raise InputError(f"{stages[stage][0]}: no line of resolution {resolution}")
        blocks.append(LutBlock(f"stage{stage}", (_table(names, chosen),)))
    return Lut(tuple(Metric(name, unit_of(name)) for name in names), tuple(blocks))


class _Row:
    """One line: its text, resolution and values."""

    def __init__(self, source: TextTable, prefix: str, line: int, cells: Sequence[str]) -> None:
        layers, shape = cells[:2]
        if not _LAYERS.fullmatch(layers):
            raise source.wrong(f"{layers!r} is not of the form 3#32#6_5#40#8", line, _COLUMNS[0])
        sides = _SHAPE.fullmatch(shape)
        if sides is None:
            raise source.wrong(f"{shape!r} is not of the form 1x24x80x80", line, _COLUMNS[1])
        if int(sides[2]) not in _RESOLUTIONS:
            what = f"no network of resolution 160, 192 or 224 has a side of {sides[2]}"
            raise source.wrong(what, line, _COLUMNS[1])
        self.resolution = _RESOLUTIONS[int(sides[2])]
        self.text = f"{prefix}:{layers}@{shape}"
        self.values = [
            _double(source, column, line, cell.rstrip()) for column, cell in zip(_VALUES, cells[2:], strict=True)
        ]


def _rows(path: Path) -> Iterator[_Row]:
    match = _NAME.fullmatch(path.name)
    assert match is not None
    prefix = f"type{match[2]}" if match[3] is None else f"type{match[2]}_width{match[3]}"
    source = open_csv_without_header(path, _COLUMNS)
    for line, cells in source.rows:
        yield _Row(source, prefix, line, cells)
    source.warn_of_rounding()


def _double(source: TextTable, column: str, line: int, cell: str) -> float:
    source.decimal(column, line, cell)  # notes what is rounded
    return float(cell)


def _resolution(chosen: int | None, rows: dict[int, list[_Row]], path: Path) -> int:
    found = sorted({row.resolution for stage in rows.values() for row in stage})
    if not found:
        raise InputError(f"{path}: empty")
    if chosen is None and len(found) > 1:
        raise InputError(f"{path}: resolutions {', '.join(map(str, found))} are mixed: choose one")
    if chosen is not None and chosen not in found:
        raise InputError(f"{path}: no line of resolution {chosen}; there are {', '.join(map(str, found))}")
    return found[0] if chosen is None else chosen


def _table(names: Sequence[str], rows: Sequence[_Row]) -> Table:
    values = np.array([row.values for row in rows])
    columns = {name: np.ascontiguousarray(column) for name, column in zip(names, values.T, strict=True)}
    return Table(columns, descriptions=[row.text for row in rows])

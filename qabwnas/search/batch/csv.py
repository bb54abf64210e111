"""Batches as CSV. One kernel converts bytes of budgets to units, and each distinct answer becomes text once."""

from __future__ import annotations

import csv
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from io import StringIO
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from qabwnas.errors import InputError
from qabwnas.lut.units import parse_quantity
from qabwnas.search.batch.answers import Answers
from qabwnas.search.engine.backend import Backend
from qabwnas.search.model.grid import UNLIMITED, Grid
from qabwnas.search.model.totals import subnet_cells

BYTES_PER_CHUNK = 1 << 20
MAX_CACHED_LINES = 1 << 18
MAX_CACHED_CELLS = 1 << 16


@contextmanager
def create_answers(path: Path, answers: Answers) -> Iterator[CsvAnswers]:
    """Create a CSV file for answers, as a context.

    Raises:
        OSError: it cannot be written.
    """
    with path.open("wb") as stream:
        yield CsvAnswers(stream, answers)


@lru_cache(maxsize=MAX_CACHED_CELLS)
def budget_units(cell: str, metric: str, grid: Grid) -> int:
    """Return the budget in a cell, which may have a unit, in units of the metric's grid, rounded down.

    Raises:
        InputError: the cell is neither empty nor a quantity of the metric.
    """
    return grid.floor(parse_quantity(cell, metric)) if cell.strip() else UNLIMITED


class CsvBudgets:
    """Budgets in CSV: a line of names, then lines of as many quantities. No cell contains a line break.

    Attributes:
        columns: the names.
        header: the place of the names, for messages.
        n_remaining: about how many lines remain, if they are as long as those before; ``None`` if the stream has no
            size, like a pipe.

    Raises:
        OSError: the stream cannot be read.
        InputError: its first line is not CSV.
    """

    def __init__(self, path: Path, stream: BinaryIO) -> None:
        self._path = path
        self._stream = stream
        self.header = f"{path}: line 1"
        first = stream.readline()
        self.columns = self._cells(first.removeprefix(b"\xef\xbb\xbf"), 1)
        self.n_remaining: int | None = None
        about = os.fstat(stream.fileno())
        self._n_bytes = about.st_size - len(first) if stat.S_ISREG(about.st_mode) else None

    def units(self, grids: Sequence[Grid], kernels: Backend) -> Iterator[NDArray[np.int64]]:
        """Yield the rows in chunks, ``(n, n_columns)``, in units of the columns' grids, rounded down.

        Raises:
            InputError: a line has another number of cells, or a cell is not a quantity of its metric.
        """
        decimals = np.array([grid.decimals for grid in grids], dtype=np.int64)
        first_line, n_bytes = 2, 0
        for text in _whole_lines(self._stream):
            units, odd = kernels.budget_rows(np.frombuffer(text, np.uint8), decimals)
            for row, start, end in odd.tolist():
                units[row] = self._parse(text[start:end], first_line + row, grids)
            first_line += len(units)
            n_bytes += len(text)
            if self._n_bytes is not None:
                # Rounded, because the last line may lack its end.
                self.n_remaining = round(max(0, self._n_bytes - n_bytes) * (first_line - 2) / n_bytes)
            yield units

    def _parse(self, line: bytes, number: int, grids: Sequence[Grid]) -> list[int]:
        cells = self._cells(line, number)
        if len(cells) != len(grids):
            raise InputError(f"{self._path}: line {number}: {len(cells)} cells, expected {len(grids)}")
        try:
            return [budget_units(*column) for column in zip(cells, self.columns, grids, strict=True)]
        except InputError as error:
            raise InputError(f"{self._path}: line {number}: {error}") from error

    def _cells(self, line: bytes, number: int) -> list[str]:
        try:
            # An empty line is one empty cell.
            return next(csv.reader([line.decode()], strict=True)) or [""]
        except (csv.Error, UnicodeDecodeError) as error:
            raise InputError(f"{self._path}: line {number}: {error}") from error


read_budgets = CsvBudgets


class CsvAnswers:
    """Answers as lines of CSV. Each line is made once, and written for every row with that answer."""

    def __init__(self, stream: BinaryIO, answers: Answers) -> None:
        self._stream = stream
        self._answers = answers
        n_cells = len(answers.metrics) + len(answers.block_names)
        self._infeasible = {-1: b"infeasible" + b"," * n_cells + b"\r\n"}
        self._lines = dict(self._infeasible)
        header = StringIO(newline="")
        csv.writer(header).writerow(["status", *(metric.name for metric in answers.metrics), *answers.block_names])
        stream.write(header.getvalue().encode())

    def write(self, found: NDArray[np.int64]) -> None:
        """Append one line per number of an answer; −1 is infeasible."""
        numbers = found.tolist()
        if len(self._lines) > MAX_CACHED_LINES:
            self._lines = dict(self._infeasible)
        missing = sorted(set(numbers) - self._lines.keys())
        units, candidates = self._answers.rows(np.array(missing, dtype=np.int64))
        cells = subnet_cells(self._answers.grids, units, candidates)
        self._lines.update(
            (number, f"optimal,{','.join(row)}\r\n".encode()) for number, row in zip(missing, cells, strict=True)
        )
        self._stream.write(b"".join([self._lines[number] for number in numbers]))


def _whole_lines(stream: BinaryIO) -> Iterator[bytes]:
    rest = b""
    while part := stream.read(BYTES_PER_CHUNK):
        end = part.rfind(b"\n") + 1
        if end:
            yield rest + part[:end]
            rest = part[end:]
        else:
            rest += part
    if rest:
        yield rest

"""Batches as CSV. One kernel converts bytes of budgets to units, and each distinct answer becomes text once.

Copied columns stay bytes, quotes included: a chunk is divided by the positions of the separators outside of quotes.
"""

from __future__ import annotations

import csv
import os
import stat
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from io import StringIO
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from qabwnas.errors import InputError
from qabwnas.search.batch.answers import Answers
from qabwnas.search.batch.columns import ColumnRoles
from qabwnas.search.batch.headings import Heading
from qabwnas.search.engine.backend import Backend
from qabwnas.search.model.csv_text import subnet_lines

BYTES_PER_CHUNK = 1 << 20
MAX_CACHED_LINES = 1 << 18


@contextmanager
def create_answers(path: Path, answers: Answers, copied: Sequence[str] = ()) -> Iterator[CsvAnswers]:
    """Create a CSV file for answers, as a context; ``-`` is standard output. ``copied`` columns come first.

    Raises:
        OSError: it cannot be written.
    """
    with nullcontext(sys.stdout.buffer) if path == Path("-") else path.open("wb") as stream:
        yield CsvAnswers(stream, answers, copied)


class CsvBudgets:
    """Budgets in CSV: a line of headings, then lines of as many cells. No cell contains a line break.

    Attributes:
        columns: the names of the budgets.
        copied_columns: the names that copied columns have in the answers.
        copied: of the last chunk, one text per row: its copied cells, each with a comma after it; ``None`` if no column
            is copied.
        header: the place of the names, for messages.
        n_remaining: about how many lines remain, if they are as long as those before; ``None`` if the stream has no
            size, like a pipe.

    Raises:
        OSError: the stream cannot be read.
        InputError: its first line is not CSV, or has none of the columns to keep.
    """

    def __init__(self, path: Path, stream: BinaryIO, keep: Sequence[str] = (), repeat: bool = False) -> None:
        self._path = path
        self._stream = stream
        self.header = f"{path}: line 1"
        first = stream.readline()
        names = self._cells(first.removeprefix(b"\xef\xbb\xbf"), 1)
        roles = ColumnRoles.of(names, keep, repeat, self.header)
        self._n_columns, self._budgets, self._copied = len(names), roles.budgets, roles.copied
        self.columns = [names[i] for i in self._budgets]
        self.copied_columns = roles.copied_names
        self.copied: list[bytes] | None = None
        self.n_remaining: int | None = None
        about = os.fstat(stream.fileno())
        self._n_bytes = about.st_size - len(first) if stat.S_ISREG(about.st_mode) else None

    def units(self, headings: Sequence[Heading], kernels: Backend) -> Iterator[NDArray[np.int64]]:
        """Yield the rows in chunks, ``(n, n_bounds)``: upper bounds in units, rounded down, of every heading's bounds.

        A kernel reads lines of plain upper bounds; Python reads all others, a few microseconds per line.

        Raises:
            InputError: a line has another number of cells, or a cell does not suit its heading.
        """
        reads_plain = all(heading.is_upper_bound for heading in headings)
        decimals = np.array([heading.bounds[0].grid.decimals for heading in headings], dtype=np.int64)
        first_line, n_bytes = 2, 0
        for text in _whole_lines(self._stream):
            budgets = text
            if self._copied:
                budgets, self.copied = self._divided(text, first_line)
            if reads_plain:
                units, odd = kernels.budget_rows(np.frombuffer(budgets, np.uint8), decimals)
                for row, start, end in odd.tolist():
                    units[row] = self._parse(budgets[start:end], first_line + row, headings)
            else:
                lines = budgets.removesuffix(b"\n").split(b"\n")
                rows = [self._parse(line.removesuffix(b"\r"), n, headings) for n, line in enumerate(lines, first_line)]
                units = np.array(rows, dtype=np.int64)
            first_line += len(units)
            n_bytes += len(text)
            if self._n_bytes is not None:
                # Rounded, because the last line may lack its end.
                self.n_remaining = round(max(0, self._n_bytes - n_bytes) * (first_line - 2) / n_bytes)
            yield units

    def _divided(self, text: bytes, first_line: int) -> tuple[bytes, list[bytes]]:
        """Return the lines with their budgets alone, and the copied cells of each."""
        if not text.endswith(b"\n"):
            text += b"\n"
        characters = np.frombuffer(text, np.uint8)
        if b"\r\n" in text:
            is_line_end = np.append(characters[1:] == ord("\n"), False)
            characters = characters[(characters != ord("\r")) | ~is_line_end]
        is_line_end = characters == ord("\n")
        is_end = (characters == ord(",")) | is_line_end
        n = self._n_columns
        is_regular = True
        if b'"' in text:
            # Modulo 256 the count of quotes stays odd inside of quotes.
            is_quoted = (np.cumsum(characters == ord('"'), dtype=np.uint8) & 1).view(np.bool_)
            is_regular = not (is_quoted & is_line_end).any()
            is_end &= ~is_quoted
        ends = np.flatnonzero(is_end)
        if is_regular and ends.size % n == 0:
            ends_line = is_line_end[ends].reshape(-1, n)
            is_regular = bool(ends_line[:, -1].all()) and not ends_line[:, :-1].any()
        else:
            is_regular = False
        if not is_regular:
            return self._divided_slowly(text, first_line)
        lengths = np.diff(ends, prepend=-1)
        cell_ends = ends.reshape(-1, n)
        taken = []
        for positions, last_end in ((self._budgets, ord("\n")), (self._copied, ord(","))):
            is_taken = np.zeros(n, dtype=np.bool_)
            is_taken[positions] = True
            with_ends = characters.copy()
            with_ends[cell_ends[:, positions[-1]]] = last_end
            taken.append(with_ends[np.repeat(np.tile(is_taken, len(cell_ends)), lengths)].tobytes())
        budgets, copied = taken
        stops = lengths.reshape(-1, n)[:, self._copied].sum(axis=1).cumsum().tolist()
        return budgets, [copied[start:stop] for start, stop in zip([0, *stops], stops, strict=False)]

    def _divided_slowly(self, text: bytes, first_line: int) -> tuple[bytes, list[bytes]]:
        budgets, copied = [], []
        for number, line in enumerate(text.removesuffix(b"\n").split(b"\n"), first_line):
            cells = self._cells(line, number)
            if len(cells) != self._n_columns:
                raise InputError(f"{self._path}: line {number}: {len(cells)} cells, expected {self._n_columns}")
            budgets.append(_csv_line([cells[i] for i in self._budgets]) + b"\n")
            copied.append(_csv_line([cells[i] for i in self._copied]) + b",")
        return b"".join(budgets), copied

    def _parse(self, line: bytes, number: int, headings: Sequence[Heading]) -> list[int]:
        cells = self._cells(line, number)
        if len(cells) != len(headings):
            raise InputError(f"{self._path}: line {number}: {len(cells)} cells, expected {len(headings)}")
        try:
            of_headings = (heading.units(cell) for heading, cell in zip(headings, cells, strict=True))
            return [units for of_heading in of_headings for units in of_heading]
        except InputError as error:
            raise InputError(f"{self._path}: line {number}: {error}") from error

    def _cells(self, line: bytes, number: int) -> list[str]:
        try:
            # An empty line is one empty cell.
            return next(csv.reader([line.decode()], strict=True)) or [""]
        except UnicodeDecodeError as error:
            raise InputError(f"{self._path}: line {number}: not UTF-8 text: save it as UTF-8") from error
        except csv.Error as error:
            raise InputError(f"{self._path}: line {number}: {error}") from error


read_budgets = CsvBudgets


class CsvAnswers:
    """Answers as lines of CSV. Each line is made once, and written for every row with that answer."""

    def __init__(self, stream: BinaryIO, answers: Answers, copied: Sequence[str] = ()) -> None:
        self._stream = stream
        self._answers = answers
        n_cells = len(answers.metrics) + len(answers.block_names)
        self._infeasible = {-1: b"infeasible" + b"," * n_cells + b"\r\n"}
        self._lines = dict(self._infeasible)
        names = [*copied, "status", *(metric.name for metric in answers.metrics), *answers.block_names]
        stream.write(_csv_line(names) + b"\r\n")

    def write(self, found: NDArray[np.int64], copied: list[bytes] | None = None) -> None:
        """Append one line per number of an answer, after the copied cells of its row; −1 is infeasible."""
        numbers = found.tolist()
        if len(self._lines) > MAX_CACHED_LINES:
            self._lines = dict(self._infeasible)
        missing = sorted(set(numbers) - self._lines.keys())
        units, candidates = self._answers.rows(np.array(missing, dtype=np.int64))
        lines = subnet_lines(self._answers.grids, units, candidates).splitlines(keepends=True)
        self._lines.update((number, b"optimal," + line) for number, line in zip(missing, lines, strict=True))
        if copied is None:
            self._stream.write(b"".join([self._lines[number] for number in numbers]))
        else:
            rows = zip(copied, numbers, strict=True)
            self._stream.write(b"".join([cells + self._lines[number] for cells, number in rows]))


def _csv_line(cells: Sequence[str]) -> bytes:
    line = StringIO(newline="")
    csv.writer(line, lineterminator="").writerow(cells)
    return line.getvalue().encode()


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

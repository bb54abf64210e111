"""The result of a batch in Python: its counts, and its answers, which are read from the file when they are used."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from qabwnas.errors import InputError
from qabwnas.search.api import Answer
from qabwnas.search.batch.answers import BatchMethod
from qabwnas.search.presentation import Describe, answers_html, data_frame

ROWS_SHOWN = 10


@dataclass(frozen=True)
class AnswersFile:
    """A written file of answers.

    Attributes:
        path: ``-`` if it was standard output.
        copied, totals, blocks: the names of its columns: those copied from the budgets, and after the status one per
            metric, the objective first, and one per block.
        describe: block name and candidate → text, if that is known.
    """

    path: Path
    copied: tuple[str, ...]
    totals: tuple[str, ...]
    blocks: tuple[str, ...]
    describe: Describe | None = None

    def columns(self) -> list[list[Any]]:
        """Return all cells by column; totals and candidates of rows that no subnet fits are empty texts or ``None``.

        Raises:
            InputError: the answers were written to standard output.
            OSError: the file cannot be read.
        """
        if self.path == Path("-"):
            raise InputError("the answers were written to standard output: give a file to read them again")
        if self.path.suffix.lower() == ".parquet":
            import pyarrow.parquet as pq

            return [column.to_pylist() for column in pq.read_table(self.path).columns]
        with self.path.open(newline="", encoding="utf-8") as stream:
            rows = csv.reader(stream)
            names = next(rows)
            return [list(column) for column in zip(*rows, strict=True)] or [[] for _ in names]


@dataclass(frozen=True)
class BatchResult:
    """The counts of a batch, how its rows were answered, and the answers.

    It is a sequence with one entry per row of budgets: an :class:`.Answer`, or ``None`` if no subnet fits. Entries are
    read from the file of answers when they are first used.

    >>> for answer in answer_batch(lut, "budgets.csv", "answers.csv"):
    ...     print("nothing fits" if answer is None else answer.descriptions)

    Attributes:
        n_budgets: how many rows were read.
        n_optimal: for how many of them a subnet fits; for the other rows none does.
        method: ``direct`` (one search per distinct row), ``front`` (one front answered all rows), or ``both``: searches
            answered rows until the front was complete.
        backend: the backend that searched, ``cpp`` or ``numba``.
        n_front: how many rows the front answered. This depends on the speed of the machine; the answers do not.
        file: the file of answers.
    """

    n_budgets: int
    n_optimal: int
    method: BatchMethod
    backend: str
    n_front: int
    file: AnswersFile = field(repr=False)

    @cached_property
    def _columns(self) -> list[list[Any]]:
        return self.file.columns()

    def __len__(self) -> int:
        return self.n_budgets

    def __getitem__(self, row: int) -> Answer | None:
        """Return the answer to a row, from 0; negative numbers count from the end."""
        cells = [column[row] for column in self._columns]
        file, n = self.file, len(self.file.copied)
        if cells[n] == "infeasible":
            return None
        totals = [Decimal(total) for total in cells[n + 1 : n + 1 + len(file.totals)]]
        candidates = map(int, cells[n + 1 + len(file.totals) :])
        known = dict(zip(file.totals, totals, strict=True))
        if file.totals[0].startswith("weighted "):  # totals are never weighted
            del known[file.totals[0]]
        return Answer(totals[0], known, dict(zip(file.blocks, candidates, strict=True))).described_by(file.describe)

    def __iter__(self) -> Iterator[Answer | None]:
        return (self[row] for row in range(len(self)))

    def to_dict(self) -> dict[str, Any]:
        """Return the counts, and one entry per row of budgets, as JSON values; ``None`` if no subnet fits."""
        counts = {name: getattr(self, name) for name in ("n_budgets", "n_optimal", "method", "backend", "n_front")}
        return {**counts, "answers": [None if answer is None else answer.to_dict() for answer in self]}

    def to_pandas(self) -> Any:
        """Return a DataFrame with one row per row of budgets.

        There are the columns of the file of answers: copied ones, the status, totals (the nearest doubles, NaN if no
        subnet fits) and candidates (missing if no subnet fits), and per block ``BLOCK description`` with its text.

        Raises:
            InputError: pandas is not installed.
        """
        file, cells = self.file, iter(self._columns)
        columns: dict[str, Any] = {name: next(cells) for name in (*file.copied, "status")}
        for name in file.totals:
            columns[name] = np.array([np.nan if cell in ("", None) else float(cell) for cell in next(cells)])
        for block in file.blocks:
            numbers = [None if cell in ("", None) else int(cell) for cell in next(cells)]
            columns[block] = numbers
            if file.describe is not None:
                texts = {n: file.describe(block, n) for n in set(numbers) if n is not None}
                columns[f"{block} description"] = [None if n is None else texts[n] for n in numbers]
        frame = data_frame(columns)
        return frame.astype(dict.fromkeys(file.blocks, "Int32"))

    def _repr_html_(self) -> str:
        first = [self[row] for row in range(min(ROWS_SHOWN, len(self)))]
        more = f"<p>and {len(self) - ROWS_SHOWN} more rows</p>" if len(self) > ROWS_SHOWN else ""
        shown = "".join(
            f"<p>row {row}: no subnet fits</p>" if answer is None else answers_html([answer], first=row)
            for row, answer in enumerate(first)
        )
        return f"<p>{escape(repr(self))}</p>{shown}{more}"

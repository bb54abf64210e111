"""Many budgets at once: a CSV of budgets in, a CSV of answers out, row by row in the same order."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from qabwnas.atomic import atomic_path
from qabwnas.errors import InputError
from qabwnas.lut.lut import Lut
from qabwnas.lut.units import parse_quantity
from qabwnas.search.backend import Backend, select_backend
from qabwnas.search.frontier import Frontier
from qabwnas.search.grid import UNLIMITED
from qabwnas.search.search import default_objective

ROWS_AT_ONCE = 1 << 16


@dataclass(frozen=True)
class BatchResult:
    """How many budgets were read, and for how many of them something fits."""

    n_budgets: int
    n_optimal: int
    backend: str


def answer_batch(
    source: Lut | Frontier,
    budgets_csv: str | os.PathLike[str],
    answers_csv: str | os.PathLike[str],
    *,
    minimize: str | None = None,
    backend: str | None = None,
) -> BatchResult:
    """Answer every row of a CSV of budgets; of a LUT, the front over its columns' metrics is built first.

    The budgets have one column a budgeted metric; an empty cell is no budget; a value may carry a unit. The answers
    have, in the same row order, ``status`` (``optimal`` or ``infeasible``), a column a metric total, and a column a
    block with the chosen candidate; an infeasible row is empty behind its status. Memory is bounded; the file appears
    when it is complete.

    Args:
        source: the LUT or front.
        minimize: the objective; by default the front's first metric, or that of :func:`default_objective`.
        backend: ``auto``, ``cpp`` or ``numba``; by default what ``QABWNAS_BACKEND`` says.

    Raises:
        InputError: the CSV is not of that form (the message names file, line and column), or a metric is unknown.
        OSError: a file cannot be read or written.
    """
    kernels = select_backend(backend)
    budgets_path = Path(budgets_csv)
    with budgets_path.open(newline="", encoding="utf-8-sig") as stream:
        rows = csv.reader(stream, strict=True)
        try:
            columns = _header(rows, budgets_path)
            front = _front(source, columns, minimize, backend)
            metrics = _positions(front, columns, budgets_path)
            with atomic_path(answers_csv) as temporary, temporary.open("w", newline="", encoding="utf-8") as out:
                return _answer(front, metrics, columns, rows, budgets_path, csv.writer(out).writerows, kernels)
        except (csv.Error, UnicodeDecodeError) as error:
            raise InputError(f"{budgets_path}: line {rows.line_num}: {error}") from error


def _front(source: Lut | Frontier, columns: Sequence[str], minimize: str | None, backend: str | None) -> Frontier:
    if isinstance(source, Frontier):
        return source if minimize is None or minimize == source.metric_names[0] else source.led_by(minimize)
    for name in columns:
        source.metric(name)
    objective = default_objective(source.metric_names) if minimize is None else minimize
    budgeted = [name for name in source.metric_names if name in columns and name != objective]
    return Frontier.build(source, [objective, *budgeted], backend=backend)


def _header(rows: Iterator[list[str]], path: Path) -> list[str]:
    columns = next(rows, [])
    if not columns or not all(columns):
        raise InputError(f"{path}: line 1: expected the names of the budgeted metrics")
    for index, name in enumerate(columns):
        if name in columns[:index]:
            raise InputError(f"{path}: line 1: the column {name!r} stands twice")
    return columns


def _positions(front: Frontier, columns: Sequence[str], path: Path) -> list[int]:
    for name in columns:
        if name not in front.metric_names:
            known = ", ".join(front.metric_names)
            raise InputError(f"{path}: line 1: metric {name!r} is not in the front, which has {known}")
    return [front.metric_names.index(name) for name in columns]


def _answer(
    front: Frontier,
    metrics: Sequence[int],
    columns: Sequence[str],
    rows: Iterator[list[str]],
    path: Path,
    write_rows: Callable[[Iterable[Sequence[str]]], None],
    kernels: Backend,
) -> BatchResult:
    write_rows([["status", *front.metric_names, *front.block_names]])
    infeasible = ["infeasible"] + [""] * (len(front.metrics) + len(front.block_names))
    n_budgets = n_optimal = 0
    while chunk := list(islice(rows, ROWS_AT_ONCE)):
        # The header is line 1; a quoted line break would shift the numbers, but no budget holds one.
        units = _units(front, metrics, columns, chunk, path, first_line=n_budgets + 2)
        found = front.first_within(metrics, units, kernels).tolist()
        texts = {point: _texts(front, point) for point in set(found) if point >= 0}
        write_rows(infeasible if point < 0 else texts[point] for point in found)
        n_budgets += len(found)
        n_optimal += sum(point >= 0 for point in found)
    return BatchResult(n_budgets, n_optimal, kernels.name)


def _units(
    front: Frontier,
    metrics: Sequence[int],
    columns: Sequence[str],
    chunk: Sequence[Sequence[str]],
    path: Path,
    first_line: int,
) -> NDArray[np.int64]:
    """Return the budgets of some rows in grid units, exact whatever their number of digits."""
    units = np.full((len(chunk), len(columns)), UNLIMITED, dtype=np.int64)
    for line, row in enumerate(chunk, start=first_line):
        # A line that is empty is a row of one empty cell, where there is one column.
        cells = row or [""]
        if len(cells) != len(columns):
            raise InputError(f"{path}: line {line}: {len(cells)} cells, expected {len(columns)}")
        for column, (m, name, cell) in enumerate(zip(metrics, columns, cells, strict=True)):
            if not cell.strip():
                continue
            try:
                units[line - first_line, column] = front.grids[m].floor(parse_quantity(cell, name))
            except InputError as error:
                raise InputError(f"{path}: line {line}: {error}") from error
    return units


def _texts(front: Frontier, point: int) -> list[str]:
    totals = [format(total, "f") for total in front.totals(point).values()]
    return ["optimal", *totals, *(str(candidate) for candidate in front.candidates[point])]

"""Many budgets at once: a file of budgets in, a file of answers out, row by row in the same order."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import BinaryIO, Protocol

import numpy as np
from numpy.typing import NDArray

from qabwnas.atomic import atomic_path
from qabwnas.errors import FrontLimitError, InputError
from qabwnas.lut.lut import Lut
from qabwnas.search import batch_csv
from qabwnas.search.backend import Backend, select_backend
from qabwnas.search.batch_answers import Answers, DirectAnswers, FrontAnswers
from qabwnas.search.frontier import Frontier
from qabwnas.search.grid import Grid
from qabwnas.search.method import DEFAULT_MAX_MEMORY, METHODS, Method, MethodUsed
from qabwnas.search.scope import Scope
from qabwnas.search.search import compared_metrics, default_objective


@dataclass(frozen=True)
class BatchResult:
    """How many budgets were read, for how many of them something fits, and how that was found out.

    ``method`` is ``front`` (one front answered all rows) or ``direct`` (a search a distinct row).
    """

    n_budgets: int
    n_optimal: int
    method: MethodUsed
    backend: str


class BudgetReader(Protocol):
    """A file of budgets, with the names of its columns and, for messages, where they stand."""

    @property
    def columns(self) -> Sequence[str]: ...
    @property
    def header(self) -> str: ...

    def units(self, grids: Sequence[Grid], kernels: Backend) -> Iterator[NDArray[np.int64]]:
        """Give the rows in parts, ``(n, n_columns)`` in units of the columns' grids, rounded down."""
        ...


class AnswerWriter(Protocol):
    """A file of answers that grows."""

    def write(self, found: NDArray[np.int64]) -> None:
        """Append a row for every number of an answer; −1 is infeasible."""
        ...


class TableFormat(Protocol):
    """A kind of file, by the module that reads and writes it."""

    def read_budgets(self, path: Path, stream: BinaryIO) -> BudgetReader: ...
    def create_answers(self, path: Path, answers: Answers) -> AbstractContextManager[AnswerWriter]: ...


def answer_batch(
    source: Lut | Frontier,
    budgets_path: str | os.PathLike[str],
    answers_path: str | os.PathLike[str],
    *,
    minimize: str | None = None,
    scope: Scope | None = None,
    method: Method = "auto",
    max_memory: int = DEFAULT_MAX_MEMORY,
    backend: str | None = None,
) -> BatchResult:
    """Answer every row of a table of budgets; both files are CSV or Parquet, as their names end.

    The budgets have one column a budgeted metric, in which an empty cell is no budget. In CSV, and in a Parquet column
    of texts, a value may carry a unit; Parquet columns may also be of numbers, where null, NaN and ∞ are no budget and
    a double stands for its shortest decimal. The answers have, in the same row order, ``status`` (``optimal`` or
    ``infeasible``), a column a metric total, and a column a block with the chosen candidate; an infeasible row is empty
    behind its status. Totals are exact: decimals in CSV, of type decimal in Parquet. Memory is bounded, by the front
    where there is one, else by the distinct rows; the file appears when it is complete.

    Args:
        source: the LUT or front.
        minimize: the objective; by default the front's first metric, or that of
            :func:`~qabwnas.search.search.default_objective`.
        scope: what may be chosen of a LUT, and weights of the objective, whose column is then named so:
            ``weighted loss``; a front has its own.
        method: how rows of a LUT are answered: by its ``front`` over the objective and the columns' metrics, which is
            built first, or by a ``direct`` search for each distinct row. ``auto`` takes the front, and the direct
            search where the front takes more than ``max_memory``.
        max_memory: bytes that building a front may take.
        backend: ``auto``, ``cpp`` or ``numba``; by default what ``QABWNAS_BACKEND`` says.

    Raises:
        InputError: the budgets are not of that form (the message names file, line and column), a name ends otherwise,
            Parquet is asked for without pyarrow, a metric is unknown, ``max_memory`` does not do for ``front``, the
            scope does not suit the LUT, or a front is given a scope or to be searched directly.
        OSError: a file cannot be read or written.
    """
    kernels = select_backend(backend)
    reading, writing = _format_of(Path(budgets_path)), _format_of(Path(answers_path))
    with Path(budgets_path).open("rb") as stream:
        budgets = reading.read_budgets(Path(budgets_path), stream)
        _check_columns(budgets)
        answers = _answers(source, budgets.columns, minimize, scope, method, max_memory, kernels)
        metrics = _positions(answers, budgets)
        with atomic_path(answers_path) as temporary, writing.create_answers(temporary, answers) as out:
            n_budgets = n_optimal = 0
            for units in budgets.units([answers.grids[m] for m in metrics], kernels):
                found = answers.find(metrics, units)
                out.write(found)
                n_budgets += found.size
                n_optimal += int((found >= 0).sum())
    return BatchResult(n_budgets, n_optimal, answers.method, kernels.name)


def _format_of(path: Path) -> TableFormat:
    suffix = path.suffix.lower()
    if suffix == ".csv":
        return batch_csv
    if suffix != ".parquet":
        raise InputError(f"{path}: the name ends in neither .csv nor .parquet")
    if find_spec("pyarrow") is None:
        raise InputError(f"{path}: Parquet needs pyarrow: pip install 'qabwnas[batch]'")
    from qabwnas.search import batch_parquet

    return batch_parquet


def _answers(
    source: Lut | Frontier,
    columns: Sequence[str],
    minimize: str | None,
    scope: Scope | None,
    method: Method,
    max_memory: int,
    kernels: Backend,
) -> Answers:
    if method not in METHODS:
        raise InputError(f"method: {method!r} is not one of {', '.join(METHODS)}")
    if isinstance(source, Frontier):
        if method == "direct":
            raise InputError("a front cannot be searched directly: give the LUT")
        if scope is not None:
            raise InputError("a front is of one scope, that it was built with: give the LUT")
        led = source if minimize in (None, source.metric_names[0]) else source.led_by(str(minimize))
        return FrontAnswers(led, kernels)
    objective = default_objective(source.metric_names) if minimize is None else minimize
    names = compared_metrics(source, objective, columns, scope)
    if method == "direct":
        return DirectAnswers(source, names, kernels, scope)
    try:
        front = Frontier.build(source, names, scope=scope, max_memory=max_memory, backend=kernels.name)
        return FrontAnswers(front, kernels)
    except FrontLimitError:
        if method == "front":
            raise
        return DirectAnswers(source, names, kernels, scope)


def _check_columns(budgets: BudgetReader) -> None:
    columns = budgets.columns
    if not columns or not all(columns):
        raise InputError(f"{budgets.header}: expected the names of the budgeted metrics")
    for index, name in enumerate(columns):
        if name in columns[:index]:
            raise InputError(f"{budgets.header}: the column {name!r} stands twice")


def _positions(answers: Answers, budgets: BudgetReader) -> list[int]:
    names = [metric.name for metric in answers.metrics]
    for name in budgets.columns:
        if name not in names:
            raise InputError(f"{budgets.header}: metric {name!r} is not in the front, which has {', '.join(names)}")
    return [names.index(name) for name in budgets.columns]

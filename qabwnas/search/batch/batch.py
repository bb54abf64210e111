"""Many budgets at once: a file of budgets in, a file of answers out, row by row in the same order."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import BinaryIO, Protocol

import numpy as np
from numpy.typing import NDArray

from qabwnas.errors import InputError
from qabwnas.io.atomic import atomic_path
from qabwnas.io.numeric import shown, whole_number
from qabwnas.lut.lut import Lut
from qabwnas.search.api import compared_metrics, default_objective
from qabwnas.search.batch import csv as batch_csv
from qabwnas.search.batch.answers import Answers, BatchMethod, BatchProgress, DirectAnswers, FrontAnswers, Report
from qabwnas.search.batch.front_beside import FrontBeside
from qabwnas.search.constraints.scope import Scope
from qabwnas.search.engine.backend import Backend, select_backend
from qabwnas.search.engine.strategy import DEFAULT_MAX_MEMORY, METHODS, Method
from qabwnas.search.frontier import Frontier
from qabwnas.search.model.grid import Grid
from qabwnas.search.model.problem import Problem


@dataclass(frozen=True)
class BatchResult:
    """How many budgets were read, for how many of them something fits, and how that was found out.

    Attributes:
        n_budgets: how many rows were read.
        n_optimal: for how many of them a subnet fits; none does for the others.
        method: ``direct`` (one search for each distinct row), ``front`` (one front answered all rows), or ``both``:
            searches answered rows until the front was complete.
        backend: which kernels made it, ``cpp`` or ``numba``.
        n_front: how many rows the front answered. It depends on the speed of the machine; the answers do not.
    """

    n_budgets: int
    n_optimal: int
    method: BatchMethod
    backend: str
    n_front: int = 0


class BudgetReader(Protocol):
    """A file of budgets, with the names of its columns and, for messages, where they stand."""

    @property
    def columns(self) -> Sequence[str]: ...
    @property
    def header(self) -> str: ...
    @property
    def n_behind(self) -> int | None:
        """How many rows follow those that were given, or about how many; ``None`` if that is not known."""
        ...

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
    progress: Report | None = None,
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
            :func:`~qabwnas.search.api.default_objective`.
        scope: what may be chosen of a LUT, and weights of the objective, whose column is then named so:
            ``weighted loss``; a front has its own.
        method: how rows of a LUT are answered: by its ``front`` over the objective and the columns' metrics, which is
            built first, or by a ``direct`` search for each distinct row. ``auto`` starts with direct searches, builds
            the front in a second thread once that seems to pay, and takes what is done first, in about twice the
            shorter one's time at most (:mod:`qabwnas.search.batch.front_beside`). The answers are equal.
        max_memory: bytes that building a front may take. Where it needs more, ``auto`` goes on searching directly.
        backend: ``auto``, ``cpp`` or ``numba``; by default what ``QABWNAS_BACKEND`` says.
        progress: is called with a :class:`.BatchProgress` from time to time, in the calling thread.

    Raises:
        InputError: the budgets are not of that form (the message names file, line and column), a name ends otherwise,
            Parquet is asked for without pyarrow, a metric is unknown, ``max_memory`` is not a number of bytes or does
            not do for ``front``, the scope does not suit the LUT, or a front is given a scope or to be searched
            directly.
        OSError: a file cannot be read or written.
        KeyboardInterrupt: Ctrl-C, answered within a fifth of a second; no file of answers is left.
    """
    kernels = select_backend(backend)
    reading, writing = _format_of(Path(budgets_path)), _format_of(Path(answers_path))
    with Path(budgets_path).open("rb") as stream:
        budgets = reading.read_budgets(Path(budgets_path), stream)
        _check_columns(budgets)
        options = minimize, scope, method, max_memory
        with _answers(source, budgets.columns, *options, kernels, progress) as answers:
            metrics = _positions(answers, budgets)
            with atomic_path(answers_path) as temporary, writing.create_answers(temporary, answers) as out:
                n_budgets = n_optimal = 0
                for units in budgets.units([answers.grids[m] for m in metrics], kernels):
                    n_behind = budgets.n_behind
                    found = answers.find(metrics, units, n_behind)
                    out.write(found)
                    n_budgets += found.size
                    n_optimal += int((found >= 0).sum())
                    if progress is not None:
                        n_rows = None if n_behind is None else n_budgets + n_behind
                        progress(BatchProgress(answers.n_direct, answers.n_front, n_rows))
    return BatchResult(n_budgets, n_optimal, answers.method, kernels.name, answers.n_front)


def _format_of(path: Path) -> TableFormat:
    suffix = path.suffix.lower()
    if suffix == ".csv":
        return batch_csv
    if suffix != ".parquet":
        raise InputError(f"{path}: the name ends in neither .csv nor .parquet")
    if find_spec("pyarrow") is None:
        raise InputError(f"{path}: Parquet needs pyarrow: pip install 'qabwnas[batch]'")
    from qabwnas.search.batch import parquet as batch_parquet

    return batch_parquet


@contextmanager
def _answers(
    source: Lut | Frontier,
    columns: Sequence[str],
    minimize: str | None,
    scope: Scope | None,
    method: Method,
    max_memory: int,
    kernels: Backend,
    progress: Report | None,
) -> Iterator[Answers]:
    if method not in METHODS:
        raise InputError(f"method: {method!r} is not one of {', '.join(METHODS)}")
    max_memory = whole_number("max_memory", max_memory)
    if not isinstance(source, Lut | Frontier):
        raise InputError(f"source: {shown(source)} is neither a LUT nor a front")
    if isinstance(source, Frontier):
        if method == "direct":
            raise InputError("a front cannot be searched directly: give the LUT")
        if scope is not None:
            raise InputError("a front is of one scope, that it was built with: give the LUT")
        led = source if minimize in (None, source.metric_names[0]) else source.led_by(str(minimize))
        yield FrontAnswers(led, kernels)
        return
    objective = default_objective(source.metric_names) if minimize is None else minimize
    names = compared_metrics(source, objective, columns, scope)
    problem = Problem.of(source, names, kernels, scope, k=1)

    def built(asking: Backend) -> FrontAnswers:
        return FrontAnswers(Frontier.of_problem(problem, asking, scope, {}, 0, max_memory), kernels)

    if method == "front":
        told = BatchProgress(0, 0, None, is_building=True)
        yield built(kernels if progress is None else kernels.asking(lambda: progress(told)))
    elif method == "direct":
        yield DirectAnswers(problem, kernels, report=progress)
    else:
        with closing(FrontBeside(lambda ask: built(kernels.asking(ask)))) as beside:
            yield DirectAnswers(problem, kernels, beside, progress)


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

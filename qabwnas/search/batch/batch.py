"""Many budgets at once: read a file of budgets, write a file of answers with the same rows."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from importlib.util import find_spec
from pathlib import Path
from typing import Any, BinaryIO, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from qabwnas.errors import InputError
from qabwnas.io.atomic import atomic_path
from qabwnas.io.numeric import shown, whole_number
from qabwnas.lut.lut import Lut
from qabwnas.search.arguments import checked_objective
from qabwnas.search.batch import csv as batch_csv
from qabwnas.search.batch.answers import (
    Answers,
    BatchProgress,
    DirectAnswers,
    FrontAnswers,
    ProgressCallback,
)
from qabwnas.search.batch.concurrent_front import ConcurrentFront
from qabwnas.search.batch.headings import AskedHeading, Heading, check_headings, front_heading
from qabwnas.search.batch.result import AnswersFile, BatchResult
from qabwnas.search.batch.rows import RowSearch, ShownTotals
from qabwnas.search.constraints.scope import Scope
from qabwnas.search.engine.backend import Backend, select_backend
from qabwnas.search.engine.strategy import DEFAULT_MAX_MEMORY, METHODS, Method
from qabwnas.search.frontier import Frontier

T = TypeVar("T")

_STANDARD = Path("-")


class BudgetReader(Protocol):
    """A file of budgets, with the names of its columns, and the place of these names for messages."""

    @property
    def columns(self) -> Sequence[str]: ...
    @property
    def copied_columns(self) -> Sequence[Any]:
        """The copied columns, as the writer of the same format takes them."""
        ...

    @property
    def copied(self) -> Any:
        """The copied cells of the last chunk, as the writer of the same format takes them; ``None`` if none are."""
        ...

    @property
    def header(self) -> str: ...
    @property
    def n_remaining(self) -> int | None:
        """How many rows remain to be read, possibly an estimate; ``None`` if that is not known."""
        ...

    def units(self, headings: Sequence[Heading], kernels: Backend) -> Iterator[NDArray[np.int64]]:
        """Yield the rows in chunks, ``(n, n_bounds)``: upper bounds in units, rounded down, for all headings."""
        ...


class AnswerWriter(Protocol):
    """A file of answers that is written in chunks."""

    def write(self, found: NDArray[np.int64], copied: Any = None) -> None:
        """Append one row per number of an answer, after the copied cells of its row; −1 is infeasible."""
        ...


class TableFormat(Protocol):
    """The module that reads and writes one kind of file."""

    def read_budgets(self, path: Path, stream: BinaryIO, keep: Sequence[str], repeat: bool) -> BudgetReader: ...
    def create_answers(
        self, path: Path, answers: Answers, copied: Sequence[Any]
    ) -> AbstractContextManager[AnswerWriter]: ...


def answer_batch(
    source: Lut | Frontier,
    budgets_path: str | os.PathLike[str],
    answers_path: str | os.PathLike[str],
    *,
    minimize: str | None = None,
    maximize: str | None = None,
    reference: str | None = None,
    scope: Scope | None = None,
    method: Method = "auto",
    max_memory: int = DEFAULT_MAX_MEMORY,
    backend: str | None = None,
    progress: ProgressCallback | None = None,
    keep: Sequence[str] = (),
    repeat_budgets: bool = False,
) -> BatchResult:
    """Answer every row of a table of budgets. The name of each file ends in .csv or .parquet, and sets its format.

    >>> result = answer_batch(lut, "budgets.csv", "answers.csv", minimize="loss")
    >>> print(f"{result.n_optimal} of {result.n_budgets} rows have a subnet that fits")
    >>> result[0].descriptions, result.to_pandas()  # read from the file of answers

    The budgets have one column per bound, whose heading is what ``--budget`` has before the value
    (:mod:`qabwnas.search.batch.headings`): ``size_bytes``, ``latency_ms>=``, ``size_bytes+peak_bytes``. An empty cell
    means no budget. In CSV, and in Parquet columns of texts, a value may have a unit, or be a share (``60%``). Parquet
    columns may also be numbers: null, NaN and ∞ mean no budget, and a double stands for its shortest decimal. The
    answers have the same rows in the same order, with the columns ``status`` (``optimal`` or ``infeasible``), one
    column per metric that is the objective or that a heading names, with the total, and one column per block with the
    chosen candidate. After the status, an infeasible row is empty. Totals are exact: decimals in CSV, the type decimal
    in Parquet. The front bounds the memory, or without one the number of distinct rows. The file appears when it is
    complete.

    Args:
        source: the LUT or front.
        minimize: the objective; by default the first metric of the front, or ``loss`` (else ``nsr``) of the LUT.
        maximize: instead of ``minimize``: the metric to maximise; of a front, one that the front maximises.
        reference: the choice that shares are of, instead of the largest total: ``teacher``, or ``block1=3,block2=0``.
        scope: which candidates of a LUT may be chosen, and weights of the objective. A weighted objective has its own
            column, ``weighted loss``. A front has its own scope.
        method: how to answer rows of a LUT: ``front`` first builds the front over the objective and the metrics of the
            columns; ``direct`` searches once per distinct row. ``auto`` starts with direct searches, builds the front
            in a second thread once that seems to pay, and uses what finishes first. It takes at most about twice the
            time of the faster way (:mod:`qabwnas.search.batch.concurrent_front`). The answers are equal.
        max_memory: how many bytes building a front may use. If it needs more, ``auto`` continues with direct searches.
        backend: ``auto``, ``cpp`` or ``numba``; by default the value of ``QABWNAS_BACKEND``.
        progress: called with a :class:`.BatchProgress` from time to time, in the calling thread.
        keep: columns that are no budgets, and are copied before the status, in the order of the table. Both files then
            have the same format.
        repeat_budgets: also copy the budgets as they were given, as columns ``budget METRIC``.

    A path ``-`` is standard input or output, in CSV; output then begins with the first answers.

    Raises:
        InputError: the budgets do not have that form (the message names file, line and column), the name of a file has
            another ending, pyarrow is missing for Parquet, a metric is unknown, ``max_memory`` is not a number of bytes
            or too small for ``front``, the scope does not suit the LUT, or a front is combined with a scope or with
            ``direct``.
        OSError: a file cannot be read or written.
        KeyboardInterrupt: Ctrl-C, raised within a fifth of a second; no file of answers is left.
    """
    kernels = select_backend(backend)
    budgets_path, answers_path = Path(budgets_path), Path(answers_path)
    reading, writing = _format_of(budgets_path), _format_of(answers_path)
    if (keep or repeat_budgets) and reading is not writing:
        raise InputError(f"{answers_path}: columns are copied between files of one format: CSV, or Parquet")
    with nullcontext(sys.stdin.buffer) if budgets_path == _STANDARD else budgets_path.open("rb") as stream:
        budgets = reading.read_budgets(budgets_path, stream, keep, repeat_budgets)
        _check_columns(budgets)
        options = minimize, maximize, reference, scope, method, max_memory
        with _answers(source, budgets, *options, kernels, progress) as (answers, headings):
            targets = [bound.target for heading in headings for bound in heading.bounds]
            _check_copied(budgets, answers)
            written = nullcontext(_STANDARD) if answers_path == _STANDARD else atomic_path(answers_path)
            with written as path, writing.create_answers(path, answers, budgets.copied_columns) as out:
                n_budgets = n_optimal = 0
                for units in budgets.units(headings, kernels):
                    n_remaining = budgets.n_remaining
                    found = answers.find(targets, units, n_remaining)
                    out.write(found, budgets.copied)
                    n_budgets += found.size
                    n_optimal += int((found >= 0).sum())
                    if progress is not None:
                        n_rows = None if n_remaining is None else n_budgets + n_remaining
                        progress(BatchProgress(answers.n_direct, answers.n_front, n_rows))
            names = [getattr(column, "name", column) for column in budgets.copied_columns]
            totals = tuple(metric.name for metric in answers.metrics)
            file = AnswersFile(answers_path, tuple(names), totals, tuple(answers.block_names), source.describe)
    return BatchResult(n_budgets, n_optimal, answers.method, kernels.name, answers.n_front, file)


def _format_of(path: Path) -> TableFormat:
    suffix = path.suffix.lower()
    if suffix == ".csv" or path == _STANDARD:
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
    budgets: BudgetReader,
    minimize: str | None,
    maximize: str | None,
    reference: str | None,
    scope: Scope | None,
    method: Method,
    max_memory: int,
    kernels: Backend,
    progress: ProgressCallback | None,
) -> Iterator[tuple[Answers, Sequence[Heading]]]:
    if method not in METHODS:
        raise InputError(f"method: {method!r} is not one of {', '.join(METHODS)}")
    max_memory = whole_number("max_memory", max_memory)
    if not isinstance(source, Lut | Frontier):
        raise InputError(f"source: {shown(source)} is neither a LUT nor a front")
    if isinstance(source, Frontier):
        if method == "direct":
            raise InputError("a front cannot be searched directly: give the LUT")
        if scope is not None:
            raise InputError("a front has the scope that it was built with: give the LUT")
        if reference is not None:
            raise InputError("a front does not know the totals of a reference: give the LUT")
        front = _front_for(source, minimize, maximize)
        headings = _of_headings(budgets, lambda text: front_heading(front, text))
        _check_headings(budgets, headings)
        yield FrontAnswers(front, kernels), headings
        return
    objective = checked_objective(source, minimize, maximize)
    asked = _of_headings(budgets, lambda text: AskedHeading.of(source, text))
    search = RowSearch(source, objective, asked, scope, kernels, reference)
    _check_headings(budgets, search.headings)
    totals = ShownTotals(source, search, asked, kernels)

    def built(asking: Backend) -> FrontAnswers:
        return FrontAnswers(Frontier.of_problem(search.problem, asking, scope, {}, 0, max_memory), kernels)

    if search.needs_several_problems and method == "front":
        raise InputError(f"{budgets.header}: a front does not answer lower bounds on a maximum over blocks")
    if method == "front":
        building = BatchProgress(0, 0, None, is_building=True)
        front_answers = built(kernels if progress is None else kernels.asking(lambda: progress(building)))
        yield DirectAnswers(search, totals, kernels, front=front_answers), search.headings
    elif method == "direct" or search.needs_several_problems:
        yield DirectAnswers(search, totals, kernels, report=progress), search.headings
    else:
        with closing(ConcurrentFront(lambda check: built(kernels.asking(check)))) as concurrent:
            yield DirectAnswers(search, totals, kernels, concurrent, progress), search.headings


def _front_for(front: Frontier, minimize: str | None, maximize: str | None) -> Frontier:
    """Return the front with its objective."""
    if minimize is not None and maximize is not None:
        raise InputError("minimize and maximize: give one objective")
    name = maximize if minimize is None else minimize
    if name is None:
        return front
    front = front if name == front.metric_names[0] else front.with_objective(str(name))
    if maximize is not None and not front.metrics[0].higher_is_better:
        raise InputError(f"maximize: the front minimises {name!r}: give the LUT")
    return front


def _of_headings(budgets: BudgetReader, make: Callable[[str], T]) -> list[T]:
    """Return what the headings mean; an error names the place of the heading."""
    try:
        return [make(text) for text in budgets.columns]
    except InputError as error:
        raise InputError(f"{budgets.header}: {error}") from error


def _check_headings(budgets: BudgetReader, headings: Sequence[Heading]) -> None:
    try:
        check_headings(headings)
    except InputError as error:
        raise InputError(f"{budgets.header}: {error}") from error


def _check_columns(budgets: BudgetReader) -> None:
    columns = budgets.columns
    if not columns or not all(columns):
        raise InputError(f"{budgets.header}: expected the names of the budgeted metrics")
    for index, name in enumerate(columns):
        if name in columns[:index]:
            raise InputError(f"{budgets.header}: the column {name!r} occurs twice")


def _check_copied(budgets: BudgetReader, answers: Answers) -> None:
    own = {"status", *(metric.name for metric in answers.metrics), *answers.block_names}
    for column in budgets.copied_columns:
        name = getattr(column, "name", column)
        if name in own:
            raise InputError(f"{budgets.header}: the column {name!r} cannot be kept: the answers have one of that name")

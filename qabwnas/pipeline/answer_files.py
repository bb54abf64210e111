"""Answers from outside a run: files that a search, a batch or a front wrote, and choices of a user.

An answer belongs to a run if its blocks and candidates exist in the run's LUT, and if its totals are those of these
candidates there. Columns that only one of the two has are not compared: a LUT with added latencies is still that run's.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from qabwnas.errors import FormatError, InputError
from qabwnas.lut.lut import Lut
from qabwnas.pipeline.stages.answers import FoundNetwork
from qabwnas.report.result import ADDED
from qabwnas.search.api import Answer
from qabwnas.search.constraints.budgets import split_operator
from qabwnas.search.engine.backend import select_backend
from qabwnas.search.front.file import is_front
from qabwnas.search.frontier import Frontier
from qabwnas.search.model.totals import totals_in

STATUS, INFEASIBLE = "status", "infeasible"


@dataclass(frozen=True)
class GivenAnswer:
    """A choice as it was given, not compared with a LUT yet.

    Attributes:
        where: its place in messages.
        name: what it was found by, as text; used where there are no budgets.
        choice: block name → candidate.
        totals: metric → exact total; ``None`` if none are known because the user made the choice.
        budgets: metric → upper bound, if all of its budgets are known and are such bounds.
    """

    where: str
    name: str
    choice: Mapping[str, Any]
    totals: Mapping[str, Any] | None
    budgets: Mapping[str, str] = field(default_factory=dict)


def of_choice(choice: Mapping[str, int]) -> GivenAnswer:
    """Return a user's choice: block name → candidate."""
    return GivenAnswer("choice", "choice", choice, None)


def of_search(answer: Answer) -> GivenAnswer:
    """Return an answer of :func:`qabwnas.search`."""
    return GivenAnswer("answer", "answer", answer.choice, answer.totals)


def read_answer(path: Path, row: int | None, lut: Lut) -> GivenAnswer:
    """Read an answer: the JSON of ``qabwnas search --json``, a table of ``qabwnas batch`` (CSV, Parquet), or a front.

    ``row`` counts from 1: the rank of an answer of a search, 1 by default; or the row of a table or the point of a
    front, which has to be given if there are several.

    Raises:
        InputError: there is no such row, or it says that no subnet fits.
        FormatError: the file is damaged, or is none of these.
        OSError: it cannot be read.
    """
    suffix = path.suffix.lower()
    if suffix == ".csv":
        return _of_table(path, row, _csv_rows(path), lut)
    if suffix == ".parquet":
        return _of_table(path, row, _parquet_rows(path), lut)
    if suffix in (".h5", ".hdf5", ".hdf"):
        if not is_front(path):
            raise FormatError(f"{path}: not a front; an answer is a .json of a search, a table of a batch or a front")
        front = Frontier.open(path)
        point = _row(path, row, len(front)) - 1
        return GivenAnswer(str(path), f"{path.stem} row {point + 1}", front.choice(point), front.totals(point))
    return _of_json(path, row)


def network_of(given: GivenAnswer, lut: Lut, lut_name: str) -> FoundNetwork:
    """Return the network that an answer is in the LUT of a run; ``lut_name`` is the LUT's name in messages.

    Raises:
        InputError: the LUT has no such block or candidate, a block has none, a candidate was not measured, or the
            answer is one of another LUT.
    """
    choice = _checked_choice(given, lut, lut_name)
    candidates, kernels = np.array([list(choice.values())], dtype=np.int32), select_backend()
    found = {metric: totals_in(lut, metric, candidates, kernels)[0] for metric in lut.metric_names}
    totals = {metric: total for metric, total in found.items() if total is not None}
    if "nsr" not in totals:
        raise InputError(f"{given.where}: {lut_name} has no measured NSR of one of its candidates")
    if given.totals is not None:
        _check_totals(given.where, given.totals, totals, lut_name)
    name = ", ".join(f"{metric} ≤ {bound}" for metric, bound in given.budgets.items()) or given.name
    return FoundNetwork.of_choice(name, ADDED, lut, choice, totals, given.budgets)


def _checked_choice(given: GivenAnswer, lut: Lut, lut_name: str) -> dict[str, int]:
    """Return the choice in the order of the LUT's blocks."""
    for name in given.choice:
        if name not in lut.block_names:
            close = get_close_matches(str(name), lut.block_names, n=1)
            meant = f"; is {close[0]!r} meant?" if close else f", which has {', '.join(lut.block_names)}"
            raise InputError(f"{given.where}: there is no block {name!r} in {lut_name}{meant}")
    choice = {}
    for block in lut.blocks:
        if block.name not in given.choice:
            raise InputError(f"{given.where}: there is no candidate for the block {block.name!r} of {lut_name}")
        candidate, last = given.choice[block.name], block.n_candidates - 1
        is_whole = isinstance(candidate, int | np.integer) and not isinstance(candidate, bool)
        if not (is_whole and 0 <= candidate <= last):
            raise InputError(f"{given.where}: block {block.name!r}: candidate {candidate!r} is not in 0 … {last}")
        choice[block.name] = int(candidate)
    return choice


def _check_totals(where: str, given: Mapping[str, Any], totals: Mapping[str, Decimal], lut_name: str) -> None:
    """Raise InputError unless the answer has totals that the LUT knows, and they are equal."""
    compared = [metric for metric in given if metric in totals]
    if not compared:
        raise InputError(
            f"{where}: none of its totals ({', '.join(given) or 'there are none'}) is a metric of {lut_name}, so that "
            "nothing tells whether it is an answer of this run; give the candidates with --choice"
        )
    for metric in compared:
        total = given[metric]
        try:
            # `to_dict` has the nearest double, whose digits are others.
            is_equal = Decimal(total) == totals[metric] or float(total) == float(totals[metric])
        except (InvalidOperation, TypeError, ValueError) as error:
            raise FormatError(f"{where}: {metric}: {total!r} is not a number") from error
        if not is_equal:
            raise InputError(
                f"{where}: an answer of another run: its {metric} is {Decimal(total):f}, but "
                f"{totals[metric]:f} for the same candidates of {lut_name}"
            )


def _of_json(path: Path, row: int | None) -> GivenAnswer:
    try:
        content = json.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{path}: not JSON, or damaged: {error}") from error
    answers = content.get("answers") if isinstance(content, dict) else None
    if not isinstance(answers, list):
        raise FormatError(f"{path}: not the answer of a search, which `qabwnas search LUT.h5 --json` prints")
    if not answers:
        raise InputError(f"{path}: the search found no subnet ({content.get(STATUS)}), so there is no network")
    rank = _row(path, 1 if row is None else row, len(answers))
    answer, budgets = answers[rank - 1], content.get("budgets", {})
    parts: list[Any] = [answer.get(part) for part in ("choice", "totals")] if isinstance(answer, dict) else []
    if not parts or not all(isinstance(part, dict) for part in [*parts, budgets]):
        raise FormatError(f"{path}: answers[{rank - 1}]: not an answer of a search: it has no choice and totals")
    choice, totals = parts
    bounds = {key: _bound(path, key, effect) for key, effect in budgets.items()}
    if all(isinstance(bound, int | Decimal) and not _other_sense(key) for key, bound in bounds.items()):
        upper = {metric: str(bound) for metric, bound in bounds.items()}
        return GivenAnswer(str(path), f"{path.stem} row {rank}", choice, totals, upper)
    return GivenAnswer(str(path), ", ".join(f"{key} {bound}" for key, bound in bounds.items()), choice, totals)


def _bound(path: Path, key: str, effect: object) -> int | Decimal | str:
    """Return the bound of a budget: a number, or the text of a share or a range."""
    bound = effect.get("budget") if isinstance(effect, dict) else None
    if isinstance(bound, bool) or not isinstance(bound, int | Decimal | str):
        raise FormatError(f"{path}: budgets: {key}: not the budget of a search")
    return bound


def _other_sense(key: str) -> bool:
    """Return whether a budget is no upper bound on one metric: ``latency_ms>=``, ``size_bytes+peak_bytes``."""
    return split_operator(key)[1] != "<=" or "+" in key


def _of_table(path: Path, row: int | None, rows: Sequence[Mapping[str, Any]], lut: Lut) -> GivenAnswer:
    number = _row(path, row, len(rows))
    cells, where = rows[number - 1], f"{path}: row {number}"
    if cells.get(STATUS) == INFEASIBLE:
        raise InputError(f"{where}: no subnet fits these budgets, so there is no network")
    blocks = {name: _candidate(cell) for name, cell in cells.items() if name in lut.block_names}
    totals = {name: cell for name, cell in cells.items() if name not in (STATUS, *blocks)}
    return GivenAnswer(where, f"{path.stem} row {number}", blocks, totals)


def _candidate(cell: object) -> object:
    return int(cell) if isinstance(cell, str) and cell.isdecimal() else cell


def _csv_rows(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            rows = list(csv.DictReader(stream, strict=True))
    except (csv.Error, UnicodeDecodeError) as error:
        raise FormatError(f"{path}: not CSV, or damaged: {error}") from error
    for number, row in enumerate(rows, start=1):
        if None in row or None in row.values():
            raise FormatError(f"{path}: row {number}: another number of cells than names in the first line")
    return rows


def _parquet_rows(path: Path) -> list[dict[str, Any]]:
    if find_spec("pyarrow") is None:
        raise InputError(f"{path}: Parquet needs pyarrow: pip install 'qabwnas[batch]'")
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        rows: list[dict[str, Any]] = pq.read_table(path).to_pylist()
    except pa.ArrowException as error:
        raise FormatError(f"{path}: not a Parquet file, or damaged: {' '.join(str(error).split())}") from error
    return rows


def _row(path: Path, row: int | None, n: int) -> int:
    """Return a row that exists, from 1."""
    if row is None and n > 1:
        raise InputError(f"{path}: has {n} rows; choose one with --row")
    row = 1 if row is None else row
    if not 1 <= row <= n:
        raise InputError(f"{path}: row {row} is not in 1 … {n}" if n else f"{path}: has no rows")
    return row

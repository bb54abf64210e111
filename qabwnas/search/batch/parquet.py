"""Batches as Parquet, with pyarrow (the extra ``batch``)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from qabwnas.errors import InputError
from qabwnas.search.batch.answers import Answers
from qabwnas.search.batch.columns import ColumnRoles
from qabwnas.search.batch.headings import Heading
from qabwnas.search.engine.backend import Backend
from qabwnas.search.model.grid import LARGEST_UNITS, UNLIMITED, Grid

ROWS_PER_CHUNK = 1 << 17
_MAX_DECIMALS = 38
_INT64_DIGITS = 19
LARGEST_INT64 = 2**63 - 1


@contextmanager
def create_answers(path: Path, answers: Answers, copied: Sequence[pa.Field] = ()) -> Iterator[ParquetAnswers]:
    """Create a Parquet file for answers, as a context.

    Raises:
        OSError: it cannot be written.
        InputError: the totals of a metric have more decimals than Parquet allows.
    """
    schema = _schema(answers, copied)
    with pq.ParquetWriter(path, schema) as writer:
        yield ParquetAnswers(writer, schema, answers)


class ParquetBudgets:
    """Budgets in Parquet: columns of whole numbers, doubles, decimals or texts. Null means no budget.

    Attributes:
        columns: the names of the budgets.
        copied_columns: the fields of copied columns, as the answers have them.
        copied: the copied columns of the last chunk; ``None`` if no column is copied.
        header: the place of the names, for messages.
        n_remaining: how many rows remain.

    Raises:
        InputError: the stream is not a Parquet file, is damaged, or has none of the columns to keep.
    """

    def __init__(self, path: Path, stream: BinaryIO, keep: Sequence[str] = (), repeat: bool = False) -> None:
        self._path = path
        try:
            self._file = pq.ParquetFile(stream)
        except pa.ArrowException as error:
            raise InputError(f"{path}: not a Parquet file, or damaged: {_one_line(error)}") from error
        self.header = f"{path}: schema"
        schema = self._file.schema_arrow
        roles = ColumnRoles.of(schema.names, keep, repeat, self.header)
        self._budgets, self._copied = roles.budgets, roles.copied
        self.columns: list[str] = [schema.names[i] for i in self._budgets]
        self.copied_columns = [
            schema.field(i).with_name(name) for i, name in zip(self._copied, roles.copied_names, strict=True)
        ]
        self.copied: list[pa.Array] | None = None
        self.n_remaining: int | None = self._file.metadata.num_rows

    def units(self, headings: Sequence[Heading], kernels: Backend) -> Iterator[NDArray[np.int64]]:
        """Yield the rows in chunks, ``(n, n_bounds)``: upper bounds in units, rounded down, of every heading's bounds.

        Raises:
            InputError: a column has another type, a text does not suit its heading, or the file is damaged.
        """
        batches = self._file.iter_batches(batch_size=ROWS_PER_CHUNK)
        first_row = 1
        while True:
            try:
                batch = next(batches, None)
            except (pa.ArrowException, OSError) as error:
                raise InputError(f"{self._path}: damaged after row {first_row - 1}: {_one_line(error)}") from error
            if batch is None:
                return
            columns = [
                self._column(batch.column(i), heading, kernels, first_row)
                for i, heading in zip(self._budgets, headings, strict=True)
            ]
            units = np.concatenate(columns, axis=1)
            if self._copied:
                self.copied = [batch.column(i) for i in self._copied]
            first_row += batch.num_rows
            self.n_remaining = self._file.metadata.num_rows - first_row + 1
            yield units

    def _column(self, values: Any, heading: Heading, kernels: Backend, first_row: int) -> NDArray[np.int64]:
        """Return the bounds of a heading, ``(n, n_bounds)``."""
        kind = values.type.value_type if pa.types.is_dictionary(values.type) else values.type
        if pa.types.is_null(kind) or pa.types.is_float64(kind):
            doubles = values.cast(pa.float64()).to_numpy(zero_copy_only=False)  # null becomes NaN
            bounds = (
                bound.grid.budget_units(-doubles if bound.is_lower else doubles, kernels) for bound in heading.bounds
            )
            return np.stack([*bounds], axis=1)
        if pa.types.is_integer(kind) and not pa.types.is_uint64(kind):
            whole = values.cast(pa.int64())
            numbers = np.maximum(whole.fill_null(0).to_numpy(), -LARGEST_INT64)  # so that it can be negated
            scaled = (_scaled(-numbers if bound.is_lower else numbers, bound.grid) for bound in heading.bounds)
            units = np.stack([*scaled], axis=1)
            units[whole.is_null().to_numpy(zero_copy_only=False)] = UNLIMITED
            return units
        if pa.types.is_uint64(kind) or pa.types.is_decimal(kind) or _is_text(kind):
            return self._texts(values.cast(pa.string()), heading, first_row)
        raise InputError(
            f"{self._path}: column {heading.text!r}: the type {kind} is none of whole numbers, double, decimal, text"
        )

    def _texts(self, values: Any, heading: Heading, first_row: int) -> NDArray[np.int64]:
        encoded = values.fill_null("").dictionary_encode()
        codes: NDArray[np.int32] = encoded.indices.to_numpy()
        units = np.empty((len(encoded.dictionary), len(heading.bounds)), dtype=np.int64)
        for code, cell in enumerate(encoded.dictionary.to_pylist()):
            try:
                units[code] = heading.units(cell)
            except InputError as error:
                row = first_row + int(np.argmax(codes == code))
                raise InputError(f"{self._path}: row {row}: {error}") from error
        return units[codes]


read_budgets = ParquetBudgets


class ParquetAnswers:
    """Answers as rows of Parquet. After the status, an infeasible row is null."""

    def __init__(self, writer: pq.ParquetWriter, schema: pa.Schema, answers: Answers) -> None:
        self._writer = writer
        self._schema = schema
        self._answers = answers

    def write(self, found: NDArray[np.int64], copied: Sequence[pa.Array] | None = None) -> None:
        """Append one row per number of an answer, after the copied cells of its row; −1 is infeasible."""
        fits = found >= 0
        validity = pa.py_buffer(np.packbits(fits, bitorder="little"))
        units, candidates = self._rows(found)
        columns = [*(copied or ()), pa.array(["infeasible", "optimal"]).take(pa.array(fits.view(np.int8)))]
        for values in units.T:
            # One int128 per value; its upper half repeats the sign.
            words = np.empty((found.size, 2), dtype=np.int64)
            words[:, 0] = values
            np.right_shift(values, 63, out=words[:, 1])
            kind = self._schema.field(len(columns)).type
            columns.append(pa.Array.from_buffers(kind, found.size, [validity, pa.py_buffer(words)]))
        for rows in candidates.T:
            buffers = [validity, pa.py_buffer(np.ascontiguousarray(rows))]
            columns.append(pa.Array.from_buffers(pa.int32(), found.size, buffers))
        self._writer.write_batch(pa.record_batch(columns, schema=self._schema))

    def _rows(self, found: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """Return one row per number; for −1 any row, because null masks it."""
        any_number = found.max(initial=-1)
        if any_number >= 0:
            return self._answers.rows(np.where(found >= 0, found, any_number))
        shapes = (found.size, len(self._answers.metrics)), (found.size, len(self._answers.block_names))
        return np.zeros(shapes[0], dtype=np.int64), np.zeros(shapes[1], dtype=np.int32)


def _schema(answers: Answers, copied: Sequence[pa.Field]) -> pa.Schema:
    fields = [*copied, pa.field("status", pa.string())]
    for metric, grid in zip(answers.metrics, answers.grids, strict=True):
        if grid.decimals > _MAX_DECIMALS:
            raise InputError(
                f"metric {metric.name!r}: totals of {grid.decimals} decimals do not fit the {_MAX_DECIMALS} of "
                "Parquet: write the answers as CSV"
            )
        fields.append(pa.field(metric.name, pa.decimal128(max(_INT64_DIGITS, grid.decimals), grid.decimals)))
    fields.extend(pa.field(name, pa.int32()) for name in answers.block_names)
    return pa.schema(fields)


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _scaled(values: NDArray[np.int64], grid: Grid) -> NDArray[np.int64]:
    """Return whole numbers in units, clipped like :meth:`.Grid.floor`."""
    power = 10**grid.decimals
    largest = LARGEST_UNITS // power
    units = np.clip(values, -largest, largest) * np.int64(power if largest else 0)
    units[values > largest] = LARGEST_UNITS
    units[values < -largest] = -LARGEST_UNITS - 1
    return units


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())

"""Metrics, and the rows of one block: one row per candidate, one column per metric."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qabwnas.errors import InputError
from qabwnas.io.numeric import check_mapping, exact_number, exact_numbers, shown
from qabwnas.lut.arrays import LazyArrays, OverlaidArrays, in_memory, read_only
from qabwnas.lut.rows import LayerRows
from qabwnas.space import BitWidths, BlockWidths, block_widths

Aggregation = Literal["sum", "max"]
AGGREGATIONS: tuple[Aggregation, ...] = ("sum", "max")


@dataclass(frozen=True)
class Metric:
    """A named column, and how a network's total follows from the blocks' values and the fixed part (stem and head).

    ``aggregation`` ``sum``: total = ``fixed`` + sum over blocks; ``max``: total = maximum of ``fixed`` and the blocks.
    ``fixed`` is ``None`` if there is no fixed part: nothing is added to the sum or enters the maximum. It is an int if
    it is an integer that a double does not hold. ``unit`` is text such as ``bytes`` or ``ms``, and may be empty.
    ``higher_is_better`` says that larger totals are better, as of an accuracy: objectives and fronts maximise it.

    Raises:
        InputError: the name is empty or not text, the unit is not text, the aggregation is unknown,
            ``higher_is_better`` is not a boolean, or the fixed part is not a finite number that a double can hold.
    """

    name: str
    unit: str = ""
    aggregation: Aggregation = "sum"
    fixed: float | None = None
    higher_is_better: bool = field(default=False, kw_only=True)

    def __post_init__(self) -> None:
        check_name("metric", self.name)
        if not isinstance(self.unit, str):
            raise InputError(f"metric {self.name!r}: the unit {shown(self.unit)} is not a text")
        if self.aggregation not in AGGREGATIONS:
            known = ", ".join(AGGREGATIONS)
            raise InputError(f"metric {self.name!r}: the aggregation {shown(self.aggregation)} is not one of {known}")
        if not isinstance(self.higher_is_better, bool):
            raise InputError(f"metric {self.name!r}: higher_is_better: {shown(self.higher_is_better)} is no boolean")
        if self.fixed is not None:
            what = f"metric {self.name!r}: the fixed part"
            object.__setattr__(self, "fixed", exact_numbers(what, np.array(exact_number(what, self.fixed))).item())


@dataclass(frozen=True, eq=False, repr=False)
class Table:
    """The rows of one block at one bit width, or with bit widths per layer.

    Arrays in memory are copied and made read-only, so later changes of a caller's arrays do not reach the table.
    Columns in a file stay there until they are needed, and are checked then. Tables compare and hash by identity. A
    pickled or deep-copied table has everything in memory.

    Attributes:
        columns: metric name → float64 array ``(n_rows,)``, at least one. Numbers of other types are converted: float32
            and float16 count as their shortest decimals. Integers are int64 if doubles do not hold all of them. The
            value of a row that was not measured has no meaning.
        widths: the bit widths of the rows; ``None`` if they are unknown (imports), or if ``rows`` has them.
        measured: metric name → bool array ``(n_rows,)``, only for metrics with rows that were not measured.
        descriptions: one text per row; ``None`` if the space gives it. A sequence, so that a store may read it lazily.
        rows: what the rows choose, if the space's policy is ``layer``; otherwise ``None``.

    Raises:
        InputError: columns, masks, descriptions or codes have other types, or not one entry per row.
    """

    columns: Mapping[str, NDArray[Any]]
    widths: BitWidths | None = None
    measured: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict)
    descriptions: Sequence[str] | None = None
    rows: LayerRows | None = None

    def __post_init__(self) -> None:
        check_mapping("columns", self.columns, "metric to values")
        check_mapping("measured", self.measured, "metric to mask")
        if not self.columns:
            raise InputError("columns: a table needs at least one metric")
        if self.widths is not None and not isinstance(self.widths, BitWidths):
            raise InputError(f"widths: {shown(self.widths)} are not BitWidths")
        if not isinstance(self.columns, LazyArrays):
            columns = {name: _column(name, values) for name, values in self.columns.items()}
            object.__setattr__(self, "columns", columns)
            self._check_lengths({f"metric {name!r}": len(column) for name, column in columns.items()})
        for name in self.measured:
            if name not in self.columns:
                raise InputError(f"measured: there is no column {name!r}")
        if not isinstance(self.measured, LazyArrays):
            masks = {name: _mask(name, mask, self.n_rows) for name, mask in self.measured.items()}
            object.__setattr__(self, "measured", masks)
        if self.descriptions is not None:
            texts = _texts(self.descriptions)
            object.__setattr__(self, "descriptions", texts)
            self._check_lengths({"descriptions": len(texts)})
        if self.rows is not None:
            if not isinstance(self.rows, LayerRows):
                raise InputError(f"rows: {shown(self.rows)} are not LayerRows")
            self._check_lengths({"codes": len(self.rows.codes)})

    @cached_property
    def n_rows(self) -> int:
        """The number of rows, which is the length of every column."""
        if isinstance(self.columns, LazyArrays):
            return self.columns.n_rows
        return len(next(iter(self.columns.values())))

    def _check_lengths(self, lengths: Mapping[str, int]) -> None:
        for what, length in lengths.items():
            if length != self.n_rows:
                raise InputError(f"{what}: {length} for the {self.n_rows} rows of {next(iter(self.columns))!r}")

    def with_column(self, metric: str, values: ArrayLike, measured: NDArray[np.bool_] | None = None) -> Table:
        """Return a table with one column added or replaced; lazy columns are not read.

        ``measured`` is its mask, ``None`` if all rows were measured. Raises InputError as the table does.
        """
        masks = {name: mask for name, mask in self.measured.items() if name != metric}
        if measured is not None:
            masks[metric] = measured
        columns: Mapping[str, NDArray[Any]]
        if isinstance(self.columns, LazyArrays):
            column = _column(metric, values)
            self._check_lengths({f"metric {metric!r}": len(column)})
            columns = OverlaidArrays(self.columns, {metric: column})
        else:
            columns = {**self.columns, metric: cast("NDArray[Any]", values)}  # converted with the others
        return replace(self, columns=columns, measured=masks)

    def first_not_finite(self) -> tuple[str, int] | None:
        """Return metric and row of a measured value in memory that is NaN or infinite; ``None`` if there is none."""
        for name, column in in_memory(self.columns).items():
            known = np.isfinite(column)
            if not known.all() and name in self.measured:
                known |= ~self.measured[name]
            if not known.all():
                return name, int(known.argmin())
        return None

    def __reduce__(self) -> tuple[type[Table], tuple[object, ...]]:
        return Table, (self.columns, self.widths, self.measured, self.descriptions, self.rows)

    def __repr__(self) -> str:
        widths = "" if self.widths is None else f" {self.widths.name}"
        return f"<Table{widths}: rows {self.n_rows}, metrics {', '.join(map(repr, self.columns))}>"

    def code(self, row: int) -> int:
        """Return the code of a row's operations, in a table whose candidates a space describes."""
        return row if self.rows is None else self.rows.candidate(row).code

    def widths_of(self, row: int) -> BlockWidths | None:
        """Return the bit widths of a row; ``None`` if they are unknown."""
        return self.widths if self.rows is None else block_widths(self.rows.candidate(row).widths)


def check_name(kind: str, name: object) -> None:
    """Raise InputError unless the name of a metric or block is text, and not empty."""
    if not isinstance(name, str):
        raise InputError(f"{kind} {shown(name)}: the name is not a text")
    if not name:
        raise InputError(f"a {kind} has no name")


def _column(name: str, values: ArrayLike) -> NDArray[Any]:
    check_name("metric", name)
    column = exact_numbers(f"metric {name!r}", values)
    if column.ndim != 1:
        raise InputError(f"metric {name!r}: the shape is {column.shape}, expected one value per row")
    return read_only(column)


def _mask(name: str, mask: ArrayLike, n_rows: int) -> NDArray[np.bool_]:
    array = np.asarray(mask)
    if array.dtype != np.bool_ or array.shape != (n_rows,):
        raise InputError(f"measured: the mask of {name!r} is {array.dtype} {array.shape}, expected bool ({n_rows},)")
    return read_only(array)


def _texts(texts: object) -> Sequence[str]:
    """Return descriptions: those in memory as a tuple, checked; others as they are, because they are read lazily."""
    if isinstance(texts, np.ndarray):
        texts = texts.tolist()
    elif hasattr(texts, "to_list"):  # a Series of pandas or polars
        texts = texts.to_list()
    if isinstance(texts, str) or not isinstance(texts, Sequence):
        raise InputError(f"descriptions: {shown(texts)} is not one text per row")
    if not isinstance(texts, list | tuple):
        return texts
    for row, text in enumerate(texts):
        if not isinstance(text, str):
            raise InputError(f"descriptions: row {row}: {shown(text)} is not a text")
    return tuple(texts)

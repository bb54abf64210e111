"""LUTs from DataFrames of pandas and polars, and from arrays. Neither library is imported: the user has done so."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qabwnas.errors import InputError
from qabwnas.io.numeric import Number, check_mapping, number_array, shown
from qabwnas.lut.content import LutBlock, LutContent
from qabwnas.lut.exchange.csv_read import fixed_parts, named_metrics, read_rows
from qabwnas.lut.exchange.layout import TableLayout
from qabwnas.lut.exchange.text_table import TextTable
from qabwnas.lut.table import Aggregation, Table


def read_dataframe(
    frame: Any,
    aggregate: Mapping[str, Aggregation] | None,
    fixed: Mapping[str, Number] | None,
    layout: TableLayout,
    higher_is_better: Collection[str] = (),
) -> LutContent:
    """Read a DataFrame of pandas or polars with the columns of a CSV table; the arguments are those of ``read_csv``.

    Missing values, NaN too, were not measured. Integers are exact; floats of any precision stand for their shortest
    decimals. In pandas, the levels of an index that have names are columns, too.

    A LazyFrame of polars is collected.

    Raises:
        InputError: it is no DataFrame, or its content is wrong; the message gives row (from 1) and column.
    """
    library = type(frame).__module__.partition(".")[0]
    if library == "polars" and hasattr(frame, "collect"):  # a LazyFrame
        frame = frame.collect()
    if library not in ("pandas", "polars") or not hasattr(frame, "columns"):
        raise InputError(f"{shown(frame)} is not a DataFrame of pandas or polars")
    if library == "pandas":
        named = [name for name in frame.index.names if name is not None]
        frame = frame.reset_index(level=named) if named else frame
    names = list(map(str, frame.columns))
    # By position, because two columns may have the same name, which is reported later.
    series = [frame.iloc[:, i] if library == "pandas" else frame[:, i] for i in range(len(names))]
    columns = [_cells(each, each.isna() if library == "pandas" else each.is_null()) for each in series]
    rows = list(enumerate(zip(*columns, strict=True), start=1))
    source = TextTable(Path("the DataFrame"), tuple(names), rows, place="row")
    return read_rows(source, aggregate, fixed, layout, higher_is_better)


def _cells(series: Any, missing: Any) -> list[str]:
    """Return the values as text: empty where one is missing, and the shortest decimal of a float."""
    is_short = str(series.dtype).lower() in ("float16", "float32")  # as doubles, they would have more digits
    values = series.to_numpy() if is_short else series.to_list()
    texts = ["" if no_value else str(value) for value, no_value in zip(values, missing.to_list(), strict=True)]
    return ["" if text == "nan" else text for text in texts]


def read_arrays(
    columns: Mapping[str, Mapping[str, ArrayLike]],
    aggregate: Mapping[str, Aggregation] | None,
    fixed: Mapping[str, Number] | None,
    descriptions: Mapping[str, Sequence[str]] | None,
    higher_is_better: Collection[str] = (),
) -> LutContent:
    """Return the content of arrays: block name → metric name → ``(n_candidates,)``.

    NaN, and what a masked array masks, was not measured. Metrics have the units that their names state.

    Args:
        aggregate, fixed, higher_is_better: as for ``read_csv``.
        descriptions: block name → one text per candidate.

    Raises:
        InputError: columns are not one number per candidate, blocks have different metrics, or an option names a block
            or metric that is not there.
    """
    check_mapping("columns", columns, "block to metric to values")
    check_mapping("descriptions", descriptions or {}, "block to texts")
    for block in descriptions or {}:
        if block not in columns:
            raise InputError(f"descriptions: there is no block {block!r} among {', '.join(map(str, columns))}")
    blocks = []
    for block, metrics in columns.items():
        check_mapping(f"columns: {block}", metrics, "metric to values")
        known = {metric: ~_missing(column) for metric, column in metrics.items()}
        try:
            table = Table(
                {metric: _filled(column, known[metric]) for metric, column in metrics.items()},
                measured={metric: mask for metric, mask in known.items() if not mask.all()},
                descriptions=(descriptions or {}).get(block),
            )
        except InputError as error:
            raise InputError(f"{block}: {error}") from error
        blocks.append(LutBlock(block, (table,)))
    names = list(next(iter(columns.values()), {}))
    named = named_metrics(names, aggregate or {}, fixed_parts(fixed or {}), higher_is_better=higher_is_better)
    return LutContent(named, tuple(blocks))


def _missing(column: ArrayLike) -> NDArray[np.bool_]:
    """Return which values are masked, NaN, ``None`` or pandas' NA."""
    if isinstance(column, np.ma.MaskedArray):
        return np.asarray(np.ma.getmaskarray(column) | _missing(column.data))
    values = np.asarray(column)
    if values.dtype.kind == "f":
        is_nan: NDArray[np.bool_] = np.isnan(values)
        return is_nan
    if values.dtype.kind != "O":
        return np.zeros(values.shape, dtype=np.bool_)
    # Only NaN differs from itself. pandas' NA has no truth value, so its type tells it.
    missing = [value is None or type(value).__name__ == "NAType" or value != value for value in values.ravel().tolist()]
    return np.array(missing, dtype=np.bool_).reshape(values.shape)


def _filled(column: ArrayLike, known: NDArray[np.bool_]) -> NDArray[Any]:
    """Return a column with 0 for every value that is missing, so that its numbers keep their type."""
    values = np.ma.getdata(column) if isinstance(column, np.ma.MaskedArray) else number_array("columns", column)
    return values if known.all() else np.where(known, values, np.zeros_like(values))

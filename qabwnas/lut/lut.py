"""The look-up table: what is searched. It opens and saves files; :mod:`qabwnas.lut.content` has what it holds."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from numpy.typing import ArrayLike

from qabwnas.io.numeric import Number, check_mapping
from qabwnas.lut.content import LutBlock, LutContent
from qabwnas.lut.table import Aggregation, Metric, Table

if TYPE_CHECKING:  # tables load when one is read
    from qabwnas.lut.exchange.csv_source import CsvSource

__all__ = ["Lut", "LutBlock", "Metric", "Table"]  # what a LUT is made of, from one import


@dataclass(frozen=True, eq=False, repr=False)
class Lut(LutContent):
    """Blocks of candidates with their metrics. It never changes; LUTs compare and hash by identity.

    A pickled or deep-copied LUT is in memory and no longer needs the file that it was opened from. Attributes and
    errors are those of :class:`~qabwnas.lut.content.LutContent`.
    """

    @classmethod
    def of(cls, content: LutContent) -> Self:
        """Return the LUT with this content."""
        return cls(content.metrics, content.blocks, content.space, content.provenance)

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Self:
        """Open an HDF5 file; columns and descriptions are read when they are first needed.

        The file stays open as long as the LUT lives. Replacing the file by another one does not change the LUT.

        Raises:
            OSError: the file cannot be read.
            FormatError: it is not a LUT, is damaged or has a newer schema; columns may raise it later, too.
        """
        from qabwnas.lut.hdf5.store import read_lut  # here, so that LUTs in memory do not load h5py

        return cls.of(read_lut(path))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the LUT to an HDF5 file, atomically.

        Raises:
            OSError: the folder cannot be written.
            InputError: the name is that of another kind of file, a text cannot be stored, or the provenance does not
                consist of JSON values.
        """
        from qabwnas.lut.hdf5.store import write_lut

        write_lut(self, path)

    @classmethod
    def from_csv(
        cls,
        source: CsvSource,
        aggregate: Mapping[str, Aggregation] | None = None,
        fixed: Mapping[str, Number] | None = None,
        *,
        block: str | None = None,
        candidate: str | None = None,
        columns: Mapping[str, str] | None = None,
        units: Mapping[str, str] | None = None,
        ignore: Collection[str] = (),
        delimiter: str | None = None,
        decimal: str | None = None,
        thousands: str | None = None,
        na: Collection[str] = (),
        encoding: str | None = None,
        higher_is_better: Collection[str] = (),
    ) -> Self:
        """Read a CSV table, compressed or not, from a path or an open file.

        >>> lut = Lut.from_csv("latencies.csv", block="Stage", units={"Latency": "us"}, fixed={"size_bytes": "1.5MB"})

        :func:`qabwnas.lut.exchange.csv_read.read_csv` says how, and :class:`qabwnas.lut.exchange.layout.TableLayout`
        what the arguments from ``block`` to ``encoding`` say about the table. ``higher_is_better`` are the metrics that
        objectives and fronts maximise.
        """
        from qabwnas.lut.exchange.csv_read import read_csv
        from qabwnas.lut.exchange.layout import TableLayout

        _check_options(aggregate, fixed)
        columns, units = {} if columns is None else columns, {} if units is None else units
        layout = TableLayout(block, candidate, columns, units, ignore, delimiter, decimal, thousands, na, encoding)
        return cls.of(read_csv(source, aggregate, fixed, layout, higher_is_better))

    @classmethod
    def from_dataframe(
        cls,
        frame: Any,
        aggregate: Mapping[str, Aggregation] | None = None,
        fixed: Mapping[str, Number] | None = None,
        *,
        block: str | None = None,
        candidate: str | None = None,
        columns: Mapping[str, str] | None = None,
        units: Mapping[str, str] | None = None,
        ignore: Collection[str] = (),
        higher_is_better: Collection[str] = (),
    ) -> Self:
        """Read a DataFrame of pandas or polars, with the columns and arguments of :meth:`from_csv`.

        >>> lut = Lut.from_dataframe(pandas.DataFrame({"block": ["a", "a"], "candidate": [0, 1], "loss": [0.5, 0.25]}))

        :func:`qabwnas.lut.exchange.dataframe.read_dataframe` says how.
        """
        from qabwnas.lut.exchange.dataframe import read_dataframe
        from qabwnas.lut.exchange.layout import TableLayout
        from qabwnas.lut.exchange.option_names import OptionNames

        _check_options(aggregate, fixed)
        columns, units = {} if columns is None else columns, {} if units is None else units
        layout = TableLayout(block, candidate, columns, units, ignore, options=OptionNames.without_text())
        return cls.of(read_dataframe(frame, aggregate, fixed, layout, higher_is_better))

    @classmethod
    def from_arrays(
        cls,
        columns: Mapping[str, Mapping[str, ArrayLike]],
        aggregate: Mapping[str, Aggregation] | None = None,
        fixed: Mapping[str, Number] | None = None,
        *,
        descriptions: Mapping[str, Sequence[str]] | None = None,
        higher_is_better: Collection[str] = (),
    ) -> Self:
        """Return the LUT of arrays: block name → metric name → ``(n_candidates,)``.

        >>> lut = Lut.from_arrays({"stage1": {"loss": [0.5, 0.25], "latency_ms": [1, 2]}, "stage2": {...}})

        :func:`qabwnas.lut.exchange.dataframe.read_arrays` says how.
        """
        from qabwnas.lut.exchange.dataframe import read_arrays

        _check_options(aggregate, fixed)
        return cls.of(read_arrays(columns, aggregate, fixed, descriptions, higher_is_better))

    def to_csv(self, path: str | os.PathLike[str]) -> None:
        """Write a ``.csv`` or ``.csv.gz`` table; :func:`qabwnas.lut.exchange.csv_write.write_csv` says how."""
        from qabwnas.lut.exchange.csv_write import write_csv

        write_csv(self, path)


def _check_options(aggregate: object, fixed: object) -> None:
    for what, value in (("aggregate", aggregate), ("fixed", fixed)):
        if value is not None:
            check_mapping(what, value, "metric to value")

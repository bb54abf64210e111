"""The look-up table: what is searched. It opens and saves files; :mod:`qabwnas.lut.content` has what it holds."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from qabwnas.io.numeric import check_mapping
from qabwnas.lut.content import LutBlock, LutContent
from qabwnas.lut.table import Aggregation, Metric, Table

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
        path: str | os.PathLike[str],
        aggregate: Mapping[str, Aggregation] | None = None,
        fixed: Mapping[str, float] | None = None,
    ) -> Self:
        """Read a ``.csv`` or ``.csv.gz`` table; :func:`qabwnas.lut.exchange.csv_read.read_csv` says how."""
        from qabwnas.lut.exchange.csv_read import read_csv

        for what, value in (("aggregate", aggregate), ("fixed", fixed)):
            if value is not None:
                check_mapping(what, value, "metric to value")
        return cls.of(read_csv(path, aggregate, fixed))

    def to_csv(self, path: str | os.PathLike[str]) -> None:
        """Write a ``.csv`` or ``.csv.gz`` table; :func:`qabwnas.lut.exchange.csv_write.write_csv` says how."""
        from qabwnas.lut.exchange.csv_write import write_csv

        write_csv(self, path)

"""Read an HDF5 file and check everything: only hard links, all values in the file itself, every type and shape.

Every deviation is a FormatError that names the file and the path inside it.

This uses h5py's low-level interface: opening and checking a dataset takes a third of the time of ``group[name]`` and
``attrs[name]``, and a search waits for hundreds of datasets of a LUT.
"""

from __future__ import annotations

import math
import mmap
import os
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
from h5py import h5a, h5d, h5f, h5g, h5i, h5l, h5s
from numpy.typing import NDArray

from qabwnas.errors import FormatError
from qabwnas.io.file_kinds import TABLE, is_named_as
from qabwnas.io.hdf5_write import HDF5Format

SIGNATURE = b"\x89HDF\r\n\x1a\n"
FLOAT64, INT64, BOOL = np.dtype(np.float64), np.dtype(np.int64), np.dtype(np.bool_)
TEXT = np.dtype(np.bytes_)  # of any length
# What h5py raises for HDF5's error stack, and for types that numpy does not have.
_HDF5_ERRORS = (OSError, RuntimeError, KeyError, TypeError, ValueError)


class Header(NamedTuple):
    """The header of every file; ``created`` is ISO 8601 in UTC."""

    format: str
    schema_version: int
    writer: str
    writer_version: str
    created: str


def open_file(path: str | os.PathLike[str], file_format: HDF5Format) -> tuple[Group, Header]:
    """Open a file and return its root and header; it is closed with its last group or dataset.

    Raises:
        OSError: the file cannot be read.
        FormatError: it is not HDF5, is damaged, or has another format or a schema newer than ``file_format.newest``.
    """
    root = _open_root(Path(path))
    if (found := _format_of(root)) != file_format.name:
        what = "an HDF5 file" if found is None else f"an HDF5 file of the format {found}"
        advice = f": {file_format.advice[found]}" if found in file_format.advice else ""
        raise FormatError(f"{path}: {what}, not {file_format.name}{advice}")
    version = root.integer("schema_version")
    if version > file_format.newest:
        raise FormatError(f"{path}: written by schema {version}, this reads up to {file_format.newest}")
    if version < 1:
        raise FormatError(f"{path}: there is no schema {version}")
    return root, Header(
        file_format.name, version, *(root.text(name) for name in ("writer", "writer_version", "created"))
    )


def read_format(path: str | os.PathLike[str]) -> str | None:
    """Return the name of the format in an HDF5 file's header, of any schema, or ``None`` if it has none.

    Raises:
        OSError: the file cannot be read.
        FormatError: it is not HDF5, or damaged.
    """
    return _format_of(_open_root(Path(path)))


def _open_root(path: Path) -> Group:
    with path.open("rb") as stream:  # so that a missing file gives the system's error
        signature = stream.read(len(SIGNATURE))
    if signature != SIGNATURE:
        advice = ", but a table: `qabwnas lut import` makes a LUT of it" if is_named_as(path, TABLE) else ""
        raise FormatError(f"{path}: not an HDF5 file{advice}")
    try:
        # A finished file is never changed, so it needs no lock; network drives often cannot lock.
        file = h5py.File(path, "r", locking=False)
        return Group(file, h5g.open(file.id, b"/"))
    except _HDF5_ERRORS as error:
        raise FormatError(f"{path}: damaged or truncated: {_one_line(error)}") from error


def _format_of(root: Group) -> str | None:
    return root.text("format") if root.has_attribute("format") else None


class _Node:
    """A group or a dataset with its attributes. It keeps the file open."""

    def __init__(self, file: h5py.File, identifier: Any) -> None:
        self._file = file
        self._id = identifier

    def has_attribute(self, name: str) -> bool:
        with self._reading(name):
            return bool(h5a.exists(self._id, name.encode()))

    def text(self, name: str) -> str:
        """Return an attribute that is one UTF-8 text."""
        with self._reading(name):
            return str(self._attribute(name, TEXT, n_dims=0).item(), "utf-8")

    def texts(self, name: str) -> tuple[str, ...]:
        """Return an attribute that is a list of UTF-8 texts."""
        with self._reading(name):
            return tuple(str(text, "utf-8") for text in self._attribute(name, TEXT, n_dims=1))

    def integer(self, name: str) -> int:
        """Return an int64 attribute."""
        return int(self._attribute(name, INT64))

    def is_integer(self, name: str) -> bool:
        """Return whether an attribute is int64."""
        with self._reading(name):
            return bool(h5a.open(self._id, name.encode()).dtype == INT64)

    def real(self, name: str) -> float:
        """Return a float64 attribute, which must be finite."""
        value = float(self._attribute(name, FLOAT64))
        if not math.isfinite(value):
            raise self.wrong(f"the attribute {name!r} is {value}")
        return value

    def boolean(self, name: str) -> bool:
        """Return a boolean attribute."""
        return bool(self._attribute(name, BOOL))

    def wrong(self, what: str) -> FormatError:
        """Return the error that says ``what`` is wrong here."""
        return FormatError(f"{h5f.get_name(self._id).decode()}: {h5i.get_name(self._id).decode()}: {what}")

    def _attribute(self, name: str, dtype: np.dtype[Any], n_dims: int = 0) -> NDArray[Any]:
        with self._reading(name):
            attribute = h5a.open(self._id, name.encode())
            found, shape = attribute.dtype, attribute.shape
            if _fits(found, dtype) and len(shape) == n_dims:
                value = np.empty(shape, found)
                attribute.read(value)
                return value
        raise self.wrong(f"the attribute {name!r} is not {'a list of' if n_dims else 'one'} {_name(dtype)}")

    def _reading(self, name: str = "") -> _Reading:
        return _Reading(self, name)


class _Reading:
    """Turn what h5py raises inside a ``with`` block into FormatError; a class, because a generator is slower."""

    __slots__ = ("_name", "_node")

    def __init__(self, node: _Node, name: str) -> None:
        self._node = node
        self._name = name

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if isinstance(error, _HDF5_ERRORS):
            what = f"{self._name!r} cannot be read" if self._name else "cannot be read"
            raise self._node.wrong(f"{what}: {_one_line(error)}") from error


class Group(_Node):
    """A group: named members, which are groups and datasets, reached by hard links."""

    def members(self) -> list[str]:
        """Return the names of the members, in alphabetical order."""
        with self._reading():
            return [name.decode() for name in self._id]

    def __contains__(self, name: str) -> bool:
        with self._reading(name):
            return bool(self._id.links.exists(name.encode()))

    def group(self, name: str) -> Group:
        """Open a group in this group.

        Raises:
            FormatError: it is missing, not a group, or reached by a soft or external link.
        """
        self._check_link(name)
        with self._reading(name):
            return Group(self._file, h5g.open(self._id, name.encode()))

    def dataset(
        self,
        name: str,
        dtype: np.dtype[Any],
        shape: tuple[int | None, ...],
        dims: tuple[str, ...],
        units: tuple[str, ...] = ("",),
    ) -> Dataset:
        """Open a dataset in this group and check it; ``None`` in a shape allows any length.

        Raises:
            FormatError: it is missing, is not a dataset, is reached by a soft or external link, has another type,
                shape, dimensions or units, or its values are not contiguous in this file (but in chunks, in another
                file, or were never written).
        """
        self._check_link(name)
        with self._reading(name):
            dataset = Dataset(self._file, h5d.open(self._id, name.encode()))
        dataset.check_layout(dtype, shape)
        for attribute, expected in (("dims", dims), ("units", units)):
            found = dataset.texts(attribute)
            if found != expected:
                raise dataset.wrong(f"the {attribute} are {found}, expected {expected}")
        return dataset

    def _check_link(self, name: str) -> None:
        try:
            link = self._id.links.get_info(name.encode()).type
        except _HDF5_ERRORS as error:
            raise self.wrong(f"{name!r} is missing") from error
        if link != h5l.TYPE_HARD:
            raise self.wrong(f"{name!r} is a soft or external link")


class Dataset(_Node):
    """An array in the file, read as a whole or in slices."""

    def __init__(self, file: h5py.File, identifier: h5d.DatasetID) -> None:
        super().__init__(file, identifier)
        self.shape: tuple[int, ...] = identifier.shape
        self._dtype: np.dtype[Any] = identifier.dtype

    def check_layout(self, dtype: np.dtype[Any], shape: tuple[int | None, ...]) -> None:
        """Raise FormatError if type or shape differ, or the values are not contiguous in this file."""
        if not _fits(self._dtype, dtype):
            raise self.wrong(f"the type is {_name(self._dtype)}, expected {_name(dtype)}")
        if len(self.shape) != len(shape) or any(m not in (None, n) for n, m in zip(self.shape, shape, strict=True)):
            raise self.wrong(f"the shape is {self.shape}, expected {tuple('any' if n is None else n for n in shape)}")
        if self._id.get_offset() is None and 0 not in self.shape:
            raise self.wrong("the values are not contiguous in this file")

    def read(self) -> NDArray[Any]:
        """Return all values, texts as bytes; raises FormatError if the file is damaged."""
        return self.read_slice((0,) * len(self.shape), self.shape)

    def map(self) -> NDArray[Any]:
        """Return all values, read-only and memory-mapped: pages are read when accessed, and the file stays open.

        If the values do not begin at a multiple of their size in the file, they are read at once.
        """
        offset = self._id.get_offset()
        if offset is None or offset % self._dtype.itemsize:
            return self.read()
        with self._reading():
            pages = mmap.mmap(self._file.id.get_vfd_handle(), 0, access=mmap.ACCESS_READ)
            return np.frombuffer(pages, self._dtype, math.prod(self.shape), offset).reshape(self.shape)

    def read_slice(self, start: tuple[int, ...], count: tuple[int, ...]) -> NDArray[Any]:
        """Return ``count`` values from ``start``, both with one number per dimension; otherwise as :meth:`read`."""
        values = np.empty(count, self._dtype)
        with self._reading():
            space = self._id.get_space()
            space.select_hyperslab(start, count)
            self._id.read(h5s.create_simple(count), space, values)
        return values

    def read_texts(self, start: int, count: int) -> list[str]:
        """Return ``count`` texts from ``start``; otherwise as :meth:`read`."""
        with self._reading():
            return [str(text, "utf-8") for text in self.read_slice((start,), (count,))]


def _fits(found: np.dtype[Any], expected: np.dtype[Any]) -> bool:
    return found == expected or (found.kind == "S" and expected == TEXT)


def _name(dtype: np.dtype[Any]) -> str:
    return "text" if dtype == TEXT else str(dtype)


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())

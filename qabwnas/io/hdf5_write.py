"""Write an HDF5 file: atomically, with a header that names its format, and with dimensions and units at every dataset.

Files have HDF5 1.8's version, whose metadata have checksums. Texts have a fixed length, because texts of variable
length are in a global heap, which has no checksum; if it is damaged, the HDF5 library can loop forever.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, NamedTuple

import h5py
import numpy as np
from numpy.typing import NDArray

from qabwnas.errors import InputError
from qabwnas.version import __version__


class HDF5Format(NamedTuple):
    """A format of HDF5 files.

    Attributes:
        name: the text in every file.
        newest: the newest schema version that this release writes and reads.
        advice: name of another format → what to do with such a file where this one is needed.
    """

    name: str
    newest: int
    advice: Mapping[str | None, str] = {}


@contextmanager
def create_file(
    path: str | os.PathLike[str], file_format: HDF5Format, schema_version: int | None = None
) -> Iterator[h5py.File]:
    """Yield an empty file of that format, to write into; it appears at ``path`` when the block succeeds.

    The schema version is the newest unless another one is given.

    Raises:
        OSError: the folder cannot be written.
    """
    from qabwnas.io.atomic import atomic_path

    # Values begin at a multiple of 64 bytes, so that they can be memory-mapped.
    layout = {"libver": ("v108", "v108"), "alignment_threshold": 64, "alignment_interval": 64}
    with atomic_path(path) as temporary, _Stream(temporary, "w+b") as stream:
        with h5py.File(stream, "w", **layout) as file:
            write_text(file, "format", file_format.name)
            file.attrs["schema_version"] = schema_version or file_format.newest
            write_text(file, "writer", "qabwnas")
            write_text(file, "writer_version", __version__)
            write_text(file, "created", datetime.now(UTC).isoformat(timespec="seconds"))
            yield file
        if stream.error is not None:
            raise stream.error


class _Stream(io.FileIO):
    """A file that HDF5 writes through Python, for two reasons.

    HDF5 locks the files that it opens itself. Many network drives refuse that, and a private file needs no lock.
    If the disk is full, HDF5 can neither flush nor close the file, and reports it again when the process ends. Here the
    first error is stored and later writes are ignored; the caller raises the error after HDF5 has closed the file.
    """

    error: OSError | None = None

    def write(self, values: Any) -> int:
        rest = memoryview(values).cast("B")
        while rest and self.error is None:
            try:
                rest = rest[os.write(self.fileno(), rest) :]  # one call writes at most 2 GiB
            except OSError as error:
                self.error = error
        return len(memoryview(values).cast("B"))


def write_text(node: h5py.Group, name: str, text: str) -> None:
    """Write a text attribute; raises InputError as :func:`encode_texts` does."""
    encoded = encode_texts(f"{node.name}: {name}", [text])
    node.attrs.create(name, encoded[0], dtype=encoded.dtype)


def write_array(
    parent: h5py.Group, name: str, values: NDArray[Any], dims: Sequence[str], units: Sequence[str] = ("",)
) -> None:
    """Write an array contiguously, with the names of its dimensions and its units.

    Args:
        dims: one name per dimension, slowest first.
        units: one for all values, or one per entry of the first dimension; empty text for none.
    """
    create_array(parent, name, values.shape, values.dtype, dims, units)[...] = values


def create_array(
    parent: h5py.Group,
    name: str,
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    dims: Sequence[str],
    units: Sequence[str] = ("",),
) -> h5py.Dataset:
    """Return a contiguous array to write into, in slices; otherwise as :func:`write_array`."""
    dataset = parent.create_dataset(name, shape, dtype)
    dataset.attrs["dims"] = encode_texts(f"{dataset.name}: dims", dims)
    dataset.attrs["units"] = encode_texts(f"{dataset.name}: units", units)
    return dataset


def encode_texts(where: str, texts: Sequence[str]) -> NDArray[np.bytes_]:
    """Return texts as HDF5 stores them: UTF-8, padded with NUL to the length of the longest.

    Raises:
        InputError: a text has a NUL or a lone surrogate, which UTF-8 does not have; the message starts with ``where``.
    """
    encoded = []
    for text in texts:
        try:
            encoded.append(text.encode())
        except UnicodeEncodeError as error:
            raise InputError(f"{where}: {text!r} is not Unicode text") from error
        if "\0" in text:
            raise InputError(f"{where}: {text!r} has a NUL")
    length = max(1, *map(len, encoded))
    return np.array(encoded, dtype=h5py.string_dtype("utf-8", length))

"""Write an HDF5 file: atomically, with a header that says what it is, and units and dimensions at every dataset."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from qabwnas.atomic import atomic_path
from qabwnas.errors import InputError

TEXT = np.dtype(h5py.string_dtype("utf-8"))


@dataclass(frozen=True)
class Kind:
    """A kind of file: the name of its format, and the newest schema version that this release writes and reads."""

    format: str
    newest: int


@contextmanager
def create_file(path: str | os.PathLike[str], kind: Kind) -> Iterator[h5py.File]:
    """Give an empty file of that kind to write into; it appears at ``path`` when the block ends well.

    Raises:
        OSError: the folder cannot be written.
    """
    with atomic_path(path) as temporary, h5py.File(temporary, "w") as file:
        file.attrs["format"] = kind.format
        file.attrs["schema_version"] = kind.newest
        file.attrs["writer"] = "qabwnas"
        file.attrs["writer_version"] = metadata.version("qabwnas")
        file.attrs["created"] = datetime.now(UTC).isoformat(timespec="seconds")
        yield file


def write_array(
    parent: h5py.Group, name: str, values: NDArray[Any], dims: Sequence[str], units: Sequence[str] = ("",)
) -> None:
    """Write an array contiguously, with the names of its dimensions and its units.

    Args:
        dims: one a dimension, slowest first.
        units: one for all values, or one each along the first dimension; empty text where there is none.
    """
    dataset = parent.create_dataset(name, data=values)
    dataset.attrs["dims"] = np.array(dims, dtype=TEXT)
    dataset.attrs["units"] = np.array(units, dtype=TEXT)


def write_texts(parent: h5py.Group, name: str, texts: Sequence[str], dims: Sequence[str]) -> None:
    """Write texts as UTF-8 of variable length.

    Raises:
        InputError: a text holds NUL or a lone surrogate, which HDF5 cannot store.
    """
    for index, text in enumerate(texts):
        check_text(f"{parent.name}/{name}[{index}]", text)
    write_array(parent, name, np.array(texts, dtype=TEXT), dims)


def check_text(where: str, text: str) -> None:
    """Raise InputError if HDF5 cannot store the text: it holds NUL, or a lone surrogate, which UTF-8 does not have."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InputError(f"{where}: {text!r} is not Unicode text") from error
    if "\0" in text:
        raise InputError(f"{where}: {text!r} holds a NUL")

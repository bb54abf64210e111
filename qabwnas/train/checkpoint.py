"""Tensors in files: written atomically, checked whole, read without unpickling anything but tensors and plain values.

A checkpoint is a file of :func:`torch.save` with a footer of one line: the format, its schema version, what kind of
checkpoint it is, and the SHA-256 of all bytes before. torch reads over the footer, and over damaged tensors too:
hence the checksum, which is compared before torch sees a byte.
"""

from __future__ import annotations

import hashlib
import io
import os
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from qabwnas.errors import FormatError
from qabwnas.io.atomic import atomic_path

FORMAT = "qabwnas-checkpoint"
SCHEMA_VERSION = 1
LONGEST_FOOTER = 200


def save_checkpoint(path: str | os.PathLike[str], kind: str, content: Mapping[str, Any]) -> None:
    """Write tensors and plain values, nested in dicts and lists; ``kind`` is one word that says what they are.

    Raises:
        OSError: the file cannot be written; an older one is then untouched.
    """
    archive = io.BytesIO()  # not a path: torch would write the (temporary) name into the archive
    torch.save(dict(content), archive)
    footer = f"\n{FORMAT} {SCHEMA_VERSION} {kind} {hashlib.sha256(archive.getbuffer()).hexdigest()}\n"
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        file.write(archive.getbuffer())
        file.write(footer.encode())


def load_checkpoint(path: str | os.PathLike[str], kind: str) -> dict[str, Any]:
    """Return what :func:`save_checkpoint` wrote, with all tensors on the CPU.

    Raises:
        FormatError: the file is truncated, damaged, foreign, of a newer schema or of another kind, or holds objects.
        OSError: the file is not there or cannot be read.
    """
    path = Path(path)
    archive, footer = _split(path.read_bytes())
    if len(footer) != 4 or footer[0] != FORMAT or not footer[1].isdecimal():
        raise FormatError(f"{path}: not a checkpoint, or a truncated one")
    if int(footer[1]) > SCHEMA_VERSION:
        raise FormatError(f"{path}: written by schema {footer[1]}, this reads up to {SCHEMA_VERSION}")
    if hashlib.sha256(archive).hexdigest() != footer[3]:
        raise FormatError(f"{path}: a damaged checkpoint: its checksum is another one")
    if footer[2] != kind:
        raise FormatError(f"{path}: a checkpoint of kind {footer[2]!r}, not {kind!r}")
    try:
        content: dict[str, Any] = torch.load(io.BytesIO(archive), map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise FormatError(f"{path}: holds something else than tensors and plain values") from error
    return content


def _split(content: bytes) -> tuple[memoryview, list[str]]:
    """Return the archive and the words of the footer; no words where there is no footer."""
    start = content.rfind(b"\n", max(0, len(content) - LONGEST_FOOTER), -1)
    if start < 0 or not content.endswith(b"\n"):
        return memoryview(content), []
    return memoryview(content)[:start], content[start:].decode(errors="replace").split()


def save_weights(path: str | os.PathLike[str], kind: str, module: nn.Module) -> None:
    """Write a module's parameters and buffers; raises as :func:`save_checkpoint`."""
    save_checkpoint(path, kind, module.state_dict())


def load_weights(path: str | os.PathLike[str], kind: str, module: nn.Module) -> None:
    """Load into ``module``, in place, what :func:`save_weights` wrote.

    Raises:
        FormatError: as :func:`load_checkpoint`, or the weights are of a module of another structure.
        OSError: the file is not there or cannot be read.
    """
    try:
        module.load_state_dict(load_checkpoint(path, kind))
    except RuntimeError as error:
        raise FormatError(f"{os.fspath(path)}: does not fit: {' '.join(str(error).split())}") from error

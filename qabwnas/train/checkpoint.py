"""Tensors in files: written atomically, checked whole, read without unpickling anything but tensors and plain values.

A checkpoint is a file of :func:`torch.save` with a footer of one line: the format, its schema version, what kind of
checkpoint it is, and the SHA-256 of all bytes before it. torch ignores the footer, but also damaged tensor bytes.
Therefore the checksum is compared before torch reads the file.
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
DAMAGED = "a damaged checkpoint: its checksum is another one"


def save_checkpoint(path: str | os.PathLike[str], kind: str, content: Mapping[str, Any]) -> None:
    """Write tensors and plain values, nested in dicts and lists; ``kind`` is one word for their meaning.

    Raises:
        OSError: the file cannot be written; an older file is then unchanged.
    """
    archive = io.BytesIO()  # not a path: torch would write the (temporary) name into the archive
    torch.save(dict(content), archive)
    footer = f"\n{FORMAT} {SCHEMA_VERSION} {kind} {hashlib.sha256(archive.getbuffer()).hexdigest()}\n"
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        file.write(archive.getbuffer())
        file.write(footer.encode())


def load_checkpoint(path: str | os.PathLike[str], kind: str) -> dict[str, Any]:
    """Return the content that :func:`save_checkpoint` wrote, with all tensors on the CPU.

    Raises:
        FormatError: the file is truncated, damaged, of another format, a newer schema or another kind, or holds
            objects.
        OSError: the file does not exist or cannot be read.
    """
    path = Path(path)
    archive, footer = _split(path.read_bytes())
    if len(footer) != 4 or footer[0] != FORMAT or not footer[1].isdecimal():
        raise FormatError(f"{path}: not a checkpoint, or a truncated one")
    if int(footer[1]) > SCHEMA_VERSION:
        raise FormatError(f"{path}: written by schema {footer[1]}, this reads up to {SCHEMA_VERSION}")
    if hashlib.sha256(archive).hexdigest() != footer[3]:
        raise FormatError(f"{path}: {DAMAGED}")
    if footer[2] != kind:
        raise FormatError(f"{path}: a checkpoint of kind {footer[2]!r}, not {kind!r}")
    try:
        content: dict[str, Any] = torch.load(io.BytesIO(archive), map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise FormatError(f"{path}: holds something else than tensors and plain values") from error
    return content


def check_whole(path: str | os.PathLike[str]) -> None:
    """Raise FormatError if a file is a checkpoint of ours, of any kind, and damaged; any other file passes."""
    archive, footer = _split(Path(path).read_bytes())
    if len(footer) == 4 and footer[0] == FORMAT and hashlib.sha256(archive).hexdigest() != footer[3]:
        raise FormatError(f"{os.fspath(path)}: {DAMAGED}")


def _split(content: bytes) -> tuple[memoryview, list[str]]:
    """Return the archive and the words of the footer; no words if there is no footer."""
    start = content.rfind(b"\n", max(0, len(content) - LONGEST_FOOTER), -1)
    if start < 0 or not content.endswith(b"\n"):
        return memoryview(content), []
    return memoryview(content)[:start], content[start:].decode(errors="replace").split()


def save_weights(path: str | os.PathLike[str], kind: str, module: nn.Module) -> None:
    """Write a module's parameters and buffers; raises as :func:`save_checkpoint`."""
    save_checkpoint(path, kind, module.state_dict())


def load_weights(path: str | os.PathLike[str], kind: str, module: nn.Module) -> None:
    """Load weights that :func:`save_weights` wrote into ``module``, in place.

    Raises:
        FormatError: as :func:`load_checkpoint`, or the weights belong to a module of another structure.
        OSError: the file does not exist or cannot be read.
    """
    try:
        module.load_state_dict(load_checkpoint(path, kind))
    except RuntimeError as error:
        raise FormatError(f"{os.fspath(path)}: does not fit: {' '.join(str(error).split())}") from error

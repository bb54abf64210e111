"""Tensors in files: written atomically, checked whole, read without unpickling anything but tensors and plain values.

A checkpoint is a file of :func:`torch.save` with a footer of one line: the format, its schema version, what kind of
checkpoint it is, and the SHA-256 of all bytes before it. torch ignores the footer, but also damaged tensor bytes.
Therefore the checksum is compared before torch reads the file.

The weights of networks that leave a run are safetensors, which many programs read. Their metadata say the same: format,
schema version, kind, SHA-256 of the tensors; ``run``, a fingerprint of the settings and files that they come from; and
``trained``, which network was trained and with which seed. Equal kind, ``run`` and ``trained`` mean the same training.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from qabwnas.errors import FormatError
from qabwnas.io.atomic import atomic_path

FORMAT = "qabwnas-checkpoint"
SCHEMA_VERSION = 1
LONGEST_FOOTER = 200
DAMAGED = "a damaged checkpoint: its checksum is another one"
WEIGHTS_FORMAT = "qabwnas-weights"
WEIGHTS_SCHEMA_VERSION = 1
SAFETENSORS, CHECKPOINT = ".safetensors", ".pt"


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
    """Load weights into ``module``, in place: those of :func:`write_safetensors` from a file ``.safetensors``, those of
    :func:`save_weights` from any other.

    Raises:
        FormatError: as :func:`load_checkpoint`, or the weights belong to a module of another structure.
        OSError: the file does not exist or cannot be read.
    """
    read = _read_safetensors if Path(path).suffix == SAFETENSORS else load_checkpoint
    try:
        module.load_state_dict(read(path, kind))
    except RuntimeError as error:
        raise FormatError(f"{os.fspath(path)}: does not fit: {' '.join(str(error).split())}") from error


@dataclass(frozen=True)
class WeightsOrigin:
    """What the weights in a safetensors file are and come from.

    Attributes:
        kind: one word for their meaning.
        run: a fingerprint of the settings and files that they come from.
        trained: which network was trained, and with which seed; empty in files of earlier versions.
    """

    kind: str
    run: str
    trained: str


def write_safetensors(path: str | os.PathLike[str], origin: WeightsOrigin, module: nn.Module) -> None:
    """Write a module's parameters and buffers as safetensors; equal weights of equal origin give equal files.

    Raises:
        OSError: the file cannot be written; an older file is then unchanged.
    """
    # Copies, because safetensors refuses tensors that share memory.
    tensors = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in module.state_dict().items()}
    metadata = {
        "format": "pt",  # says to other readers that the tensors are torch's
        "writer": WEIGHTS_FORMAT,
        "schema_version": str(WEIGHTS_SCHEMA_VERSION),
        **vars(origin),
        "sha256": _tensors_sha256(tensors),
    }
    with atomic_path(path) as temporary:
        temporary.write_bytes(_sorted_metadata(safetensors.torch.save(tensors, metadata)))


def _sorted_metadata(content: bytes) -> bytes:
    """Return safetensors with sorted metadata, because the library writes them in random order.

    The format is the length of the header in 8 bytes, the header as JSON padded to a multiple of 8, and the tensors.
    """
    end = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:end])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + content[end:]


def read_origin(path: str | os.PathLike[str]) -> WeightsOrigin:
    """Return the origin of a whole file of :func:`write_safetensors`; reads it all to compare its checksum.

    Raises:
        FormatError: the file is truncated, damaged, of another writer, or of a newer schema.
        OSError: the file does not exist or cannot be read.
    """
    return _read_with_origin(path)[0]


def _read_safetensors(path: str | os.PathLike[str], kind: str) -> dict[str, Tensor]:
    """Return what :func:`write_safetensors` wrote, on the CPU; raises as :func:`load_checkpoint`."""
    origin, tensors = _read_with_origin(path)
    if origin.kind != kind:
        raise FormatError(f"{os.fspath(path)}: weights of kind {origin.kind!r}, not {kind!r}")
    return tensors


def _read_with_origin(path: str | os.PathLike[str]) -> tuple[WeightsOrigin, dict[str, Tensor]]:
    path = Path(path)
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is no mapping
    except safetensors.SafetensorError as error:
        raise FormatError(f"{path}: not a safetensors file, or a damaged one: {error}") from error
    version = metadata.get("schema_version", "")
    if metadata.get("writer") != WEIGHTS_FORMAT or not version.isdecimal():
        raise FormatError(f"{path}: not weights that qabwnas wrote: its metadata do not say so")
    if int(version) > WEIGHTS_SCHEMA_VERSION:
        raise FormatError(f"{path}: written by schema {version}, this reads up to {WEIGHTS_SCHEMA_VERSION}")
    if metadata.get("sha256") != _tensors_sha256(tensors):
        raise FormatError(f"{path}: damaged weights: their checksum is another one")
    return WeightsOrigin(*(metadata.get(name, "") for name in ("kind", "run", "trained"))), tensors


def _tensors_sha256(tensors: Mapping[str, Tensor]) -> str:
    """Return a SHA-256 over names, types, shapes and bytes, in the order of the names."""
    digest = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
